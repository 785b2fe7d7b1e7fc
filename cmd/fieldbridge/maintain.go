package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
)

type migrateCommand struct {
	Up     migrateUp     `cmd:"" default:"1" help:"Apply the migrations that are missing."`
	Status migrateStatus `cmd:"" help:"Show the schema's version and the one this program wants."`
}

type migrateUp struct{}

// Run applies migrations.
func (migrateUp) Run(ctx context.Context) error {
	return withDB(ctx, func(db *models.DB) error {
		s, err := db.Migrate(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("schema is at version %d\n", s.Current)
		return nil
	})
}

type migrateStatus struct{}

// Run prints where the schema stands.
func (migrateStatus) Run(ctx context.Context) error {
	return withDB(ctx, func(db *models.DB) error {
		s, err := db.CheckSchema(ctx)
		if err != nil && !errors.Is(err, models.ErrSchemaBehind) && !errors.Is(err, models.ErrSchemaAhead) {
			return err
		}
		fmt.Printf("schema is at version %d, this program wants %d\n", s.Current, s.Target)
		return nil
	})
}

func withDB(ctx context.Context, do func(*models.DB) error) error {
	c, err := loadConfig(serveDefaults(), os.LookupEnv)
	if err != nil {
		return fmt.Errorf("the configuration is not right:\n%w", err)
	}
	db, err := models.OpenDB(ctx, c.databaseURL, time.Now)
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}

type versionCommand struct{}

// Run prints the version that Go recorded in the binary.
func (versionCommand) Run() error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this binary does not know its version")
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			version += " " + s.Value
		}
	}
	fmt.Println("fieldbridge", version, info.GoVersion)
	return nil
}
