package testdb

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// schema is made once for each kind of database. Tests get copies, because migrating
// takes longer than most of them.
var schema struct {
	sqlite func() ([]byte, error) // the whole file
	// postgres returns the name of a database to copy.
	postgres func() (string, error)
}

func migrateOnce(migrate func(address string) error) {
	schema.sqlite = sync.OnceValues(func() ([]byte, error) {
		dir, err := os.MkdirTemp(parent(sqliteRoom), "fieldbridge-schema-")
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, "schema.db")
		if err := migrate(path); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		whole, err := os.ReadFile(path) // #nosec G304 -- of the folder made above
		return whole, errors.Join(err, os.RemoveAll(dir))
	})
	schema.postgres = sync.OnceValues(func() (string, error) {
		if err := control("CREATE DATABASE with_schema TEMPLATE template0"); err != nil {
			return "", err
		}
		return "with_schema", migrate(cluster.address + "with_schema")
	})
}

// SQLite returns the path of a new database that has the schema.
func SQLite(t testing.TB) string {
	t.Helper()
	whole, err := schema.sqlite()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder(t), "app.db")
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Postgres returns the address of a new database that has the schema.
func Postgres(t testing.TB) string {
	t.Helper()
	startCluster(t)
	template, err := schema.postgres()
	if err != nil {
		t.Fatal(err)
	}
	return newPostgres(t, template)
}
