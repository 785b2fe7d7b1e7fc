package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

type migrateCommand struct {
	Up     migrateUp     `cmd:"" default:"1" help:"Apply the missing migrations."`
	Status migrateStatus `cmd:"" help:"Show the schema's version, and the one that this program needs."`
}

type migrateUp struct{}

// Run applies the missing migrations.
func (migrateUp) Run(ctx context.Context) error {
	c, err := environmentConfig(serveDefaults())
	if err != nil {
		return err
	}
	return inDB(ctx, c, database.Open, func(db *database.DB) error {
		s, err := migrate(ctx, db, os.Stderr)
		if err != nil {
			return err
		}
		fmt.Printf("schema is at version %d\n", s.Current)
		return nil
	})
}

// migrate applies migrations and shows their progress on the screen.
func migrate(ctx context.Context, db *database.DB, screen io.Writer) (database.MigrationStatus, error) {
	var named *progress
	s, err := accounts.Migrate(ctx, db, accounts.MigrationWatch{
		Begins: func(version, newest int64, name string) {
			_, _ = fmt.Fprintf(screen, "migration %d of %d: %s\n", version, newest, name)
		},
		Named: func(done, total int64) {
			if named == nil {
				named = newProgress(screen, "indexed company names:", total)
			}
			named.set(done)
		},
	})
	if named != nil {
		named.end()
	}
	return s, err
}

// migrateLogged applies migrations and logs their progress.
func migrateLogged(ctx context.Context, db *database.DB, log *slog.Logger) error {
	said := time.Now()
	_, err := accounts.Migrate(ctx, db, accounts.MigrationWatch{
		Begins: func(version, newest int64, name string) {
			log.InfoContext(ctx, "migration", "version", version, "of", newest, "name", name)
		},
		Named: func(done, total int64) {
			if now := time.Now(); now.Sub(said) >= lineEvery || done >= total {
				said = now
				log.InfoContext(ctx, "indexed company names", "done", done, "of", total)
			}
		},
	})
	return err
}

type migrateStatus struct{}

// Run prints the schema's version.
func (migrateStatus) Run(ctx context.Context) error {
	c, err := environmentConfig(serveDefaults())
	if err != nil {
		return err
	}
	err = inDB(ctx, c, database.OpenExisting, func(db *database.DB) error {
		s, err := db.CheckSchema(ctx)
		switch {
		case err == nil, errors.Is(err, database.ErrSchemaBehind), errors.Is(err, database.ErrSchemaAhead):
			fmt.Printf("schema is at version %d, this program needs %d\n", s.Current, s.Target)
		case errors.Is(err, database.ErrNoSchema):
			fmt.Printf("the database is new and has no tables yet, this program needs version %d\n", s.Target)
		default:
			return err
		}
		return nil
	})
	if errors.Is(err, database.ErrNoDatabase) {
		fmt.Printf("there is no database at %s yet; fieldbridge serve and fieldbridge migrate create it\n", c.DatabaseURL)
		return nil
	}
	return err
}

// withSchema opens the database of a configuration if it exists and its schema is one
// that this program can work with.
func withSchema(ctx context.Context, c config, do func(*database.DB) error) error {
	return inDB(ctx, c, database.OpenExisting, func(db *database.DB) error {
		if _, err := db.CheckSchema(ctx); err != nil {
			return err
		}
		return do(db)
	})
}

// inDB opens the database of a configuration in one of two ways. database.OpenDB creates
// a missing database, and database.OpenExistingDB does not.
func inDB(ctx context.Context, c config, open func(context.Context, string, func() time.Time) (*database.DB, error), do func(*database.DB) error) error {
	db, err := open(ctx, c.DatabaseURL, time.Now)
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}
