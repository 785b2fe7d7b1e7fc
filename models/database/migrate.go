package database

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// ErrNoSchema says that the database is new.
var ErrNoSchema = errors.New("the database is new and has no tables yet; run: fieldbridge migrate")

// ErrSchemaBehind says that the database lacks migrations.
var ErrSchemaBehind = errors.New("database schema is older than this program; run: fieldbridge migrate")

// ErrSchemaAhead says that a newer program has migrated the database in a way that
// this program cannot work with.
var ErrSchemaAhead = errors.New("database schema is newer than this program; run the newer fieldbridge")

// MigrationStatus has the version of the schema and the version that this program was
// built for.
type MigrationStatus struct{ Current, Target int64 }

// Migrate brings the schema up to date, and then runs fill, which gives old rows the
// values that SQL alone cannot compute. Before it applies a version, it calls begins
// with that version, the newest version, and the name. Several instances may call
// Migrate at once. One of them migrates, and the others wait.
func (db *DB) Migrate(ctx context.Context, begins func(version, newest int64, name string), fill func(context.Context) error) (MigrationStatus, error) {
	if err := db.runMigrations(ctx, begins); err != nil {
		return MigrationStatus{}, fmt.Errorf("migrate: %w", err)
	}
	if err := fill(ctx); err != nil {
		return MigrationStatus{}, fmt.Errorf("migrate: %w", err)
	}
	return db.CheckSchema(ctx)
}

// CheckSchema compares the schema with the one that this program was built for, and
// writes nothing. It returns ErrNoSchema, ErrSchemaBehind, or ErrSchemaAhead. A newer
// schema is fine if it says that this program can work with it.
func (db *DB) CheckSchema(ctx context.Context) (MigrationStatus, error) {
	var s MigrationStatus
	var err error
	if s.Target, err = newestMigration(db.dialect); err != nil {
		return s, fmt.Errorf("check schema: %w", err)
	}
	if db.Read(ctx).Migrator().HasTable("goose_db_version") {
		err = db.Read(ctx).Raw("SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&s.Current).Error
	}
	switch {
	case err != nil:
		return s, fmt.Errorf("check schema: %w", err)
	case s.Current == 0:
		return s, ErrNoSchema
	case s.Current < s.Target:
		return s, ErrSchemaBehind
	case s.Current > s.Target:
		return s, db.checkNewerSchema(ctx, s.Target)
	}
	return s, nil
}

// checkNewerSchema returns ErrSchemaAhead unless this program can work with a schema
// that newer programs have migrated, as during a rolling upgrade. Each migration that
// this program does not know must allow it.
func (db *DB) checkNewerSchema(ctx context.Context, target int64) error {
	if !db.Read(ctx).Migrator().HasTable("schema_compatibility") {
		return ErrSchemaAhead
	}
	var unfit int64
	err := db.Read(ctx).Raw(`SELECT count(*) FROM goose_db_version v LEFT JOIN schema_compatibility c ON c.version = v.version_id
		WHERE v.is_applied AND v.version_id > ? AND (c.oldest IS NULL OR c.oldest > ?)`, target, target).Scan(&unfit).Error
	if err != nil {
		return fmt.Errorf("check schema: %w", err)
	}
	if unfit > 0 {
		return ErrSchemaAhead
	}
	return nil
}

// newestMigration returns the highest version among the embedded files.
func newestMigration(d dialect) (int64, error) {
	files, err := fs.ReadDir(migrations, "migrations/"+string(d))
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(files[len(files)-1].Name())
}

// runMigrations applies what is missing.
func (db *DB) runMigrations(ctx context.Context, begins func(version, newest int64, name string)) error {
	folder, err := fs.Sub(migrations, "migrations/"+string(db.dialect))
	if err != nil {
		return err
	}
	if db.OnPostgres() {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
		if err != nil {
			return err
		}
		pool := openPool(db.postgres, migrationSettings, nil)
		return errors.Join(up(ctx, begins, goose.DialectPostgres, pool, folder, goose.WithSessionLocker(locker)), pool.Close())
	}
	release, err := lockFile(db.path+".lock", syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer release()
	pool, err := sql.Open("sqlite3", sqliteDSN(db.path, url.Values{"_txlock": {"immediate"}}))
	if err != nil {
		return err
	}
	return errors.Join(up(ctx, begins, goose.DialectSQLite3, pool, folder), pool.Close())
}

// up applies one version after the other, each under the lock. Another instance may
// apply any of them first.
func up(ctx context.Context, begins func(version, newest int64, name string), d goose.Dialect, pool *sql.DB, folder fs.FS, options ...goose.ProviderOption) error {
	provider, err := goose.NewProvider(d, pool, folder, options...)
	if err != nil {
		return err
	}
	for {
		pending, err := provider.HasPending(ctx)
		if err != nil || !pending {
			return err
		}
		current, newest, err := provider.GetVersions(ctx)
		if err != nil {
			return err
		}
		for _, source := range provider.ListSources() {
			if source.Version > current {
				begins(source.Version, newest, migrationName(source.Path))
				break
			}
		}
		if _, err := provider.UpByOne(ctx); errors.Is(err, goose.ErrNoNextVersion) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// migrationName returns the words in the name of a migration's file.
func migrationName(path string) string {
	_, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".sql"), "_")
	return strings.ReplaceAll(name, "_", " ")
}

// lockFile locks a file beside a SQLite database until release is called. It takes the
// place of PostgreSQL's advisory locks. It does not lock the database file itself,
// because closing any handle of that file would drop SQLite's own locks. how is the
// operation of flock(2).
func lockFile(path string, how int) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // #nosec G304 -- beside the database
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil { // #nosec G115 -- a file descriptor fits
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}
