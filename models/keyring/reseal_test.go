package keyring_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// sealOneOfEach leaves something in every sealed column, and returns the
// connection that has a client of its own.
func sealOneOfEach(k *modeltest.Kept) uuid.UUID {
	k.Helper()
	now := k.DB.Now()
	ids := k.Seed(3, now, now.Add(time.Hour))
	if err := keyring.Check(k.Context(), k.DB, k.Keys); err != nil {
		k.Fatal(err)
	}
	user := accounts.User{ID: database.NewID(), Email: "amy@northgate.example", Name: "Amy", CreatedAt: now}
	factor, err := k.Keys.Seal("a second factor's secret", seal.Place{Table: "second_factors", Row: user.ID.String(), Column: "secret_sealed"})
	own, err2 := k.Keys.Seal("cs9.stc_own", credentialPlace(k, ids[0], 1, "secret_sealed"))
	unwanted := database.NewID()
	revoked, err3 := k.Keys.Seal("stc_refresh_unwanted", seal.Place{Table: "revocations", Company: k.CompanyID.String(), Row: unwanted.String(), Column: "token_sealed"})
	if err := errors.Join(err, err2, err3); err != nil {
		k.Fatal(err)
	}
	k.Write(func(tx *gorm.DB) error {
		return errors.Join(tx.Create(&user).Error,
			tx.Exec("INSERT INTO second_factors (user_id, secret_sealed, confirmed_at, created_at) VALUES (?, ?, ?, ?)", user.ID, factor, now, now).Error,
			tx.Exec("INSERT INTO revocations (id, company_id, connection_id, environment, token_sealed, next_try_at, created_at) VALUES (?, ?, ?, 'sandbox', ?, ?, ?)",
				unwanted, k.CompanyID, ids[1], revoked, now, now).Error,
			tx.Exec("UPDATE credentials SET secret_sealed = ?, client_id = 'cid.own' WHERE connection_id = ?", own, ids[0]).Error)
	})
	visitor := k.Owner()
	visitor.UserID = user.ID
	if _, err := k.Connections().Begin(k.Context(), visitor, secret.New("a binding"), models.Choice{
		Environment: servicetitan.Sandbox, Way: models.SignInWay, TenantID: modeltest.Northgate,
	}); err != nil {
		k.Fatal(err)
	}
	return ids[0]
}

// credentialPlace is where a column of a credential stands.
func credentialPlace(k *modeltest.Kept, id uuid.UUID, generation int64, column string) seal.Place {
	return seal.Place{Table: "credentials", Company: k.CompanyID.String(), Row: id.String(), Column: column, Generation: generation}
}

// accessSealed reads the encrypted access token of a connection.
func accessSealed(k *modeltest.Kept, id uuid.UUID) []byte {
	k.Helper()
	var row struct{ AccessSealed []byte }
	if err := k.DB.Read(k.Context()).Raw("SELECT access_sealed FROM credentials WHERE connection_id = ?", id).Scan(&row).Error; err != nil {
		k.Fatal(err)
	}
	return row.AccessSealed
}

func rotate(k *modeltest.Kept) (old, primary uint32) {
	k.Helper()
	old = k.Keys.Primary()
	primary, _, err := seal.Rotate(k.Keyset)
	if err != nil {
		k.Fatal(err)
	}
	return old, primary
}

func reseal(k *modeltest.Kept) (rows int64) {
	k.Helper()
	keys, err := seal.Load(k.Keyset)
	if err != nil {
		k.Fatal(err)
	}
	rows, err = keyring.Reseal(k.Context(), k.DB, keys, func(int64, int64) {})
	if err != nil {
		k.Fatal(err)
	}
	return rows
}

func sealedWith(k *modeltest.Kept, id uint32) int64 {
	k.Helper()
	n, err := keyring.SealedWith(k.Context(), k.DB)
	if err != nil {
		k.Fatal(err)
	}
	return n[id]
}

// opened is every value of the database that is sealed, by its place; what does
// not open is an error of the test.
func opened(k *modeltest.Kept, keys *seal.Keys) map[seal.Place]string {
	k.Helper()
	all := map[seal.Place]string{}
	for _, table := range keyring.SealedTables() {
		rows, err := table.Rows(k.DB.Read(k.Context()).Table(table.Name))
		if err != nil {
			k.Fatal(err)
		}
		for _, row := range rows {
			for _, v := range row.Values {
				if v.Sealed == nil {
					continue
				}
				if all[v.Place], err = keys.Open(v.Sealed, v.Place); err != nil {
					k.Errorf("%s of %s: %v", v.Column, table.Name, err)
				}
			}
		}
	}
	return all
}

// Everything that is sealed is sealed again, and says the same.
func TestReseal(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		sealOneOfEach(k)
		before := opened(k, k.Keys)
		old, primary := rotate(k)
		if n := sealedWith(k, old); n != 11 || len(before) != 11 {
			t.Fatalf("%d values under the old key, %d opened", n, len(before))
		}
		if err := keyring.Verify(t.Context(), db, k.Keys); err != nil {
			t.Error("rotated:", err)
		}
		keys, err := seal.Load(k.Keyset)
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		rows, err := keyring.Reseal(t.Context(), db, keys, func(done, total int64) { said = append(said, fmt.Sprint(done, " of ", total)) })
		if err != nil || rows != 7 {
			t.Errorf("%d rows, %v", rows, err)
		}
		if want := []string{"0 of 7", "1 of 7", "2 of 7", "3 of 7", "4 of 7", "7 of 7"}; !slices.Equal(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
		if n, m := sealedWith(k, old), sealedWith(k, primary); n != 0 || m != 11 {
			t.Errorf("%d values under the old key, %d under the new one", n, m)
		}
		if err := seal.Drop(k.Keyset, []uint32{old}); err != nil {
			t.Fatal(err)
		}
		for name, keys := range map[string]*seal.Keys{"from before": k.Keys, "without the old key": keys} {
			after := opened(k, keys)
			for place, value := range before {
				if after[place] != value {
					t.Errorf("keys %s: %s.%s changed", name, place.Table, place.Column)
				}
			}
			if err := keyring.Check(t.Context(), db, keys); err != nil {
				t.Errorf("keys %s: %v", name, err)
			}
		}
		if rows := reseal(k); rows != 0 {
			t.Errorf("once more: %d rows", rows)
		}
	})
}

// No sealed column is forgotten.
func TestResealKnowsEveryColumn(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		query := "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name LIKE '%sealed'"
		if db.OnPostgres() {
			query = "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name LIKE '%sealed'"
		}
		var want, got []string
		if err := db.Read(t.Context()).Raw(query).Scan(&want).Error; err != nil {
			t.Fatal(err)
		}
		for _, table := range keyring.SealedTables() {
			for _, column := range table.Columns {
				got = append(got, table.Name+"."+column)
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
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		ids := k.Seed(4, clock.Now(), clock.Now().Add(time.Hour))
		foreign, moved, cut, elsewhere := accessSealed(k, ids[3]), ids[0], ids[1], ids[2]
		k.Exec("UPDATE credentials SET access_sealed = ? WHERE connection_id = ?", foreign, moved)
		k.Exec("UPDATE connections SET state = 'reconnect_needed', reason = 'seal_broken' WHERE id = ?", moved)
		k.Exec("UPDATE credentials SET access_sealed = ?, refresh_sealed = ? WHERE connection_id = ?", []byte{1}, []byte{1}, cut)
		k.Exec("UPDATE credentials SET refresh_sealed = ? WHERE connection_id = ?", append([]byte{1, 0, 0, 0, 7}, foreign[5:]...), elsewhere)
		old, primary := rotate(k)
		keys, err := seal.Load(k.Keyset)
		if err != nil {
			t.Fatal(err)
		}
		before, err := keyring.FindOldKeys(t.Context(), db, keys)
		if err != nil || before.Opens[old] != 4 || len(before.Opens) != 1 {
			t.Errorf("before: %v, %v", before.Opens, err)
		}
		if rows := reseal(k); rows != 3 {
			t.Errorf("%d rows", rows)
		}
		left, err := keyring.FindOldKeys(t.Context(), db, keys)
		if err != nil || len(left.Opens) != 0 || len(left.Unreadable) != 3 {
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
			i := slices.IndexFunc(left.Unreadable, func(b keyring.Unreadable) bool { return b.Row == want.id.String() })
			if i < 0 {
				t.Errorf("%s is not named", want.id)
				continue
			}
			got := left.Unreadable[i]
			if got.Table != "credentials" || fmt.Sprint(got.Columns) != want.columns || !slices.Equal(got.MissingKeys, want.missing) || got.GivenUp() != want.givenUp || got.CompanyName == "" {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
		if got := accessSealed(k, moved); !slices.Equal(got, foreign) || sealedWith(k, old) != 1 || sealedWith(k, primary) != 4 {
			t.Errorf("%d values under the old key and %d under the new one, or the row was changed", sealedWith(k, old), sealedWith(k, primary))
		}
		if rows := reseal(k); rows != 0 {
			t.Errorf("once more: %d rows", rows)
		}
	})
}

// Whose second factor it is that does not open is said too.
func TestOldKeysNamesASecondFactor(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		sealOneOfEach(k)
		k.Exec("UPDATE second_factors SET secret_sealed = ?", []byte{1})
		left, err := keyring.FindOldKeys(t.Context(), db, k.Keys)
		if err != nil || len(left.Opens) != 0 || len(left.Unreadable) != 1 || left.Unreadable[0].Email != "amy@northgate.example" || left.Unreadable[0].Table != "second_factors" {
			t.Errorf("%+v, %v", left, err)
		}
	})
}

// A row that somebody is writing is not waited for, and is theirs.
func TestResealWaitsForNobody(t *testing.T) {
	db := modeltest.OpenAt(t, testdb.Postgres(t))
	k := modeltest.NewKept(t, db, time.Now)
	ids := k.Seed(3, time.Now(), time.Now().Add(time.Hour))
	old, _ := rotate(k)
	k.Write(func(tx *gorm.DB) error {
		if err := tx.Exec("UPDATE credentials SET generation = 2 WHERE connection_id = ?", ids[1]).Error; err != nil {
			return err
		}
		if rows := reseal(k); rows != 2 {
			t.Errorf("%d rows", rows)
		}
		sealed, err := k.Keys.Seal("stc_access_renewed", credentialPlace(k, ids[1], 2, "access_sealed"))
		if err != nil {
			return err
		}
		return tx.Exec("UPDATE credentials SET access_sealed = ?, refresh_sealed = NULL WHERE connection_id = ?", sealed, ids[1]).Error
	})
	if access, err := k.Keys.Open(accessSealed(k, ids[1]), credentialPlace(k, ids[1], 2, "access_sealed")); err != nil || access != "stc_access_renewed" {
		t.Errorf("%v", err)
	}
	if rows := reseal(k); rows != 0 || sealedWith(k, old) != 0 {
		t.Errorf("%d rows, %d under the old key: a running process sealed with it", rows, sealedWith(k, old))
	}
}
