package models

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// Keys are rotated and everything is sealed again while processes from before
// renew, and while the process that does it is killed twice: nothing ever fails
// to open, nothing is left under the old key, and an old backup still opens with
// the old keyset (A73).
func TestA73RotationUnderLoad(t *testing.T) {
	for name, database := range map[string]func(t *testing.T) string{
		"PostgreSQL": func(t *testing.T) string { return testdb.Postgres(t) },
		"SQLite":     func(t *testing.T) string { return testdb.SQLite(t) },
	} {
		t.Run(name, func(t *testing.T) { rotateUnderLoad(t, database(t), 2000) })
	}
}

func rotateUnderLoad(t *testing.T, address string, connections int) {
	db := openAt(t, address)
	k := newKept(t, db, time.Now)
	c := k.overTheNetwork(address, time.Hour)
	sealOneOfEach(k)
	k.exec("DELETE FROM credentials")
	ids := k.seed(connections, time.Now(), time.Now().Add(time.Hour))
	backup := backup(k, address)
	keeper := c.start(t)
	old, primary := rotate(k)
	reading, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	opens, renewals := 0, 0
	readers.Go(func() { opens = openAll(k, reading, ids) })
	readers.Go(func() { renewals = makeDue(k, reading, ids) })
	defer readers.Wait()
	defer stop()

	c.Reseals = true
	for range 2 {
		process, out := c.command(t)
		if err := process.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if n, err := strconv.Atoi(lines.Text()); err != nil || n >= connections/4 {
				break
			}
		}
		_ = process.Process.Kill()
		if err := process.Wait(); err == nil {
			t.Error("the process was done before it was killed")
		}
		if left := sealedWith(k, old); left == 0 {
			t.Error("nothing is left for the next one")
		}
	}
	process, out := c.command(t)
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said = append(said, lines.Text())
	}
	if err := process.Wait(); err != nil {
		t.Errorf("%v, said %q", err, said)
	}
	k.until(func() bool { return k.count("SELECT count(*) FROM credentials WHERE generation > 1") > connections/20 })
	stop()
	readers.Wait()
	_ = keeper.Process.Signal(syscall.SIGTERM)
	if err := keeper.Wait(); err != nil {
		t.Error("the keeper does not stop well:", err)
	}
	if n := sealedWith(k, old); n != 0 {
		t.Errorf("%d values under the old key", n)
	}
	if n := sealedWith(k, primary); n < int64(2*connections) {
		t.Errorf("%d values under the new key", n)
	}
	opened(k, k.keys)
	if states := k.states(); states[Connected] != connections+3 || k.refusals() != 0 {
		t.Errorf("%v, %d refused", states, k.refusals())
	}
	t.Logf("%d opens, %d renewals asked for, %d made", opens, renewals, k.count("SELECT count(*) FROM credentials WHERE generation > 1"))
	backup()
}

// openAll opens what is asked for over and over, as whoever uses tokens does.
func openAll(k *kept, ctx context.Context, ids []uuid.UUID) (opens int) {
	tables := sealedTables()
	credentials := tables[slices.IndexFunc(tables, func(t SealedTable) bool { return t.Name == "credentials" })]
	for ctx.Err() == nil {
		for _, part := range slices.Collect(slices.Chunk(ids, 100)) {
			rows, err := credentials.Rows(k.db.Read(ctx).Table(credentials.Name).Where("connection_id IN ?", part))
			if err != nil {
				if ctx.Err() == nil {
					k.Error(err)
				}
				return opens
			}
			for _, row := range rows {
				for _, v := range row.Values {
					if v.Sealed == nil {
						continue
					}
					if _, err := k.keys.Open(v.Sealed, v.Place); err != nil {
						k.Error("a failed open:", err)
					}
					opens++
				}
			}
		}
	}
	return opens
}

// makeDue makes connections due, some at a time, so that they are renewed.
func makeDue(k *kept, ctx context.Context, ids []uuid.UUID) (n int) {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for part := range slices.Chunk(ids, 20) {
		select {
		case <-again.C:
		case <-ctx.Done():
			return n
		}
		err := k.db.Write(ctx, func(tx *gorm.DB) error {
			return tx.Exec("UPDATE credentials SET due_at = ? WHERE connection_id IN ?", k.db.Now(), part).Error
		})
		if err != nil && ctx.Err() == nil {
			k.Error(err)
		}
		n += len(part)
	}
	return n
}

// backup copies database and keyset as an operator does; what it returns opens
// the copies. Of PostgreSQL it copies the values that are sealed.
func backup(k *kept, address string) (opens func()) {
	k.Helper()
	text, err := os.ReadFile(k.keyset)
	if err != nil {
		k.Fatal(err)
	}
	folder := k.TempDir()
	keyset, file := filepath.Join(folder, "old-keyset.json"), filepath.Join(folder, "backup.db")
	if err := os.WriteFile(keyset, text, 0o600); err != nil {
		k.Fatal(err)
	}
	before := opened(k, k.keys)
	var rows []SealedRow
	if !k.db.OnPostgres() {
		db, err := sql.Open("sqlite3", "file:"+address)
		if err == nil {
			_, err = db.ExecContext(k.Context(), "VACUUM INTO ?", file)
		}
		if err := errors.Join(err, db.Close()); err != nil {
			k.Fatal(err)
		}
	} else {
		for _, table := range sealedTables() {
			more, err := table.Rows(k.db.Read(k.Context()).Table(table.Name))
			if err != nil {
				k.Fatal(err)
			}
			rows = append(rows, more...)
		}
	}
	return func() {
		k.Helper()
		keys, err := seal.Load(keyset)
		if err != nil {
			k.Fatal(err)
		}
		if !k.db.OnPostgres() {
			db, err := OpenDB(k.Context(), file, time.Now)
			if err != nil {
				k.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			if err := CheckKeyset(k.Context(), db, keys); err != nil {
				k.Error("old backup with old keyset:", err)
			}
			old := *k
			old.db = db
			if n := len(opened(&old, keys)); n != len(before) {
				k.Errorf("%d values in the backup, want %d", n, len(before))
			}
		}
		for _, row := range rows {
			for _, v := range row.Values {
				if v.Sealed == nil {
					continue
				}
				if value, err := keys.Open(v.Sealed, v.Place); err != nil || value != before[v.Place] {
					k.Errorf("old %s with old keyset: %v", strings.Join([]string{v.Place.Table, v.Column}, "."), err)
				}
			}
		}
	}
}

// A host that has yet to get the newest keyset file ends no connection: it opens
// what it can, and goes on with the rest once it has the file.
func TestHostWithoutTheNewKey(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		id := k.seed(1, db.Now(), db.Now().Add(time.Hour))[0]
		behind, err := os.ReadFile(k.keyset)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "keyset.json")
		if err := os.WriteFile(file, behind, 0o600); err != nil {
			t.Fatal(err)
		}
		keys, err := seal.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		host := NewKeeper(db, keys, k.clients, KeeperOptions{KeepAlive: time.Hour, PerSecond: 100}, slog.New(slog.NewTextHandler(k.logged, nil)))
		rotate(k)
		reseal(k)

		generation := k.connection(id).Generation
		for name, ask := range map[string]func() (Access, error){
			"access":  func() (Access, error) { return host.AccessToken(t.Context(), k.companyID, id) },
			"renewal": func() (Access, error) { return host.Renew(t.Context(), k.companyID, id, generation) },
		} {
			if _, err := ask(); !errors.Is(err, ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if c := k.connection(id); c.State != Connected || c.Failures != 0 {
			t.Errorf("it is %s after %d failures", c.State, c.Failures)
		}
		newest, err := os.ReadFile(k.keyset)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, newest, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := host.Renew(t.Context(), k.companyID, id, generation); err != nil {
			t.Errorf("with the file: %v", err)
		}
	})
}
