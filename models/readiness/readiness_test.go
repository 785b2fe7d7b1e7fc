package readiness_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/readiness"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// host is an instance that checks itself.
type host struct {
	*testing.T
	db     *database.DB
	clock  *modeltest.Clock
	keys   *seal.Keys
	file   string
	check  *readiness.Checker
	counts map[readiness.Cause]int
}

func newHost(t *testing.T, db *database.DB, clock *modeltest.Clock) *host {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keyset.json")
	keys, err := seal.Create(file)
	if err == nil {
		err = keyring.Check(t.Context(), db, keys)
	}
	if err != nil {
		t.Fatal(err)
	}
	return hostWith(t, db, clock, keys, file)
}

func hostWith(t *testing.T, db *database.DB, clock *modeltest.Clock, keys *seal.Keys, file string) *host {
	h := &host{T: t, db: db, clock: clock, keys: keys, file: file, counts: map[readiness.Cause]int{}}
	h.check = readiness.New(db, keys, func(c readiness.Cause) { h.counts[c]++ }, slog.New(slog.DiscardHandler))
	return h
}

// wants checks anew.
func (h *host) wants(cause readiness.Cause) {
	h.Helper()
	h.clock.Add(readiness.Kept)
	if got := h.check.Check(h.Context()); got.Cause != cause {
		h.Errorf("got %q (%v), want %q", got.Cause, got.Err, cause)
	}
}

func (h *host) exec(statement string) {
	h.Helper()
	if err := h.db.Write(h.Context(), func(tx *gorm.DB) error { return tx.Exec(statement).Error }); err != nil {
		h.Fatal(err)
	}
}

func onHost(t *testing.T, test func(h *host)) {
	t.Helper()
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) { test(newHost(t, db, clock)) })
}

// What is wrong with the schema and the keyset file is said, and what is repaired is
// forgotten.
func TestReadyUntilSomethingIsWrong(t *testing.T) {
	onHost(t, func(h *host) {
		h.wants(readiness.None)
		h.exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
		h.wants(readiness.OtherSchema)
		h.exec("DELETE FROM goose_db_version WHERE version_id = 9999")
		h.wants(readiness.None)
		foreign := "X'01ffffffff00'"
		if h.db.OnPostgres() {
			foreign = "decode('01ffffffff00', 'hex')"
		}
		h.exec("UPDATE key_canary SET sealed = " + foreign)
		h.wants(readiness.OtherKeyset)
		if h.counts[readiness.OtherSchema] != 1 || h.counts[readiness.OtherKeyset] != 1 {
			h.Errorf("counted %v", h.counts)
		}
		_ = h.db.Close()
		h.wants(readiness.NoAnswer)
	})
}

// However often somebody asks, there is one small write in a while, and all get its
// result.
func TestChecksAreShared(t *testing.T) {
	onHost(t, func(h *host) {
		writes := 0
		h.db.Intercept(func(write database.WriteFunc) database.WriteFunc {
			return func(ctx context.Context, fn func(*gorm.DB) error) error {
				writes++
				return write(ctx, fn)
			}
		})
		for range 3 {
			h.clock.Add(readiness.Kept)
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() {
					if got := h.check.Check(h.Context()); got.Cause != readiness.None {
						h.Errorf("got %q", got.Cause)
					}
				})
			}
			all.Wait()
		}
		if writes != 3 {
			h.Errorf("%d writes", writes)
		}
	})
}

// A database that is only busy stays ready, until nothing was saved for too long. A
// check that does not end keeps nobody waiting.
func TestBusyDatabaseStaysReadyForAWhile(t *testing.T) {
	onHost(t, func(h *host) {
		h.wants(readiness.None)
		h.check.SetLimit(50 * time.Millisecond)
		entered, leave := make(chan struct{}), make(chan struct{})
		restore := h.db.Intercept(func(database.WriteFunc) database.WriteFunc {
			return func(context.Context, func(*gorm.DB) error) error {
				close(entered)
				<-leave
				return sqlite3.Error{Code: sqlite3.ErrBusy}
			}
		})
		h.wants(readiness.None)
		<-entered
		h.clock.Add(readiness.Patience)
		if got := h.check.Check(h.Context()); got.Cause != readiness.NoAnswer {
			h.Errorf("while nothing is saved: %q", got.Cause)
		}
		close(leave)
		h.check.SetLimit(time.Minute)
		if got := h.check.Check(h.Context()); got.Cause != readiness.WritesWait {
			h.Errorf("after nothing was saved: %q", got.Cause)
		}
		restore()
		h.wants(readiness.None)
	})
}

// SQLite's file may not be written.
func TestReadOnlyFileIsNotReady(t *testing.T) {
	clock := modeltest.NewClock()
	h := newHost(t, modeltest.OpenBy(t, testdb.SQLite(t), clock.Now), clock)
	h.wants(readiness.None)
	h.exec("PRAGMA query_only = on")
	h.wants(readiness.ReadOnly)
}

// A server of PostgreSQL refuses writes, as a standby does after a failover.
func TestReadOnlyServerIsNotReady(t *testing.T) {
	clock, address := modeltest.NewClock(), testdb.Postgres(t)
	first := newHost(t, modeltest.OpenBy(t, address, clock.Now), clock)
	first.wants(readiness.None)
	name := address[strings.LastIndex(address, "/")+1:]
	first.exec("ALTER DATABASE " + name + " SET default_transaction_read_only = on")
	later := hostWith(t, modeltest.OpenBy(t, address, clock.Now), clock, first.keys, first.file) // with new sessions
	later.wants(readiness.ReadOnly)
}

// smallDisk returns a folder on a small file system, or an empty text if this user may
// not mount one.
func smallDisk(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=12m"); err != nil {
		t.Logf("a limit of SQLite stands for the full disk, because mounting one failed: %v", err)
		return ""
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	return folder
}

// While the disk is full, the instance says so, and goes on once there is room.
func TestFullDiskIsNotReady(t *testing.T) {
	clock, path, folder := modeltest.NewClock(), testdb.SQLite(t), smallDisk(t)
	if folder != "" {
		schema, err := os.ReadFile(path)
		if err == nil {
			path = filepath.Join(folder, "app.db")
			err = os.WriteFile(path, schema, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	h := newHost(t, modeltest.OpenBy(t, path, clock.Now), clock)
	h.wants(readiness.None)
	fill, free := func() { h.exec("PRAGMA max_page_count = 1") }, func() { h.exec("PRAGMA max_page_count = 1000000") }
	if folder != "" {
		filler := filepath.Join(folder, "filler")
		fill = func() {
			f, err := os.Create(filler)
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				_, err = f.Write(make([]byte, 4096))
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			_ = f.Close()
		}
		free = func() { _ = os.Remove(filler) }
	}
	fill()
	full := false
	for i := 0; i < 5000 && !full; i++ { // there may be room in the files that SQLite has
		full = database.OutOfSpace(h.db.Write(t.Context(), modeltest.AddCompany(strings.Repeat("full ", 500))))
	}
	if !full {
		t.Fatal("the disk is not full")
	}
	h.wants(readiness.DiskFull)
	h.wants(readiness.DiskFull)
	free()
	clock.Add(readiness.FullRecently)
	h.wants(readiness.None)
	if err := h.db.Write(t.Context(), modeltest.AddCompany("Room")); err != nil {
		t.Error(err)
	}
}

// After keys rotate on one host, another says that its file lacks the new key, until it
// has the file too. So does a host that lacks an old key which still seals something.
func TestKeysetFileThatLacksAKey(t *testing.T) {
	onHost(t, func(first *host) {
		k := modeltest.NewKept(first.T, first.db, first.clock.Now)
		k.Seed(1, first.clock.Now(), first.clock.Now().Add(time.Hour))
		copyOf := func() (*seal.Keys, string) {
			text, err := os.ReadFile(first.file)
			file := filepath.Join(first.TempDir(), "keyset.json")
			if err == nil {
				err = os.WriteFile(file, text, 0o600)
			}
			if err != nil {
				first.Fatal(err)
			}
			keys, err := seal.Load(file)
			if err != nil {
				first.Fatal(err)
			}
			return keys, file
		}
		keys, file := copyOf()
		second := hostWith(first.T, first.db, first.clock, keys, file)
		first.wants(readiness.None)
		second.wants(readiness.None)
		primary, _, err := seal.Rotate(first.file)
		if err != nil {
			first.Fatal(err)
		}
		first.wants(readiness.None)
		second.wants(readiness.KeyMissing)
		if first.keys.Primary() != primary || keys.Has(primary) {
			first.Error("the new key is not where it should be")
		}
		text, err := os.ReadFile(first.file)
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			first.Fatal(err)
		}
		second.wants(readiness.None)
	})
}
