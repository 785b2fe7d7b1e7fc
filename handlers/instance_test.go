package handlers_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/handlers/api"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/check"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/failure"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/live"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/outbound"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// instance is the configuration of one process of the app.
type instance struct {
	URL, Database, Keyset, StandIn, ClientSecret, AppKey string
	// API is the address of ServiceTitan's API. It is empty if that is the sandbox, too.
	API string
	// Paths are the paths of ServiceTitan that back ends may call.
	Paths []string
	// HoldAfter is the path of a ServiceTitan endpoint. After its first answer has
	// arrived, nothing more happens in this process.
	HoldAfter string
	// staffIssuer is where staff sign in; nil for passwords.
	staffIssuer *handlers.StaffIssuer
	// demo is what only the pages of a demo show; nil outside a demo
	demo *handlers.Demo
	// director gives a demo that arranges itself; nil for none
	director *handlers.Director
	// trusted are the networks of proxies.
	trusted []netip.Prefix
	// contact is where people reach support.
	contact handlers.Contact
	// integration is the software that the connections are for.
	integration handlers.Integration
	// live are the limits of streams. Without any, a stream ends as soon as it has begun.
	live live.Options
	// requestLimit is how long a request may take; 0 for the usual limits.
	requestLimit time.Duration
}

// environments returns the environments that contractors may connect to. All of
// them are the sandbox.
func (i instance) environments() []servicetitan.Environment {
	base, err := url.Parse(i.StandIn)
	if err != nil {
		panic(err)
	}
	called, err := url.Parse(cmp.Or(i.API, i.StandIn))
	if err != nil {
		panic(err)
	}
	var all []servicetitan.Environment
	for _, name := range []servicetitan.EnvironmentName{servicetitan.Sandbox, servicetitan.Production, servicetitan.Integration} {
		all = append(all, servicetitan.Environment{
			Name: name, AuthURL: base, APIURL: called, ClientID: "cid.sandbox",
			ClientSecret: secret.New(i.ClientSecret), AppKey: secret.New(i.AppKey),
			Scopes: strings.Fields("tn.crm.customers:r tn.crm.bookings:rw tn.stt.businessunits:r offline_access"),
			Ways:   []servicetitan.Way{servicetitan.SignIn, servicetitan.Guided, servicetitan.OwnCredentials},
		})
	}
	return all
}

// running is an instance on its database.
type running struct {
	handler http.Handler
	// accounts is what the instance signs people in with.
	accounts *accounts.Accounts
	db       *database.DB
	keeper   *keeper.Keeper
	apiKeys  *accounts.APIKeys
	// connections is what the instance connects with.
	connections *connect.Connections
	// webhooks reach this machine. They are sent only if a test runs them.
	webhooks *webhook.Webhooks
	calls    *calls.Counts
	// failures are written only if a test does so.
	failures *failure.Record
	// outages are looked for only if a test lets the monitor take its turns.
	outages *outage.Monitor
	// live tells open pages what has changed, once a test runs it.
	live *live.Hub
}

func (i instance) open(ctx context.Context, transport http.RoundTripper, now func() time.Time, log *slog.Logger) (running, error) {
	base, err := url.Parse(i.URL)
	if err != nil {
		return running{}, err
	}
	keys, err := seal.Load(i.Keyset)
	if err != nil {
		return running{}, err
	}
	db, err := database.Open(ctx, i.Database, now)
	if err != nil {
		return running{}, err
	}
	if err := keyring.Check(ctx, db, keys); err != nil {
		return running{}, errors.Join(err, db.Close())
	}
	var clients models.Clients
	for _, e := range i.environments() {
		clients = append(clients, servicetitan.NewClient(e, transport, db.Now))
	}
	people := accounts.New(db, keys, 4, accounts.QuickHashes)
	outages := outage.New(db, log)
	keeper := keeper.New(db, keys, clients, keeper.Options{KeepAlive: time.Hour, PerSecond: 1000, Outages: outages}, log)
	apiKeys := accounts.NewAPIKeys(db)
	budget := calls.NewBudget(db, calls.PerSecond)
	checker := check.New(db, clients, keeper, budget, outages, check.Options{Every: time.Hour, IdleEvery: 6 * time.Hour, PerSecond: 1000}, log)
	connections := connect.New(db, keys, clients, keeper, checker, i.URL+"/callback", log)
	webhooks := webhook.New(db, keys, outbound.New(outbound.Rules{Loopback: true}), log)
	var paths []api.CallPath
	for _, text := range i.Paths {
		path, ok := api.ParseCallPath(text)
		if !ok {
			return running{}, errors.Join(errors.New("bad path"), db.Close())
		}
		paths = append(paths, path)
	}
	counts := calls.NewCounts(db)
	failures := failure.New(db, func(failure.Lost) {}, log)
	sessions, limits := accounts.NewSessions(db), i.live
	if limits == (live.Options{}) {
		limits.Life = time.Millisecond
	}
	hub := live.New(db, sessions, limits, log)
	return running{accounts: people, db: db, keeper: keeper, apiKeys: apiKeys, connections: connections, webhooks: webhooks, calls: counts, failures: failures, live: hub, outages: outages, handler: handlers.New(handlers.Options{
		BaseURL: base, TrustedProxies: i.trusted, Accounts: people, Sessions: sessions, Live: hub,
		Connections: connections, APIKeys: apiKeys, Answers: accounts.NewKeptAnswers(db, keys), Webhooks: webhooks, ProxyPaths: paths, Budget: budget, Calls: counts, Failures: failures, Outages: outages, Contact: i.contact, Integration: i.integration, StaffIssuer: i.staffIssuer, Demo: i.demo, Director: i.director, Developers: true, RequestLimit: i.requestLimit, Now: now, Log: log,
	}, support.New(db, keeper, connections))}, nil
}

// childVariable holds the instance that a child process of the tests serves.
const childVariable = "FIELDBRIDGE_TEST_INSTANCE"

// serveAsChild serves an instance until the process is killed.
func serveAsChild() {
	fail := func(err error) {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	var i instance
	if err := json.Unmarshal([]byte(os.Getenv(childVariable)), &i); err != nil {
		fail(err)
	}
	var transport http.RoundTripper = servicetitan.NewTransport()
	if i.HoldAfter != "" {
		transport = holding{next: transport, path: i.HoldAfter}
	}
	app, err := i.open(context.Background(), transport, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		fail(err)
	}
	base, err := url.Parse(i.URL)
	if err != nil {
		fail(err)
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", base.Host)
	if err != nil {
		fail(err)
	}
	fmt.Println("serving")
	fail(http.Serve(l, app.handler)) // #nosec G114 -- the parent's limits are enough
}

// holding stops after the whole answer has arrived.
type holding struct {
	next http.RoundTripper
	path string
}

func (h holding) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := h.next.RoundTrip(r)
	if err == nil && r.URL.Path == h.path {
		_, _ = io.Copy(io.Discard, resp.Body)
		fmt.Println("held")
		select {}
	}
	return resp, err
}
