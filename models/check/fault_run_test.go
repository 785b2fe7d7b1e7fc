package check_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/check"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// faultRun has many connections, each of a company with an owner of its own. Everything
// that works in the background works, in virtual time.
type faultRun struct {
	*modeltest.Kept
	monitor *outage.Monitor
	mailbox *modeltest.Mailbox
	all     []connected
	began   time.Time
	// before counts the requests up to began.
	before map[string]int
}

// connected is a connection of a fault run.
type connected struct {
	id, company uuid.UUID
	tenant      int64
	signIn      bool
}

// faultInterval is the longest time between two checks of a fault run, and between two
// renewals.
const faultInterval = time.Hour

// inFaultRun runs a test in virtual time with n connections, on both databases.
func inFaultRun(t *testing.T, n int, test func(r *faultRun)) {
	t.Helper()
	onSQLite(t, n, test)
	t.Run("postgres", func(t *testing.T) { modeltest.InVirtualTimeOnPostgres(t, faultRunOf(t, n, test), faultScopes) })
}

// onSQLite is inFaultRun on SQLite alone.
func onSQLite(t *testing.T, n int, test func(r *faultRun)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { modeltest.InVirtualTime(t, faultRunOf(t, n, test), faultScopes) })
}

func faultScopes(so *sandbox.Options, _ *keeper.Options) {
	so.Scopes = []string{businessUnits, jobs, "offline_access"}
}

// faultRunOf returns a test that begins with n connections, after everything has settled.
func faultRunOf(t *testing.T, n int, test func(r *faultRun)) func(k *modeltest.Kept) {
	return func(k *modeltest.Kept) {
		r := &faultRun{Kept: k, monitor: outage.New(k.DB, k.Logger()), mailbox: &modeltest.Mailbox{}}
		k.Options.Outages = r.monitor
		k.Keeper = k.NewKeeper(k.Options)
		k.Checker = k.NewChecker(check.Options{Every: faultInterval, IdleEvery: faultInterval, PerSecond: 1000})
		outbox := models.NewOutbox(k.DB, r.mailbox.Send, k.Logger())
		r.connect(n)
		ctx, stop := context.WithCancel(k.Context())
		var background sync.WaitGroup
		for _, work := range []func(context.Context){k.Checker.Run, outbox.Run} {
			background.Go(func() { work(ctx) })
		}
		k.Start()
		// In the full run, every connection has then been renewed and checked once.
		k.Pass(time.Duration(modeltest.Many(t, 5, 60)) * time.Minute)
		r.began, r.before = k.DB.Now(), r.requests()
		test(r)
		stop()
		background.Wait()
	}
}

// connect makes n connections, of which every third was made by signing in. An endpoint of
// the operator hears of all.
func (r *faultRun) connect(n int) {
	r.Helper()
	tenants, err := r.Sandbox.MakeTenants(n)
	if err != nil {
		r.Fatal(err)
	}
	r.Write(func(tx *gorm.DB) error {
		now := r.DB.Now()
		errs := []error{tx.Exec("INSERT INTO webhook_endpoints (id, url, description, types, secret_sealed, created_at) VALUES (?, 'https://example.com', '', '', ?, ?)",
			database.NewID(), []byte{1}, now).Error}
		for i, tenant := range tenants {
			c := connected{company: database.NewID(), tenant: tenant.ID, signIn: i%3 == 0}
			user := database.NewID()
			errs = append(errs,
				tx.Create(&accounts.Company{ID: c.company, Name: fmt.Sprint("Company ", i), CreatedAt: now}).Error,
				tx.Create(&accounts.User{ID: user, Email: fmt.Sprintf("owner%d@x.example", i), Name: "Amy", ProvenAt: &now, CreatedAt: now}).Error,
				tx.Create(&accounts.Membership{CompanyID: c.company, UserID: user, Role: accounts.Owner, CreatedAt: now}).Error)
			c.id, err = r.add(tx, c, now)
			errs, r.all = append(errs, err), append(r.all, c)
		}
		return errors.Join(errs...)
	})
}

// add makes a connection.
func (r *faultRun) add(tx *gorm.DB, of connected, now time.Time) (uuid.UUID, error) {
	way, given := models.SignInWay, sandbox.Given{}
	var own servicetitan.OwnClient
	if of.signIn {
		given = r.Sandbox.GiveAccess(of.tenant)
	} else {
		var err error
		if given, err = r.Sandbox.GiveClient(of.tenant); err != nil {
			return uuid.Nil, err
		}
		way, own = models.OwnCredentialsWay, servicetitan.OwnClient{ID: given.ClientID, Secret: secret.New(given.ClientSecret)}
	}
	tokens := servicetitan.Tokens{Access: secret.New(given.AccessToken), ExpiresAt: given.ExpiresAt.UTC().Truncate(time.Microsecond), Scopes: given.Scopes}
	if given.RefreshToken != "" {
		tokens.Refresh = secret.New(given.RefreshToken)
	}
	c := models.Connection{
		ID: database.NewID(), CompanyID: of.company, Environment: servicetitan.Sandbox, TenantID: of.tenant, Way: way,
		State: models.Connected, Generation: 1, ConnectedByName: "Amy", ConnectedAt: now, CreatedAt: now, ExpiresAt: tokens.ExpiresAt,
	}
	due := r.Keeper.DueFrom(&c, now)
	c.Granted(tokens, r.Clients[0].Environment().Scopes, due, now)
	return c.ID, errors.Join(tx.Create(&c).Error, r.Keeper.Store(tx, c, tokens, own, due), r.Checker.Schedule(tx, c, now))
}

// requests counts the requests to ServiceTitan by endpoint.
func (r *faultRun) requests() map[string]int {
	n := map[string]int{"tokens": r.TokenRequests()}
	for _, path := range []string{sandbox.PathBusinessUnits, sandbox.PathJobs, sandbox.PathCustomers} {
		n["API"] += r.Sandbox.Count(path)
	}
	return n
}

// cause is what goes wrong for one tenant, and what everybody learns of it.
type cause struct {
	name   string
	signIn bool // only for connections that were made by signing in
	own    bool // only for those with a client of their own
	strike func(r *faultRun, tenant int64)
	state  models.State
	reason models.Reason
	// upgrade says that part of the access is missing.
	upgrade bool
	mail    models.MailKind
	message string
}

func plan(f sandbox.Fault) func(r *faultRun, tenant int64) {
	return func(r *faultRun, tenant int64) {
		f.TenantID = tenant
		if _, err := r.Sandbox.PlanFault(f); err != nil {
			r.Fatal(err)
		}
	}
}

func causes() []cause {
	did := func(r *faultRun, n int, err error) {
		if err != nil || n == 0 {
			r.Fatalf("did %d, %v", n, err)
		}
	}
	const needsReconnect, retrying, scopesChanged = "connection.needs_reconnect", "connection.retrying", "connection.scopes_changed"
	return []cause{
		{
			name: "app disabled silently", state: models.ReconnectNeeded, reason: models.ReasonNotAllowed, mail: models.MailReconnectNeeded, message: needsReconnect,
			strike: func(r *faultRun, tenant int64) { n, err := r.Sandbox.DisableSilently(tenant); did(r, n, err) },
		},
		{
			name: "scope lost", state: models.Connected, upgrade: true, mail: models.MailUpgradeNeeded, message: scopesChanged,
			strike: func(r *faultRun, tenant int64) {
				n, err := r.Sandbox.LoseScope(tenant, businessUnits, false)
				did(r, n, err)
			},
		},
		{
			name: "scope refused", state: models.Connected, upgrade: true, mail: models.MailUpgradeNeeded, message: scopesChanged,
			strike: func(r *faultRun, tenant int64) {
				n, err := r.Sandbox.LoseScope(tenant, businessUnits, true)
				did(r, n, err)
			},
		},
		{
			name: "secret deleted", own: true, state: models.ReconnectNeeded, reason: models.ReasonClientRefused, mail: models.MailReconnectNeeded, message: needsReconnect,
			strike: func(r *faultRun, tenant int64) { did(r, 1, r.Sandbox.DeleteSecret(tenant, 1)) },
		},
		{
			name: "grant revoked", signIn: true, state: models.ReconnectNeeded, reason: models.ReasonGrantRefused, mail: models.MailReconnectNeeded, message: needsReconnect,
			strike: func(r *faultRun, tenant int64) { did(r, r.Sandbox.RevokeGrants(tenant), nil) },
		},
		{
			name: "tenant unknown", state: models.ReconnectNeeded, reason: models.ReasonTenantUnknown, mail: models.MailReconnectNeeded, message: needsReconnect,
			strike: plan(sandbox.Fault{Kind: sandbox.Status404, Path: sandbox.WholeAPI}),
		},
		{
			name: "429", state: models.Degraded, reason: models.ReasonRateLimited, message: retrying,
			strike: plan(sandbox.Fault{Kind: sandbox.Status429, Path: sandbox.WholeAPI, RetryAfter: time.Minute}),
		},
		{
			name: "5xx of tokens", own: true, state: models.Degraded, reason: models.ReasonUnavailable, message: retrying,
			strike: plan(sandbox.Fault{Kind: sandbox.Status500, Path: sandbox.PathToken}),
		},
		{
			name: "5xx of the API", state: models.Degraded, reason: models.ReasonUnavailable, message: retrying,
			strike: plan(sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.WholeAPI}),
		},
		{
			name: "resets", state: models.Degraded, reason: models.ReasonUnavailable, message: retrying,
			strike: plan(sandbox.Fault{Kind: sandbox.ResetBefore, Path: sandbox.WholeAPI}),
		},
		{
			name: "no answer", state: models.Degraded, reason: models.ReasonUnavailable, message: retrying,
			strike: plan(sandbox.Fault{Kind: sandbox.NoAnswer, Path: sandbox.WholeAPI}),
		},
	}
}

// told is what was said about a connection since the run began.
type told struct {
	events, messages, mails []string
	// state, message, and mail are when each was first.
	state, message, mail time.Duration
}

// tellings are the kinds of events that say that a connection does not work as before.
var tellings = []models.EventKind{
	models.EventRetrying, models.EventReconnectNeeded, models.EventUpgradeNeeded, models.EventRecovered, models.EventCheckFailed, models.EventDisconnected,
}

// toldAbout returns what was said about every connection.
func (r *faultRun) toldAbout() map[uuid.UUID]*told {
	r.Helper()
	by := map[uuid.UUID]*told{}
	for _, c := range r.all {
		by[c.id] = new(told)
	}
	var rows []struct {
		ID   uuid.UUID
		Kind string
		At   time.Time
	}
	read := func(query string, args []any, add func(t *told, kind string, after time.Duration)) {
		r.Helper()
		rows = nil
		if err := r.DB.Read(r.Context()).Raw(query, args...).Scan(&rows).Error; err != nil {
			r.Fatal(err)
		}
		for _, row := range rows {
			add(by[row.ID], row.Kind, row.At.Sub(r.began))
		}
	}
	first := func(at *time.Duration, after time.Duration) {
		if *at == 0 {
			*at = after
		}
	}
	read("SELECT connection_id AS id, kind, at FROM events WHERE at >= ? AND kind IN ? ORDER BY at", []any{r.began, tellings}, func(t *told, kind string, after time.Duration) {
		t.events = append(t.events, kind)
		if kind != string(models.EventCheckFailed) {
			first(&t.state, after)
		}
	})
	read("SELECT order_key AS id, type AS kind, created_at AS at FROM webhook_deliveries WHERE created_at >= ? ORDER BY seq", []any{r.began}, func(t *told, kind string, after time.Duration) {
		t.messages = append(t.messages, kind)
		first(&t.message, after)
	})
	read("SELECT connection_id AS id, kind, sent_at AS at FROM mails WHERE created_at >= ? AND sent_at IS NOT NULL ORDER BY sent_at", []any{r.began}, func(t *told, kind string, after time.Duration) {
		t.mails = append(t.mails, kind)
		first(&t.mail, after)
	})
	return by
}

// spread says how long things took.
func spread(all []time.Duration) string {
	slices.Sort(all)
	if len(all) == 0 {
		return "none"
	}
	return fmt.Sprintf("median %s, max %s", all[len(all)/2].Round(time.Second), all[len(all)-1].Round(time.Second))
}

// Every cause reaches the page's state, messages to back ends, and mails within one check
// interval. Nobody whom it does not affect is told anything.
func TestSoakEveryCauseIsTold(t *testing.T) {
	n := modeltest.Many(t, 150, 2000)
	inFaultRun(t, n, func(r *faultRun) {
		list := causes()
		each := max(2, n/(len(list)*12))
		struck := map[uuid.UUID]int{}
		for i, what := range list {
			left := each
			for _, c := range r.all {
				if _, taken := struck[c.id]; taken || left == 0 || what.own && c.signIn || what.signIn && !c.signIn {
					continue
				}
				struck[c.id] = i
				what.strike(r, c.tenant)
				left--
			}
		}
		r.Pass(faultInterval)
		about := r.toldAbout()
		times := make([]map[string][]time.Duration, len(list))
		for _, c := range r.all {
			got, connection := about[c.id], r.connection(c)
			i, affected := struck[c.id]
			if !affected {
				if connection.State != models.Connected || connection.UpgradeNeeded || len(got.events)+len(got.messages)+len(got.mails) > 0 {
					r.Errorf("not affected, but %s for %q, told %v, %v, %v", connection.State, connection.Reason, got.events, got.messages, got.mails)
				}
				continue
			}
			want := list[i]
			// Without a grant, the API forbids what the token endpoint refuses.
			forbidden := want.name == "grant revoked" && connection.Reason == models.ReasonNotAllowed
			if connection.State != want.state || want.state != models.Connected && connection.Reason != want.reason && !forbidden || connection.UpgradeNeeded != want.upgrade {
				r.Errorf("%s: it is %s for %q, upgrade %t", want.name, connection.State, connection.Reason, connection.UpgradeNeeded)
			}
			// A lost scope is told of twice if a check finds it before a renewal does.
			if strings.Join(slices.Compact(got.messages), " ") != want.message {
				r.Errorf("%s: messages %v", want.name, got.messages)
			}
			if strings.Join(got.mails, " ") != string(want.mail) {
				r.Errorf("%s: mails %v", want.name, got.mails)
			}
			if times[i] == nil {
				times[i] = map[string][]time.Duration{}
			}
			times[i]["state"] = append(times[i]["state"], got.state)
			if want.mail != "" {
				times[i]["mail"] = append(times[i]["mail"], got.mail)
			}
		}
		for i, what := range list {
			r.Logf("%s, %d connections: state %s; mail %s", what.name, len(times[i]["state"]), spread(times[i]["state"]), spread(times[i]["mail"]))
		}
		now := r.requests()
		r.Logf("%d connections, one hour: %d token requests, %d API requests, %d mails", len(r.all), now["tokens"]-r.before["tokens"], now["API"]-r.before["API"], len(r.mailbox.Take()))
		if outages := r.Count("SELECT count(*) FROM outages"); outages > 0 {
			r.Errorf("%d outages", outages)
		}
	})
}

// connection returns a connection as it is now.
func (r *faultRun) connection(c connected) models.Connection {
	r.Helper()
	now, err := models.GetConnection(r.DB.Read(r.Context()), c.company, c.id)
	if err != nil {
		r.Fatal(err)
	}
	return now
}
