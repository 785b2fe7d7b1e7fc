package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/demo"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// demoTokenLife is short enough to watch a connection being renewed.
	demoTokenLife = 2 * time.Minute
	// resetLooks is how often the demo checks whether it is time for its reset.
	resetLooks = time.Minute
	// holdLooks is how often the demo checks that the database is still its own.
	holdLooks = 10 * time.Second
)

var errDemoBesideReal = errors.New("a demo has made-up companies and connects only to its sandbox")

type demoCommand struct {
	Keep bool `help:"Continue with the data of the last demo instead of starting again."`
}

// Help lists the environment variables.
func (demoCommand) Help() string { return variablesHelp(demoDefaults()) }

// Run serves the app and the sandbox until the context ends.
func (d demoCommand) Run(ctx context.Context) error {
	c, log, err := servedConfig(demoDefaults())
	if err != nil {
		return err
	}
	keys, err := seal.Load(c.KeysetFile)
	if errors.Is(err, seal.ErrNoKeyset) {
		keys, err = seal.Create(c.KeysetFile)
	}
	if err != nil {
		return err
	}
	// ServiceTitan's variables in .env are ignored, because a demo connects only to its
	// own sandbox.
	c.environments = nil
	return serveDemo(ctx, c, keys, d.Keep, log, func() {
		fmt.Printf("\n  Fieldbridge   %s\n  Quick tours   %s\n", c.BaseURL, c.BaseURL.JoinPath("/demo"))
		fmt.Printf("  Sandbox       %s  (plays ServiceTitan)\n  Mailbox       %s\n", c.SandboxURL, c.SandboxURL.JoinPath("/mailbox"))
		for _, account := range demoAccounts() {
			fmt.Printf("  Sign in as    %s: %s, password %s\n", account.Who, account.Email, account.Password)
		}
		fmt.Println()
	})
}

// serveDemo serves the app beside its sandbox, with made-up companies. With keep, it
// continues with the companies that are there. Before it starts anything, it makes sure
// that nobody else uses its addresses and its database.
func serveDemo(ctx context.Context, c config, keys *seal.Keys, keep bool, log *slog.Logger, ready func()) error {
	if len(c.environments) > 0 {
		return fmt.Errorf("%w; remove FIELDBRIDGE_SANDBOX_ADDR or SERVICETITAN_…_APP_KEY", errDemoBesideReal)
	}
	if c.OtherEnd.Name == "" {
		var err error
		if c.OtherEnd, err = demoIntegration(c.SandboxURL); err != nil {
			return err
		}
	}
	ls, err := listenOn(ctx, c.Addr, c.AdminAddr, c.SandboxAddr)
	if err != nil {
		return err
	}
	defer func() { _ = ls.close() }() // a listener that was served is closed already
	db, err := database.Open(ctx, c.DatabaseURL, time.Now)
	if err != nil {
		return err
	}
	if err := demo.Hold(ctx, db); err != nil {
		return errors.Join(err, db.Close())
	}
	if err := db.HoldForServing(ctx); err != nil {
		return errors.Join(err, db.Close())
	}
	var d demoApp
	box, environment := newSandbox(c, log, func(ctx context.Context) error {
		return d.begin(context.WithoutCancel(ctx), false) // a reset finishes even if its client goes away
	}, func(ctx context.Context, tenantID int64) string { return d.shows(ctx, tenantID) })
	c.director = director(&d)
	// A demo's staff sign in with the passwords that it prints.
	c.StaffIssuer = ""
	c.environments = []servicetitan.Environment{environment}
	pages := demoPages(c.SandboxURL, func(ctx context.Context) (handlers.StepsDone, error) { return d.done(ctx) })
	a, err := wire(ctx, c, db, keys, pages, log)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	d = newDemo(a, box, environment, log)
	if err := d.begin(ctx, keep); err != nil {
		return errors.Join(err, db.Close())
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	a.background = append(a.background, func(ctx context.Context) { stop(d.holdOn(ctx)) }, func(ctx context.Context) {
		<-ctx.Done()
		box.ClearFaults() // so that renewals under way get their answers
	})
	if c.DemoReset != nil {
		a.background = append(a.background, func(ctx context.Context) { d.resetDaily(ctx, *c.DemoReset, log) })
	}
	err = a.run(ctx, log, ls.serve(a.public, a.admin, box), ready)
	if cause := context.Cause(ctx); errors.Is(cause, database.ErrHeld) {
		err = errors.Join(cause, err)
	}
	return errors.Join(err, db.Close())
}

// newSandbox makes the sandbox, and the environment that connects to it. The sandbox's
// registration is new at each start.
func newSandbox(c config, log *slog.Logger, reset func(context.Context) error, shows func(context.Context, int64) string) (*sandbox.Sandbox, servicetitan.Environment) {
	environment := servicetitan.Environment{
		Name: servicetitan.Sandbox, AuthURL: c.SandboxURL, APIURL: c.SandboxURL,
		ClientID:     "cid.sandbox",
		ClientSecret: secret.New("cs1.sandbox" + rand.Text()),
		AppKey:       secret.New("ak1.sandbox" + rand.Text()),
		Scopes:       strings.Fields(defaultScopes),
		Ways:         []servicetitan.Way{servicetitan.SignIn, servicetitan.Guided, servicetitan.OwnCredentials},
	}
	return sandbox.New(sandbox.Options{
		URL: c.SandboxURL.String(), ClientID: environment.ClientID,
		ClientSecret: environment.ClientSecret.Reveal(), AppKey: environment.AppKey.Reveal(),
		RedirectURIs: []string{c.BaseURL.JoinPath("/callback").String()},
		Scopes:       environment.Scopes, AccessTokenLife: demoTokenLife,
		Home:    sandbox.Link{Label: "Fieldbridge: Quick tours", Address: c.BaseURL.JoinPath("/demo").String()},
		Tenants: demoTenants(), Mailbox: true, SampleApp: true, OnReset: reset, Shows: shows, Log: log,
	}), environment
}

// demo is an app with made-up companies. Its mails go to its sandbox's mailbox.
type demoApp struct {
	app    *app
	data   *demo.Demo
	box    *sandbox.Sandbox
	boxURL *url.URL
}

func newDemo(a *app, box *sandbox.Sandbox, environment servicetitan.Environment, log *slog.Logger) demoApp {
	a.mailer.deliver = box.Deliver
	a.outbox.HoldNothing()
	return demoApp{app: a, box: box, boxURL: environment.AuthURL, data: demo.New(a.db, a.accounts, a.keeper, demo.Options{
		Environment: environment.Name, Scopes: environment.Scopes, Companies: demoSamples(box.Tenants()), Staff: demoStaff(),
		Password: secret.New(demoPassword), TokenLife: demoTokenLife,
		Access: func(of demo.StandingAccess) (servicetitan.Tokens, servicetitan.OwnClient, error) {
			return standingAccess(box, of)
		},
		Forget: func() {
			box.Reset()
			a.budget.StartOver()
			a.outages.StartOver()
			a.calls.Forget()
		},
		Progress: seedProgress(os.Stderr),
	}, log)}
}

// seedProgress returns a function that shows the progress of a start on the screen.
func seedProgress(screen io.Writer) func(done, all int) {
	var p *progress
	return func(done, all int) {
		if p != nil && done == 1 { // the previous start has failed
			p.end()
			p = nil
		}
		if p == nil {
			p = newProgress(screen, "seeded", int64(all))
		}
		if p.set(int64(done)); done == all {
			p.end()
			p = nil
		}
	}
}

// begin makes the companies. With keep, it continues with those that are there.
func (d demoApp) begin(ctx context.Context, keep bool) error {
	begin := d.data.Reset
	if keep {
		begin = d.data.Begin
	}
	if err := begin(ctx); err != nil {
		return err
	}
	return d.begun(ctx)
}

// begun prepares what the sandbox shows beside the companies.
func (d demoApp) begun(ctx context.Context) error {
	return errors.Join(d.giveSampleApp(ctx), d.app.showSentMails(ctx))
}

// holdOn returns when the context ends, or when the database belongs to another demo.
// That can happen because PostgreSQL forgets the lock at a restart.
func (d demoApp) holdOn(ctx context.Context) error {
	for range retry.Every(ctx, holdLooks) {
		if err := demo.Hold(ctx, d.app.db); errors.Is(err, database.ErrHeld) {
			return err
		}
	}
	return nil
}

// resetDaily resets the demo at its time each day, until the context ends.
func (d demoApp) resetDaily(ctx context.Context, after time.Duration, log *slog.Logger) {
	for range retry.NowAndEvery(ctx, resetLooks) {
		done, err := d.data.ResetDaily(ctx, after)
		if done && err == nil {
			err = d.begun(ctx)
		}
		switch {
		case err != nil && ctx.Err() == nil:
			log.ErrorContext(ctx, "the demo could not start over", "error", err)
		case done:
			log.InfoContext(ctx, "the demo has started over")
		}
	}
}
