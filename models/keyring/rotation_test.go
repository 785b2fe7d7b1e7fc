package keyring_test

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

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// Keys are rotated and everything is sealed again while processes from before
// renew, and while the process that does it is killed twice: nothing ever fails
// to open, nothing is left under the old key, and an old backup still opens with
// the old keyset.
func TestRotationUnderLoad(t *testing.T) {
	for name, database := range map[string]func(t *testing.T) string{
		"PostgreSQL": func(t *testing.T) string { return testdb.Postgres(t) },
		"SQLite":     func(t *testing.T) string { return testdb.SQLite(t) },
	} {
		t.Run(name, func(t *testing.T) { rotateUnderLoad(t, database(t), 2000) })
	}
}

func rotateUnderLoad(t *testing.T, address string, connections int) {
	db := modeltest.OpenAt(t, address)
	k := modeltest.NewKept(t, db, time.Now)
	c := k.OverTheNetwork(address, time.Hour)
	sealOneOfEach(k)
	k.Exec("DELETE FROM credentials")
	ids := k.Seed(connections, time.Now(), time.Now().Add(time.Hour))
	backup := backup(k, address)
	keeper := c.Start(t)
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
		process, out := c.Command(t)
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
	process, out := c.Command(t)
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
	k.Until(func() bool { return k.Count("SELECT count(*) FROM credentials WHERE generation > 1") > connections/20 })
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
	opened(k, k.Keys)
	if states := k.States(); states[models.Connected] != connections+3 || k.Refusals() != 0 {
		t.Errorf("%v, %d refused", states, k.Refusals())
	}
	t.Logf("%d opens, %d renewals asked for, %d made", opens, renewals, k.Count("SELECT count(*) FROM credentials WHERE generation > 1"))
	backup()
}

// openAll opens what is asked for over and over, as whoever uses tokens does. It ends
// between two queries, so it leaves no interrupted connection to the database.
func openAll(k *modeltest.Kept, ctx context.Context, ids []uuid.UUID) (opens int) {
	tables := keyring.SealedTables()
	credentials := tables[slices.IndexFunc(tables, func(t database.SealedTable) bool { return t.Name == "credentials" })]
	for ctx.Err() == nil {
		for _, part := range slices.Collect(slices.Chunk(ids, 100)) {
			rows, err := credentials.Rows(k.DB.Read(k.Context()).Table(credentials.Name).Where("connection_id IN ?", part))
			if err != nil {
				k.Error(err)
				return opens
			}
			for _, row := range rows {
				for _, v := range row.Values {
					if v.Sealed == nil {
						continue
					}
					if _, err := k.Keys.Open(v.Sealed, v.Place); err != nil {
						k.Error("a failed open:", err)
					}
					opens++
				}
			}
		}
	}
	return opens
}

// makeDue makes connections due, some at a time, so that they are renewed. It also
// ends between two statements.
func makeDue(k *modeltest.Kept, ctx context.Context, ids []uuid.UUID) (n int) {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for part := range slices.Chunk(ids, 20) {
		select {
		case <-again.C:
		case <-ctx.Done():
			return n
		}
		err := k.DB.Write(k.Context(), func(tx *gorm.DB) error {
			return tx.Exec("UPDATE credentials SET due_at = ? WHERE connection_id IN ?", k.DB.Now(), part).Error
		})
		if err != nil {
			k.Error(err)
		}
		n += len(part)
	}
	return n
}

// backup copies database and keyset as an operator does; what it returns opens
// the copies. Of PostgreSQL it copies the values that are sealed.
func backup(k *modeltest.Kept, address string) (opens func()) {
	k.Helper()
	text, err := os.ReadFile(k.Keyset)
	if err != nil {
		k.Fatal(err)
	}
	folder := k.TempDir()
	keyset, file := filepath.Join(folder, "old-keyset.json"), filepath.Join(folder, "backup.db")
	if err := os.WriteFile(keyset, text, 0o600); err != nil {
		k.Fatal(err)
	}
	before := opened(k, k.Keys)
	var rows []database.SealedRow
	if !k.DB.OnPostgres() {
		db, err := sql.Open("sqlite3", "file:"+address)
		if err == nil {
			_, err = db.ExecContext(k.Context(), "VACUUM INTO ?", file)
		}
		if err := errors.Join(err, db.Close()); err != nil {
			k.Fatal(err)
		}
	} else {
		for _, table := range keyring.SealedTables() {
			more, err := table.Rows(k.DB.Read(k.Context()).Table(table.Name))
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
		if !k.DB.OnPostgres() {
			db, err := database.Open(k.Context(), file, time.Now)
			if err != nil {
				k.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			if err := keyring.Check(k.Context(), db, keys); err != nil {
				k.Error("old backup with old keyset:", err)
			}
			old := *k
			old.DB = db
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
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		id := k.Seed(1, db.Now(), db.Now().Add(time.Hour))[0]
		behind, err := os.ReadFile(k.Keyset)
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
		host := keeper.New(db, keys, k.Clients, keeper.Options{KeepAlive: time.Hour, PerSecond: 100}, slog.New(slog.NewTextHandler(k.Logged, nil)))
		rotate(k)
		reseal(k)

		generation := k.Connection(id).Generation
		for name, ask := range map[string]func() (keeper.Access, error){
			"access":  func() (keeper.Access, error) { return host.AccessToken(t.Context(), k.CompanyID, id) },
			"renewal": func() (keeper.Access, error) { return host.Renew(t.Context(), k.CompanyID, id, generation) },
		} {
			if _, err := ask(); !errors.Is(err, database.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if c := k.Connection(id); c.State != models.Connected || c.Failures != 0 {
			t.Errorf("it is %s after %d failures", c.State, c.Failures)
		}
		newest, err := os.ReadFile(k.Keyset)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, newest, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := host.Renew(t.Context(), k.CompanyID, id, generation); err != nil {
			t.Errorf("with the file: %v", err)
		}
	})
}
