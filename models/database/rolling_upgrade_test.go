package database_test

import (
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// During a rolling upgrade, a program goes on with a newer schema that says that
// it may, and with no other.
func TestNewerSchemaThatSaysItIsCompatible(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		target, err := database.NewestMigration((*db.DialectField()))
		if err != nil {
			t.Fatal(err)
		}
		type newer struct {
			version int64
			oldest  int64 // 0 if it says nothing
		}
		for name, tt := range map[string]struct {
			newer []newer
			want  error
		}{
			"none":                       {nil, nil},
			"one that fits":              {[]newer{{target + 1, target}}, nil},
			"one that fits older ones":   {[]newer{{target + 1, target - 1}}, nil},
			"one that says nothing":      {[]newer{{target + 1, 0}}, database.ErrSchemaAhead},
			"two that fit":               {[]newer{{target + 1, target}, {target + 2, target}}, nil},
			"the second too new":         {[]newer{{target + 1, target}, {target + 2, target + 1}}, database.ErrSchemaAhead},
			"the first says nothing":     {[]newer{{target + 1, 0}, {target + 2, target}}, database.ErrSchemaAhead},
			"the second says nothing":    {[]newer{{target + 1, target}, {target + 2, 0}}, database.ErrSchemaAhead},
			"the first too new, all say": {[]newer{{target + 2, target + 1}, {target + 3, target}}, database.ErrSchemaAhead},
		} {
			write := func(statement string, args ...any) {
				t.Helper()
				if err := db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Exec(statement, args...).Error }); err != nil {
					t.Fatal(err)
				}
			}
			for _, n := range tt.newer {
				write("INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, true)", n.version)
				if n.oldest > 0 {
					write("INSERT INTO schema_compatibility (version, oldest) VALUES (?, ?)", n.version, n.oldest)
				}
			}
			s, err := db.CheckSchema(t.Context())
			if !errors.Is(err, tt.want) || s.Target != target || s.Current < target {
				t.Errorf("%s: %+v, %v; want %v", name, s, err, tt.want)
			}
			// Started anew, it is the same.
			if _, err := accounts.Migrate(t.Context(), db, accounts.MigrationWatch{}); !errors.Is(err, tt.want) {
				t.Errorf("%s: migrate: %v, want %v", name, err, tt.want)
			}
			write("DELETE FROM goose_db_version WHERE version_id > ?", target)
			write("DELETE FROM schema_compatibility")
		}
	})
}

// A column that a newer program adds takes no write of an older one down, though
// PostgreSQL refuses the plan that the connection has kept.
func TestWritesOutliveANewColumn(t *testing.T) {
	address := testdb.Postgres(t)
	db, newer := modeltest.OpenAt(t, address), modeltest.OpenAt(t, address)
	pool, err := (*db.ReaderField()).DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	id := database.NewID()
	rename := func(name string) error {
		return db.Write(t.Context(), func(tx *gorm.DB) error {
			var company accounts.Company
			if err := database.ForUpdate(tx).Where("id = ?", id).Take(&company).Error; err != nil {
				return err
			}
			return tx.Model(&accounts.Company{}).Where("id = ?", id).Update("name", name).Error
		})
	}
	err = db.Write(t.Context(), func(tx *gorm.DB) error {
		return tx.Create(&accounts.Company{ID: id, Name: "Northgate", CreatedAt: time.Now().UTC()}).Error
	})
	if err := errors.Join(err, rename("South"), rename("West")); err != nil {
		t.Fatal(err)
	}
	if err := newer.Read(t.Context()).Exec("ALTER TABLE companies ADD COLUMN color TEXT NOT NULL DEFAULT ''").Error; err != nil {
		t.Fatal(err)
	}
	if err := rename("East"); err != nil {
		t.Errorf("got %v", err)
	}
	read := func(db *gorm.DB) error { return db.Where("id = ?", id).Take(&accounts.Company{}).Error }
	if err := read(db.Read(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := newer.Read(t.Context()).Exec("ALTER TABLE companies ADD COLUMN size TEXT NOT NULL DEFAULT ''").Error; err != nil {
		t.Fatal(err)
	}
	if err := read(db.Read(t.Context())); err != nil && !database.Unavailable(err) {
		t.Errorf("a read is not asked for again: %v", err)
	}
}
