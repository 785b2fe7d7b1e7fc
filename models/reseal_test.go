package models

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
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
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// sealOneOfEach leaves something in every sealed column, and returns the
// connection that has a client of its own.
func (k *kept) sealOneOfEach() uuid.UUID {
	k.Helper()
	now := k.db.Now()
	ids := k.seed(3, now, now.Add(time.Hour))
	if err := k.db.CheckKeyset(k.Context(), k.keys); err != nil {
		k.Fatal(err)
	}
	user := User{ID: newID(), Email: "amy@northgate.example", Name: "Amy", CreatedAt: now}
	factor := secondFactor{UserID: user.ID, ConfirmedAt: &now, CreatedAt: now}
	own := k.credential(ids[0])
	var err, err2 error
	factor.SecretSealed, err = k.keys.Seal("a second factor's secret", factor.place())
	own.SecretSealed, err2 = k.keys.Seal("cs9.stc_own", own.place("secret_sealed"))
	if err := errors.Join(err, err2); err != nil {
		k.Fatal(err)
	}
	k.write(func(tx *gorm.DB) error {
		_, err := k.keeper.queueRevocation(tx, k.connection(ids[1]), servicetitan.NewSecret("stc_refresh_unwanted"), now)
		return errors.Join(err, tx.Create(&user).Error, tx.Create(&factor).Error,
			tx.Exec("UPDATE credentials SET secret_sealed = ?, client_id = 'cid.own' WHERE connection_id = ?", own.SecretSealed, own.ConnectionID).Error)
	})
	visitor := k.owner()
	visitor.UserID = user.ID
	if _, err := k.connections().Begin(k.Context(), visitor, servicetitan.NewSecret("a binding"), Choice{
		Environment: servicetitan.Sandbox, Way: SignInWay, TenantID: northgate,
	}); err != nil {
		k.Fatal(err)
	}
	return ids[0]
}

func (k *kept) rotate() (old, primary uint32) {
	k.Helper()
	old = k.keys.Primary()
	primary, _, err := seal.Rotate(k.keyset)
	if err != nil {
		k.Fatal(err)
	}
	return old, primary
}

func (k *kept) reseal() (rows int64) {
	k.Helper()
	keys, err := seal.Load(k.keyset)
	if err != nil {
		k.Fatal(err)
	}
	rows, err = k.db.Reseal(k.Context(), keys, func(int64, int64) {})
	if err != nil {
		k.Fatal(err)
	}
	return rows
}

func (k *kept) sealedWith(id uint32) int64 {
	k.Helper()
	n, err := k.db.SealedWith(k.Context())
	if err != nil {
		k.Fatal(err)
	}
	return n[id]
}

// opened is every value of the database that is sealed, by its place; what does
// not open is an error of the test.
func (k *kept) opened(keys *seal.Keys) map[seal.Place]string {
	k.Helper()
	all := map[seal.Place]string{}
	for _, table := range sealedTables() {
		rows, err := table.rows(k.db.Read(k.Context()).Table(table.name))
		if err != nil {
			k.Fatal(err)
		}
		for _, row := range rows {
			for _, v := range row.values {
				if v.sealed == nil {
					continue
				}
				if all[v.place], err = keys.Open(v.sealed, v.place); err != nil {
					k.Errorf("%s of %s: %v", v.column, table.name, err)
				}
			}
		}
	}
	return all
}

// Everything that is sealed is sealed again, and says the same.
func TestReseal(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		k.sealOneOfEach()
		before := k.opened(k.keys)
		old, primary := k.rotate()
		if n := k.sealedWith(old); n != 11 || len(before) != 11 {
			t.Fatalf("%d values under the old key, %d opened", n, len(before))
		}
		if err := db.VerifyKeyset(t.Context(), k.keys); err != nil {
			t.Error("rotated:", err)
		}
		keys, err := seal.Load(k.keyset)
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		rows, err := db.Reseal(t.Context(), keys, func(done, total int64) { said = append(said, fmt.Sprint(done, " of ", total)) })
		if err != nil || rows != 7 {
			t.Errorf("%d rows, %v", rows, err)
		}
		if want := []string{"0 of 7", "1 of 7", "2 of 7", "3 of 7", "4 of 7", "7 of 7"}; !slices.Equal(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
		if n, m := k.sealedWith(old), k.sealedWith(primary); n != 0 || m != 11 {
			t.Errorf("%d values under the old key, %d under the new one", n, m)
		}
		if err := seal.Drop(k.keyset, []uint32{old}); err != nil {
			t.Fatal(err)
		}
		for name, keys := range map[string]*seal.Keys{"from before": k.keys, "without the old key": keys} {
			after := k.opened(keys)
			for place, value := range before {
				if after[place] != value {
					t.Errorf("keys %s: %s.%s changed", name, place.Table, place.Column)
				}
			}
			if err := db.CheckKeyset(t.Context(), keys); err != nil {
				t.Errorf("keys %s: %v", name, err)
			}
		}
		if rows := k.reseal(); rows != 0 {
			t.Errorf("once more: %d rows", rows)
		}
	})
}

// No sealed column is forgotten.
func TestResealKnowsEveryColumn(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ *clock) {
		query := "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name LIKE '%sealed'"
		if db.dialect == postgresDialect {
			query = "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name LIKE '%sealed'"
		}
		var want, got []string
		if err := db.Read(t.Context()).Raw(query).Scan(&want).Error; err != nil {
			t.Fatal(err)
		}
		for _, table := range sealedTables() {
			for _, column := range table.columns {
				got = append(got, table.name+"."+column)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("got %q, the schema has %q", got, want)
		}
	})
}

// What does not open is named and left alone, and keeps nothing else back, not
// even in the same row.
func TestResealLeavesWhatDoesNotOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		ids := k.seed(4, clock.Now(), clock.Now().Add(time.Hour))
		foreign, moved, cut, elsewhere := k.credential(ids[3]).AccessSealed, ids[0], ids[1], ids[2]
		k.exec("UPDATE credentials SET access_sealed = ? WHERE connection_id = ?", foreign, moved)
		k.exec("UPDATE connections SET state = 'reconnect_needed', reason = 'seal_broken' WHERE id = ?", moved)
		k.exec("UPDATE credentials SET access_sealed = ?, refresh_sealed = ? WHERE connection_id = ?", []byte{1}, []byte{1}, cut)
		k.exec("UPDATE credentials SET refresh_sealed = ? WHERE connection_id = ?", append([]byte{1, 0, 0, 0, 7}, foreign[5:]...), elsewhere)
		old, primary := k.rotate()
		keys, err := seal.Load(k.keyset)
		if err != nil {
			t.Fatal(err)
		}
		before, err := db.LeftOver(t.Context(), keys)
		if err != nil || before.Opens[old] != 4 || len(before.Opens) != 1 {
			t.Errorf("before: %v, %v", before.Opens, err)
		}
		if rows := k.reseal(); rows != 3 {
			t.Errorf("%d rows", rows)
		}
		left, err := db.LeftOver(t.Context(), keys)
		if err != nil || len(left.Opens) != 0 || len(left.Broken) != 3 {
			t.Fatalf("%+v, %v", left, err)
		}
		for _, want := range []struct {
			id      uuid.UUID
			columns string
			missing []uint32
			givenUp bool
		}{
			{moved, "[access_sealed]", nil, true},
			{cut, "[access_sealed refresh_sealed]", nil, false},
			{elsewhere, "[refresh_sealed]", []uint32{7}, false},
		} {
			i := slices.IndexFunc(left.Broken, func(b Broken) bool { return b.Row == want.id.String() })
			if i < 0 {
				t.Errorf("%s is not named", want.id)
				continue
			}
			got := left.Broken[i]
			if got.Table != "credentials" || fmt.Sprint(got.Columns) != want.columns || !slices.Equal(got.MissingKeys, want.missing) || got.GivenUp() != want.givenUp || got.CompanyName == "" {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
		if got := k.credential(moved); !slices.Equal(got.AccessSealed, foreign) || k.sealedWith(old) != 1 || k.sealedWith(primary) != 4 {
			t.Errorf("%d values under the old key and %d under the new one, or the row was changed", k.sealedWith(old), k.sealedWith(primary))
		}
		if rows := k.reseal(); rows != 0 {
			t.Errorf("once more: %d rows", rows)
		}
	})
}

// Whose second factor it is that does not open is said too.
func TestLeftOverNamesASecondFactor(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		k.sealOneOfEach()
		k.exec("UPDATE second_factors SET secret_sealed = ?", []byte{1})
		left, err := db.LeftOver(t.Context(), k.keys)
		if err != nil || len(left.Opens) != 0 || len(left.Broken) != 1 || left.Broken[0].Email != "amy@northgate.example" || left.Broken[0].Table != "second_factors" {
			t.Errorf("%+v, %v", left, err)
		}
	})
}

// A row that somebody is writing is not waited for, and is theirs.
func TestResealWaitsForNobody(t *testing.T) {
	db := openAt(t, testdb.Postgres(t))
	k := newKept(t, db, time.Now)
	ids := k.seed(3, time.Now(), time.Now().Add(time.Hour))
	old, _ := k.rotate()
	theirs := k.credential(ids[1])
	k.write(func(tx *gorm.DB) error {
		if err := tx.Exec("UPDATE credentials SET generation = 2 WHERE connection_id = ?", ids[1]).Error; err != nil {
			return err
		}
		if rows := k.reseal(); rows != 2 {
			t.Errorf("%d rows", rows)
		}
		theirs.Generation = 2
		sealed, err := k.keys.Seal("stc_access_renewed", theirs.place("access_sealed"))
		if err != nil {
			return err
		}
		return tx.Exec("UPDATE credentials SET access_sealed = ?, refresh_sealed = NULL WHERE connection_id = ?", sealed, ids[1]).Error
	})
	if access, err := new(k.credential(ids[1])).access(k.keys); err != nil || access.Reveal() != "stc_access_renewed" {
		t.Errorf("%v", err)
	}
	if rows := k.reseal(); rows != 0 || k.sealedWith(old) != 0 {
		t.Errorf("%d rows, %d under the old key: a running process sealed with it", rows, k.sealedWith(old))
	}
}

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

func rotateUnderLoad(t *testing.T, database string, connections int) {
	db := openAt(t, database)
	k := newKept(t, db, time.Now)
	c := k.overTheNetwork(database, time.Hour)
	k.sealOneOfEach()
	k.exec("DELETE FROM credentials")
	ids := k.seed(connections, time.Now(), time.Now().Add(time.Hour))
	backup := k.backup()
	keeper := c.start(t)
	old, primary := k.rotate()
	reading, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	opens, renewals := 0, 0
	readers.Go(func() { opens = k.openAll(reading, ids) })
	readers.Go(func() { renewals = k.makeDue(reading, ids) })
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
		if left := k.sealedWith(old); left == 0 {
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
	if n := k.sealedWith(old); n != 0 {
		t.Errorf("%d values under the old key", n)
	}
	if n := k.sealedWith(primary); n < int64(2*connections) {
		t.Errorf("%d values under the new key", n)
	}
	k.opened(k.keys)
	if states := k.states(); states[Connected] != connections+3 || k.refusals() != 0 {
		t.Errorf("%v, %d refused", states, k.refusals())
	}
	t.Logf("%d opens, %d renewals asked for, %d made", opens, renewals, k.count("SELECT count(*) FROM credentials WHERE generation > 1"))
	backup()
}

// openAll opens what is asked for over and over, as whoever uses tokens does.
func (k *kept) openAll(ctx context.Context, ids []uuid.UUID) (opens int) {
	for ctx.Err() == nil {
		for _, part := range slices.Collect(slices.Chunk(ids, 100)) {
			var list []credential
			if err := k.db.Read(ctx).Where("connection_id IN ?", part).Find(&list).Error; err != nil {
				if ctx.Err() == nil {
					k.Error(err)
				}
				return opens
			}
			for _, row := range list {
				_, err := row.access(k.keys)
				_, err2 := row.refresh(k.keys)
				if err := errors.Join(err, err2); err != nil {
					k.Error("a failed open:", err)
				}
				opens += 2
			}
		}
	}
	return opens
}

// makeDue makes connections due, some at a time, so that they are renewed.
func (k *kept) makeDue(ctx context.Context, ids []uuid.UUID) (n int) {
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
func (k *kept) backup() (opens func()) {
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
	before := k.opened(k.keys)
	var rows []sealedRow
	if k.db.dialect == sqliteDialect {
		db, err := sql.Open("sqlite3", sqliteDSN(k.db.path, nil))
		if err == nil {
			_, err = db.ExecContext(k.Context(), "VACUUM INTO ?", file)
		}
		if err := errors.Join(err, db.Close()); err != nil {
			k.Fatal(err)
		}
	} else {
		for _, table := range sealedTables() {
			more, err := table.rows(k.db.Read(k.Context()).Table(table.name))
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
		if k.db.dialect == sqliteDialect {
			db, err := OpenDB(k.Context(), file, time.Now)
			if err != nil {
				k.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			if err := db.CheckKeyset(k.Context(), keys); err != nil {
				k.Error("old backup with old keyset:", err)
			}
			old := *k
			old.db = db
			if n := len(old.opened(keys)); n != len(before) {
				k.Errorf("%d values in the backup, want %d", n, len(before))
			}
		}
		for _, row := range rows {
			for _, v := range row.values {
				if v.sealed == nil {
					continue
				}
				if value, err := keys.Open(v.sealed, v.place); err != nil || value != before[v.place] {
					k.Errorf("old %s with old keyset: %v", strings.Join([]string{v.place.Table, v.column}, "."), err)
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
		host := NewKeeper(db, keys, k.clients, KeeperOptions{KeepAlive: time.Hour, PerSecond: 100}, slog.New(slog.NewTextHandler(k.log, nil)))
		k.rotate()
		k.reseal()

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
