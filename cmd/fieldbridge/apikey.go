package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

type apikeyCommand struct {
	Create apikeyCreate `cmd:"" help:"Create a key. It is printed only once."`
	Revoke apikeyRevoke `cmd:"" help:"End a key at once."`
	List   apikeyList   `cmd:"" help:"List the keys, and when each was last used."`
}

type apikeyCreate struct {
	Name    string `arg:"" help:"What the key is for."`
	Company string `help:"The ID of the company whose connections the key may read." placeholder:"ID" xor:"whose" required:""`
	All     bool   `help:"The key may read every company's connections." xor:"whose" required:""`
}

// Help says which flags are required.
func (apikeyCreate) Help() string { return "Either --company or --all is needed." }

// Run makes a key.
func (a apikeyCreate) Run(ctx context.Context) error {
	var companyID *uuid.UUID
	if !a.All {
		id, err := uuid.Parse(a.Company)
		if err != nil {
			return fmt.Errorf("%q is not the ID of a company", a.Company)
		}
		companyID = &id
	}
	return withKeys(ctx, func(keys *accounts.APIKeys) error {
		key, secret, err := keys.Create(ctx, operator(), accounts.NewKey{CompanyID: companyID, Name: a.Name, Scopes: []accounts.Scope{accounts.ScopeConnectionsRead, accounts.ScopeTokensRead}})
		if errors.Is(err, database.ErrNotFound) {
			return fmt.Errorf("there is no company %s", a.Company)
		}
		if err != nil {
			return err
		}
		fmt.Printf("key %s, shown only once:\n%s\n", key.ID, secret.Reveal())
		return nil
	})
}

type apikeyRevoke struct {
	ID uuid.UUID `arg:"" help:"The key's ID."`
}

// Run revokes a key.
func (a apikeyRevoke) Run(ctx context.Context) error {
	return withKeys(ctx, func(keys *accounts.APIKeys) error {
		err := keys.Revoke(ctx, operator(), nil, a.ID)
		if errors.Is(err, database.ErrNotFound) {
			return fmt.Errorf("there is no key %s that works", a.ID)
		}
		return err
	})
}

type apikeyList struct{}

// Run lists the keys, one on each line.
func (apikeyList) Run(ctx context.Context) error {
	return withKeys(ctx, func(keys *accounts.APIKeys) error {
		list, err := keys.List(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		for _, key := range list {
			whose, used, ended := "all companies", "never used", ""
			if key.CompanyID != nil {
				whose = "company " + key.CompanyID.String()
			}
			if key.LastUsedAt != nil {
				used = fmt.Sprintf("%d reads, last used %s", key.Reads, key.LastUsedAt.UTC().Format(time.RFC3339))
			}
			if key.RevokedAt != nil {
				ended = "revoked"
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", key.ID, key.Name, whose, used, ended)
		}
		return w.Flush()
	})
}

func withKeys(ctx context.Context, do func(*accounts.APIKeys) error) error {
	c, err := environmentConfig(serveDefaults())
	if err != nil {
		return err
	}
	return withSchema(ctx, c, func(db *database.DB) error { return do(accounts.NewAPIKeys(db)) })
}
