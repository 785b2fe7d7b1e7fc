package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

type keysCommand struct {
	New    keysNew    `cmd:"" help:"Create a keyset file. It never overwrites one."`
	Rotate keysRotate `cmd:"" help:"Encrypt (seal) new values with a new key from now on. The old keys stay in the file."`
	Reseal keysReseal `cmd:"" help:"Encrypt (seal) everything in the database again with the newest key."`
}

type keysNew struct{}

// Run creates the keyset.
func (keysNew) Run() error {
	c, err := environmentConfig(serveDefaults())
	if err != nil {
		return err
	}
	keys, err := seal.Create(c.KeysetFile)
	if err != nil {
		return err
	}
	fmt.Printf("created %s with key %d; keep a copy separate from the database's backups\n", c.KeysetFile, keys.Primary())
	return nil
}

type keysRotate struct {
	Prepare bool `help:"Add the new key, but do not seal with it yet. For several hosts."`
}

// Help describes the steps on one host and on several.
func (keysRotate) Help() string {
	return `Run it while serve runs. No restart is needed: a running process reads the new file before it seals (encrypts)
the next value, and when it meets a value whose key it does not know.

With several hosts, every host must know a key before any host seals with it:
  1. fieldbridge keys rotate --prepare    on one host
  2. copy the keyset file to the others, with mode 0600
  3. fieldbridge keys rotate              on one host: the prepared key is in use from now on
  4. copy the keyset file to the others again

Keep a copy of the new file separate from the database's backups. Then run fieldbridge keys reseal.`
}

// Run changes the keyset file.
func (r keysRotate) Run() error {
	c, err := environmentConfig(serveDefaults())
	if err != nil {
		return err
	}
	if r.Prepare {
		id, err := seal.Prepare(c.KeysetFile)
		if errors.Is(err, seal.ErrPrepared) {
			return fmt.Errorf("%w; once every host has it, run: fieldbridge keys rotate", err)
		}
		if err != nil {
			return err
		}
		fmt.Printf("prepared key %d in %s, which is not in use yet; copy the file to every host, then run: fieldbridge keys rotate\n", id, c.KeysetFile)
		return nil
	}
	id, prepared, err := seal.Rotate(c.KeysetFile)
	if err != nil {
		return err
	}
	what := "new"
	if prepared {
		what = "prepared"
	}
	fmt.Printf("new values are sealed with the %s key %d of %s; keep a copy of the file separate from the database's backups, and run: fieldbridge keys reseal\n", what, id, c.KeysetFile)
	return nil
}

type keysReseal struct {
	Drop  bool `help:"Then remove from the keyset file the old keys that seal nothing."`
	Yes   bool `help:"With --drop: accept that earlier backups will not open with this file."`
	Force bool `help:"With --drop: do not wait a day after the rotation, because every host has the new file."`
}

// Help describes what reseal does with unreadable values, and what --drop removes.
func (keysReseal) Help() string {
	return `It can run while serve runs. You can stop it at any time and run it again; it continues where it stopped.

A value that does not open with any key of the file was altered or moved, or needs a key that the file does not have.
reseal names such a value, says what to do, and leaves it as it is.

--drop removes old keys from the file for good, and requires --yes. A backup of the database from before
this needs the old keys, so keep a copy of the file as long as the backup. --drop is refused until a day after the
rotation: a host that does not have the new file yet may still seal values with an old key, and they would be lost.
If every host has the new file, --force removes the keys earlier.`
}

// Run seals everything again.
func (r keysReseal) Run(ctx context.Context) error {
	c, err := environmentConfig(serveDefaults())
	if err != nil {
		return err
	}
	keys, err := loadKeys(c.KeysetFile)
	if err != nil {
		return err
	}
	if r.Drop && !r.Yes {
		return errors.New("--drop removes old keys for good, and backups of the database from before never open with this keyset file again; " +
			"if you have a copy of the file for them, or do not need them, add --yes")
	}
	if r.Drop && !r.Force {
		if err := keys.CheckDrop(time.Now()); err != nil {
			return fmt.Errorf("%w, a day after the rotation, because a host that has the old file may still seal with an old key; "+
				"run it again then, or add --force if every host has the new file", err)
		}
	}
	return withSchema(ctx, c, func(db *database.DB) error {
		if err := keyring.Verify(ctx, db, keys); err != nil {
			return err
		}
		if err := reseal(ctx, db, keys, os.Stdout, os.Stderr); err != nil || !r.Drop {
			return err
		}
		return dropUnused(ctx, db, keys, c.KeysetFile, os.Stdout)
	})
}

// reseal seals everything again. It prints how much each key still seals, and what is
// unreadable.
func reseal(ctx context.Context, db *database.DB, keys *seal.Keys, out, screen io.Writer) error {
	var p *progress
	_, err := keyring.Reseal(ctx, db, keys, func(done, total int64) {
		if p == nil {
			p = newProgress(screen, "resealed", total)
		}
		p.set(done)
	})
	if p != nil {
		p.end()
	}
	if err != nil {
		return fmt.Errorf("%w; what is done stays done, run it again for the rest", err)
	}
	with, err := keyring.SealedWith(ctx, db)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "sealed with key %d, which seals new values: %s\n", keys.Primary(), thousands(with[keys.Primary()]))
	for _, id := range keys.Old() {
		_, _ = fmt.Fprintf(out, "sealed with old key %d: %s\n", id, thousands(with[id]))
	}
	left, err := keyring.FindOldKeys(ctx, db, keys)
	if err != nil {
		return err
	}
	return sayBroken(out, left.Unreadable)
}

// dropUnused removes the old keys from the file if no value needs them.
func dropUnused(ctx context.Context, db *database.DB, keys *seal.Keys, file string, out io.Writer) error {
	old := keys.Old()
	left, err := keyring.FindOldKeys(ctx, db, keys)
	if err != nil {
		return err
	}
	switch {
	case slices.ContainsFunc(old, func(id uint32) bool { return left.Opens[id] > 0 }):
		return errors.New("an old key still seals something, so none was removed; make sure that every host has the new keyset file, and run it again")
	case slices.ContainsFunc(left.Unreadable, func(b keyring.Unreadable) bool { return !b.GivenUp() }):
		return errors.New("a value that is still needed does not open, so no old key was removed; do what is said above, and run it again")
	case len(old) == 0:
		_, _ = fmt.Fprintln(out, "there is no old key to remove")
		return nil
	}
	if err := seal.Drop(file, old); err != nil {
		return err
	}
	if err := keyring.ForgetKeys(ctx, db, old); err != nil {
		return err
	}
	for _, id := range old {
		_, _ = fmt.Fprintf(out, "removed key %d from %s\n", id, file)
	}
	return nil
}
