package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

type demoCommand struct {
	Keep bool `help:"Go on with the data of the last demo instead of beginning afresh."`
}

// Help lists the environment variables.
func (demoCommand) Help() string { return variablesHelp(demoDefaults()) }

// Run serves the app and the sandbox until the context ends.
func (d demoCommand) Run(ctx context.Context) error {
	c, err := loadConfig(demoDefaults(), os.LookupEnv)
	if err != nil {
		return fmt.Errorf("the configuration is not right:\n%w", err)
	}
	if !d.Keep {
		if err := beginAfresh(c); err != nil {
			return err
		}
	}
	keys, err := seal.Load(c.keysetFile)
	if errors.Is(err, seal.ErrNoKeyset) {
		keys, err = seal.Create(c.keysetFile)
	}
	if err != nil {
		return err
	}
	log := newLogger(c)
	standIn, environment := newSandbox(c, log)
	// A demo connects to its own stand-in and to nothing else, and its staff sign
	// in with the passwords that it prints.
	c.staffIssuer = ""
	c.environments = []servicetitan.Environment{environment}
	a, err := newApp(ctx, c, keys, demoAccounts(), log)
	if err != nil {
		return err
	}
	if err := seed(ctx, a.accounts); err != nil {
		return errors.Join(err, a.db.Close())
	}
	return errors.Join(a.run(ctx, log, listeners{c.addr: a.public, c.adminAddr: a.admin, c.sandboxAddr: standIn}, func() {
		fmt.Printf("\n  Fieldbridge   %s\n  Sandbox       %s  (stands in for ServiceTitan)\n", c.baseURL, c.sandboxURL)
		for _, account := range demoAccounts() {
			fmt.Printf("  Sign in as    %s: %s, password %s\n", account.Who, account.Email, account.Password)
		}
		fmt.Println()
	}), a.db.Close())
}

// beginAfresh deletes the last demo's data, but only in the demo's own folder:
// a database named by the configuration is never deleted.
func beginAfresh(c config) error {
	own := demoDefaults()
	if c.databaseURL != own.database || c.keysetFile != own.keyset {
		return nil
	}
	if err := os.RemoveAll(filepath.Dir(own.database)); err != nil {
		return fmt.Errorf("begin afresh: %w", err)
	}
	return nil
}

// newSandbox makes the stand-in, and the environment that leads to it. Its
// registration is new with every start.
func newSandbox(c config, log *slog.Logger) (*sandbox.Sandbox, servicetitan.Environment) {
	environment := servicetitan.Environment{
		Name: servicetitan.Sandbox, AuthURL: c.sandboxURL, APIURL: c.sandboxURL,
		ClientID:     "cid.sandbox",
		ClientSecret: servicetitan.NewSecret("cs1.sandbox" + rand.Text()),
		AppKey:       servicetitan.NewSecret("ak1.sandbox" + rand.Text()),
		Scopes:       strings.Fields(defaultScopes),
		Ways:         []servicetitan.Way{servicetitan.SignIn, servicetitan.Guided, servicetitan.OwnCredentials},
	}
	return sandbox.New(sandbox.Options{
		URL: c.sandboxURL.String(), ClientID: environment.ClientID,
		ClientSecret: environment.ClientSecret.Reveal(), AppKey: environment.AppKey.Reveal(),
		RedirectURIs: []string{c.baseURL.JoinPath("/callback").String()},
		Scopes:       environment.Scopes, Log: log,
	}), environment
}

const demoPassword = "a bridge to the field"

// demoAccounts are one before the counter and two behind it.
func demoAccounts() []handlers.DemoAccount {
	return []handlers.DemoAccount{
		{Who: "Dana Whitfield, owner at Northgate", Email: "dana@northgatehvac.example", Password: demoPassword},
		{Who: "Priya Nair, Fieldbridge support", Email: "priya@fieldbridge.example", Password: demoPassword},
		{Who: "Ada Reyes, Fieldbridge admin", Email: "ada@fieldbridge.example", Password: demoPassword},
	}
}

// seed creates the demo's accounts if they are not there yet.
func seed(ctx context.Context, accounts *models.Accounts) error {
	owner := demoAccounts()[0]
	_, _, err := accounts.SignUp(ctx, models.SignUp{
		Company: "Northgate Heating & Plumbing", Name: "Dana Whitfield",
		Email: owner.Email, Password: servicetitan.NewSecret(owner.Password), Address: "demo",
	})
	if errors.Is(err, models.ErrEmailTaken) {
		return nil // kept from the last demo
	}
	if err != nil {
		return fmt.Errorf("seed demo: %w", err)
	}
	for role, account := range map[models.StaffRole]handlers.DemoAccount{models.Support: demoAccounts()[1], models.Admin: demoAccounts()[2]} {
		link, err := accounts.AddStaff(ctx, account.Email, role)
		if err != nil {
			return fmt.Errorf("seed demo: %w", err)
		}
		name, _, _ := strings.Cut(account.Who, ",")
		if _, err := accounts.SetUp(ctx, link, name, servicetitan.NewSecret(account.Password)); err != nil {
			return fmt.Errorf("seed demo: %w", err)
		}
	}
	return nil
}
