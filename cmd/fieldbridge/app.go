package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/check"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/demo"
	"github.com/fieldbridge/fieldbridge/models/failure"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/live"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/outbound"
	"github.com/fieldbridge/fieldbridge/models/readiness"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// mostHashes limits the memory that sign-ins can take. Each hash takes 19 MiB.
const mostHashes = 4

// parallelHashes returns how many passwords are hashed at once. If there are several
// cores, one of them stays free for the pages.
func parallelHashes() int { return min(max(1, runtime.GOMAXPROCS(0)-1), mostHashes) }

// idleChecks is how many times less often an idle connection is checked than one that is
// in use.
const idleChecks = 6

// app is everything that one process runs. The fields are in the order in which they
// are wired.
type app struct {
	db          *database.DB
	accounts    *accounts.Accounts
	outages     *outage.Monitor
	keeper      *keeper.Keeper
	checker     *check.Checker
	apiKeys     *accounts.APIKeys
	budget      *calls.Budget
	calls       *calls.Counts
	mailer      *mailer
	outbox      *models.Outbox
	public      http.Handler
	admin       http.Handler
	connections *connect.Connections
	webhooks    *webhook.Webhooks
	live        *live.Hub
	ready       *readiness.Checker
	failures    *failure.Record
	support     *support.Support
	// background functions run beside the servers until the context ends.
	background []func(context.Context)
	// kept is how long events stay.
	kept time.Duration
}

func wire(ctx context.Context, c config, db *database.DB, keys *seal.Keys, pages *handlers.Demo, log *slog.Logger) (*app, error) {
	if pages == nil {
		if err := demo.KeepOff(ctx, db); err != nil {
			return nil, err
		}
	}
	_, err := db.CheckSchema(ctx)
	switch {
	case errors.Is(err, database.ErrNoSchema):
		_, err = accounts.Migrate(ctx, db, accounts.MigrationWatch{}) // an empty database migrates at once
	case errors.Is(err, database.ErrSchemaBehind):
		err = migrateLogged(ctx, db, log)
	}
	if err != nil {
		return nil, err
	}
	if err := keyring.Check(ctx, db, keys); err != nil {
		return nil, err
	}
	clients := clientsOf(c, db)
	people := accounts.New(db, keys, parallelHashes())
	metrics := handlers.NewMetrics()
	outages := outage.New(db, log)
	metrics.WatchOutages(outages, clients.Names())
	keeper := keeper.New(db, keys, clients, keeper.Options{KeepAlive: c.KeepAlive, PerSecond: c.PerSecond, Outages: outages, CheckWithin: c.CheckEvery, Watch: metrics.Watch()}, log)
	apiKeys := accounts.NewAPIKeys(db)
	budget, counts := calls.NewBudget(db, c.CallsPerSecond), calls.NewCounts(db)
	checker := check.New(db, clients, keeper, budget, outages, check.Options{
		Every: c.CheckEvery, IdleEvery: idleChecks * c.CheckEvery, PerSecond: c.ChecksPerSecond, Watch: metrics.WatchChecks(),
	}, log)
	connections := connect.New(db, keys, clients, keeper, checker, c.BaseURL.JoinPath("/callback").String(), log)
	webhooks := webhook.New(db, keys, outbound.New(c.outboundRules()), log)
	webhooks.Watch(metrics.ObserveWebhook)
	sessions := accounts.NewSessions(db)
	hub := live.New(db, sessions, live.Options{}, log)
	failures := failure.New(db, metrics.ObserveLostFailure, log)
	ready := readiness.New(db, keys, metrics.ObserveReadiness, log)
	mailer := &mailer{base: c.BaseURL, server: c.SMTPURL, from: c.MailFrom, log: log}
	allCompanies := support.New(db, keeper, connections)
	return &app{
		db:          db,
		accounts:    people,
		outages:     outages,
		keeper:      keeper,
		checker:     checker,
		apiKeys:     apiKeys,
		budget:      budget,
		calls:       counts,
		connections: connections,
		webhooks:    webhooks,
		live:        hub,
		ready:       ready,
		failures:    failures,
		support:     allCompanies,
		outbox:      models.NewOutbox(db, mailer.send, log),
		mailer:      mailer,
		kept:        c.EventsKept,
		public: handlers.New(handlers.Options{
			BaseURL: c.BaseURL, TrustedProxies: c.TrustedProxies, Accounts: people,
			Sessions: sessions, Live: hub, Connections: connections, APIKeys: apiKeys, Answers: accounts.NewKeptAnswers(db, keys), Webhooks: webhooks,
			ProxyPaths: c.ProxyPaths, Outages: outages, Budget: budget, Calls: counts, Contact: c.contact(), Integration: c.OtherEnd.shown(), Logo: c.OtherEnd.Logo, Metrics: metrics, Failures: failures,
			StaffIssuer: c.staffSignIn(), Demo: pages, Director: c.director, Developers: c.Developers, NoMail: c.SMTPURL == nil && pages == nil, Now: time.Now, Log: log,
		}, allCompanies),
		admin: handlers.NewAdmin(c.AdminAddr, ready.Check, metrics.Handler(handlers.Figures{Keeper: keeper.Figures, CheckLag: checker.Lag}, ready.Check)),
	}, nil
}

// clientsOf returns clients for the environments that are offered.
func clientsOf(c config, db *database.DB) models.Clients {
	transport := servicetitan.NewTransport()
	var clients models.Clients
	for _, e := range c.environments {
		clients = append(clients, servicetitan.NewClient(e, transport, db.Now))
	}
	return clients
}

// loadKeys loads the keyset, and fails if there is none. Creating one silently would
// hide that the right one is missing.
func loadKeys(path string) (*seal.Keys, error) {
	keys, err := seal.Load(path)
	if errors.Is(err, seal.ErrNoKeyset) {
		return nil, fmt.Errorf("%w; create one with: fieldbridge keys new", err)
	}
	return keys, err
}

func newLogger(c config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "text" || (c.LogFormat == "" && isatty.IsTerminal(os.Stderr.Fd())) {
		return slog.New(slog.NewTextHandler(os.Stderr, options))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, options))
}
