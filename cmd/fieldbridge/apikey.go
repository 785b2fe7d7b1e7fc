package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

type apikeyCommand struct {
	Create apikeyCreate `cmd:"" help:"Create a key. It is printed only once."`
	Roll   apikeyRoll   `cmd:"" help:"Give a key another secret. It is printed only once."`
	Revoke apikeyRevoke `cmd:"" help:"End a key at once."`
	List   apikeyList   `cmd:"" help:"List the keys, and when each was last used."`
}

type apikeyCreate struct {
	Name      string   `arg:"" help:"What the key is for."`
	Company   string   `help:"The ID of the company whose connections the key may use." placeholder:"ID" xor:"whose" required:""`
	All       bool     `help:"The key may use every company's connections." xor:"whose" required:""`
	Scopes    string   `help:"What the key may do: connections:read, tokens:read, connect:write, webhooks:write, proxy." default:"connections:read,tokens:read" placeholder:"SCOPE,…"`
	Expires   string   `help:"When the key expires: a day such as 2027-01-31, a number of days such as 90d, or never." default:"never" placeholder:"WHEN"`
	Caller    string   `help:"The name that people see when the program asks them to connect. Without it, the key's name." placeholder:"NAME"`
	ReturnURL []string `help:"An exact address to which people are sent back after they connect. Repeat the flag for several." placeholder:"URL" sep:"none"`
}

// Help says which flags are required.
func (apikeyCreate) Help() string { return "Either --company or --all is needed." }

// Run makes a key.
func (a apikeyCreate) Run(ctx context.Context) error {
	n := accounts.NewKey{Name: a.Name, CallerName: a.Caller, ReturnURLs: a.ReturnURL}
	var err error
	if !a.All {
		id, err := uuid.Parse(a.Company)
		if err != nil {
			return fmt.Errorf("%q is not the ID of a company", a.Company)
		}
		n.CompanyID = &id
	}
	if n.Scopes, err = accounts.ParseScopes(a.Scopes); err != nil {
		return err
	}
	return withKeys(ctx, func(db *database.DB, keys *accounts.APIKeys) error {
		if n.ExpiresAt, err = parseExpiry(a.Expires, db.Now()); err != nil {
			return err
		}
		key, made, err := keys.Create(ctx, operator(), n)
		if errors.Is(err, database.ErrNotFound) {
			return fmt.Errorf("there is no company %s", a.Company)
		}
		return printKey(key, made, err)
	})
}

// printKey prints a key that was just made or rolled.
func printKey(key accounts.APIKey, made secret.Value, err error) error {
	if err == nil {
		fmt.Printf("key %s, shown only once:\n%s\n", key.ID, made.Reveal())
	}
	return err
}

// parseExpiry returns when a key expires, or nil for never. A day is over at midnight in
// UTC.
func parseExpiry(text string, now time.Time) (*time.Time, error) {
	if text == "never" {
		return nil, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36_500 {
			at := now.AddDate(0, 0, n)
			return &at, nil
		}
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return nil, fmt.Errorf("%q is neither a day such as 2027-01-31, nor a number of days such as 90d, nor never", text)
	}
	at := day.AddDate(0, 0, 1)
	return &at, nil
}

type apikeyRoll struct {
	ID      uuid.UUID     `arg:"" help:"The key's ID."`
	Overlap time.Duration `help:"How long the old secret works beside the new one." default:"24h" placeholder:"24h"`
	Expires string        `help:"When the key expires from now on: a day, a number of days such as 90d, or never. Without it, as before." placeholder:"WHEN"`
}

// Run gives a key another secret.
func (a apikeyRoll) Run(ctx context.Context) error {
	return withKeys(ctx, func(db *database.DB, keys *accounts.APIKeys) error {
		before, err := keys.Key(ctx, nil, a.ID)
		to := accounts.KeyRoll{Overlap: a.Overlap, ExpiresAt: before.ExpiresAt}
		if err == nil && a.Expires != "" {
			if to.ExpiresAt, err = parseExpiry(a.Expires, db.Now()); err != nil {
				return err
			}
		}
		var key accounts.APIKey
		var made secret.Value
		if err == nil {
			key, made, err = keys.Roll(ctx, operator(), nil, a.ID, to)
		}
		if errors.Is(err, database.ErrNotFound) {
			return fmt.Errorf("there is no key %s that works", a.ID)
		}
		if err := printKey(key, made, err); err != nil {
			return err
		}
		fmt.Printf("The old secret works until %s.\n", key.OldUntil.UTC().Format(time.RFC3339))
		return nil
	})
}

type apikeyRevoke struct {
	ID uuid.UUID `arg:"" help:"The key's ID."`
}

// Run revokes a key.
func (a apikeyRevoke) Run(ctx context.Context) error {
	return withKeys(ctx, func(_ *database.DB, keys *accounts.APIKeys) error {
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
	return withKeys(ctx, func(db *database.DB, keys *accounts.APIKeys) error {
		list, err := keys.List(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		for _, key := range list {
			whose, used := "all companies", "never used"
			if key.CompanyID != nil {
				whose = "company " + key.CompanyID.String()
			}
			if key.LastUsedAt != nil {
				used = fmt.Sprintf("%d reads, last used %s", key.Reads, key.LastUsedAt.UTC().Format(time.RFC3339))
			}
			if key.LastUsedAddress != "" {
				used += " from " + key.LastUsedAddress
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", key.ID, key.Name, whose, key.Scopes, used, keyEnd(key, db.Now()))
		}
		return w.Flush()
	})
}

// keyEnd says when a key ends, or has ended. It is empty for a key that does not expire.
func keyEnd(key accounts.APIKey, now time.Time) string {
	switch {
	case key.RevokedAt != nil:
		return "revoked"
	case key.ExpiresAt == nil:
		return ""
	case key.Works(now):
		return "expires " + key.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return "expired"
}

func withKeys(ctx context.Context, do func(*database.DB, *accounts.APIKeys) error) error {
	c, err := environmentConfig(serveDefaults())
	if err != nil {
		return err
	}
	return withSchema(ctx, c, func(db *database.DB) error { return do(db, accounts.NewAPIKeys(db)) })
}
