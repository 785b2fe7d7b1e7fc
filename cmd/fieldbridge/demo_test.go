package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/demo"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// seeded is a demo in the state in which it starts.
type seeded struct {
	*testing.T
	*app
	demo     demoApp
	box      *sandbox.Sandbox
	url      string // the sandbox's
	database string
	keys     *seal.Keys
}

// onDemos seeds a demo in a database of each kind.
func onDemos(t *testing.T, test func(*testing.T, *seeded)) {
	for name, database := range map[string]func(*testing.T) string{
		"SQLite":     func(t *testing.T) string { return testdb.SQLite(t) },
		"PostgreSQL": func(t *testing.T) string { return testdb.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s := openDemo(t, database(t), newKeyset(t))
			if err := s.demo.begin(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			test(t, s)
		})
	}
}

// openDemo opens the demo of a database, with a new sandbox. more are additional
// variables.
func openDemo(t *testing.T, database string, keys *seal.Keys, more ...map[string]string) *seeded {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	address := "http://" + server.Listener.Addr().String()
	variables := map[string]string{"FIELDBRIDGE_DATABASE_URL": database, "FIELDBRIDGE_SANDBOX_URL": address}
	for _, m := range more {
		maps.Copy(variables, m)
	}
	c, err := loadConfig(demoDefaults(), lookupIn(variables))
	if err != nil {
		t.Fatal(err)
	}
	s := &seeded{T: t, database: database, keys: keys}
	box, environment := newSandbox(c, quiet(), func(ctx context.Context) error { return s.demo.begin(ctx, false) }, nil)
	server.Config.Handler = box
	server.Start()
	t.Cleanup(server.Close)
	c.environments = append(c.environments[:0], environment)
	s.box, s.url = box, address
	if s.app, err = newApp(t.Context(), c, keys, demoPages(c.SandboxURL, nil), quiet()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.db.Close() })
	s.demo = newDemo(s.app, box, environment, slog.New(slog.DiscardHandler))
	return s
}

// all returns the connections as the keeper and the pages read them.
func (s *seeded) all() []models.Connection {
	s.Helper()
	var list []models.Connection
	if err := s.db.Read(s.Context()).Order("id").Find(&list).Error; err != nil {
		s.Fatal(err)
	}
	return list
}

func (s *seeded) events(c models.Connection) []models.Event {
	s.Helper()
	var list []models.Event
	if err := s.db.Read(s.Context()).Where("connection_id = ? AND kind <> ?", c.ID, models.EventStaffViewed).Order("id").Find(&list).Error; err != nil {
		s.Fatal(err)
	}
	return list
}

// There are companies in every state, and one for each reason that ends a connection.
func TestDemoHasEverything(t *testing.T) {
	onDemos(t, func(t *testing.T, s *seeded) {
		found := map[string]int{}
		for _, c := range s.all() {
			found[string(c.State)]++
			found[string(c.State)+" "+string(c.Reason)]++
			found[string(c.Way)]++
		}
		for _, want := range []string{
			"connected", "degraded unavailable", "degraded rate_limited", "disconnected", "pending", "sign_in", "guided", "own_credentials",
			"reconnect_needed grant_refused", "reconnect_needed client_refused", "reconnect_needed answer_lost", "reconnect_needed not_allowed",
			"reconnect_needed unauthorized", "reconnect_needed tenant_unknown", "reconnect_needed seal_broken",
		} {
			if found[want] == 0 {
				t.Errorf("no connection is %s", want)
			}
		}
		if n := len(demoCompanies()); n < 38 || n > 48 {
			t.Errorf("%d companies, want about forty", n)
		}
		overview, err := support.New(s.db, s.keeper, s.connections).Overview(t.Context(), accounts.Staff{})
		if err != nil {
			t.Fatal(err)
		}
		if q := overview.Queue; q.ForUs == 0 || q.ForCompanies == 0 || q.Conflicts == 0 || q.ByHand == 0 || q.Upgrades == 0 {
			t.Errorf("nothing waits in a part of the queue: %+v", overview)
		}
		for _, account := range demoAccounts() {
			_, err := s.accounts.SignIn(t.Context(), accounts.SignIn{Email: account.Email, Password: secret.New(account.Password), Address: "test"})
			if err != nil {
				t.Errorf("%s: %v", account.Who, err)
			}
		}
	})
}

// The state, the counters, and the timeline of a connection agree.
func TestDemoAgreesWithItself(t *testing.T) {
	onDemos(t, func(t *testing.T, s *seeded) {
		now := s.db.Now()
		perDay := map[string]connect.RenewalDay{}
		for _, c := range s.all() {
			events := s.events(c)
			last := lastOf(events, models.EventConnected, models.EventReconnected, models.EventRetrying, models.EventRecovered,
				models.EventReconnectNeeded, models.EventDisconnected, models.EventSetupRequested, models.EventSetupTenantAdded)
			want := map[models.State][]models.EventKind{
				models.Connected:       {models.EventConnected, models.EventReconnected, models.EventRecovered},
				models.Degraded:        {models.EventRetrying},
				models.ReconnectNeeded: {models.EventReconnectNeeded},
				models.Disconnected:    {models.EventDisconnected},
				models.Pending:         {models.EventSetupRequested, models.EventSetupTenantAdded},
			}[c.State]
			if !slices.Contains(want, last.Kind) || last.Reason != c.Reason && c.State != models.Connected {
				t.Errorf("tenant %d is %s (%s), its last change was %s (%s)", c.TenantID, c.State, c.Reason, last.Kind, last.Reason)
			}
			if c.State != models.Pending && !c.StateSince.Equal(last.At) {
				t.Errorf("tenant %d is %s since %s, the timeline says %s", c.TenantID, c.State, c.StateSince, last.At)
			}
			for i, e := range events {
				if e.At.After(now) || i > 0 && e.At.Before(events[i-1].At) {
					t.Errorf("tenant %d: %s at %s is out of order", c.TenantID, e.Kind, e.At)
				}
			}
			s.daysAgree(c, events, perDay)
		}
		s.hoursAgree(perDay)
	})
}

// daysAgree compares the days of a connection's health strip with its timeline.
func (s *seeded) daysAgree(c models.Connection, events []models.Event, perDay map[string]connect.RenewalDay) {
	s.Helper()
	days, err := s.connections.Health(s.Context(), c)
	if err != nil {
		s.Fatal(err)
	}
	began := map[string]bool{} // days on which a problem began
	for _, e := range events {
		if e.Kind == models.EventTestPassed && c.TestedAt != nil && e.At.Equal(*c.TestedAt) && e.Millis != c.TestMillis {
			s.Errorf("tenant %d was tested in %d ms and in %d ms", c.TenantID, e.Millis, c.TestMillis)
		}
		if e.Kind == models.EventRetrying {
			began[e.At.UTC().Format(time.DateOnly)] = true
		}
	}
	connected := c.ConnectedAt.UTC().Format(time.DateOnly)
	if first := lastOf(events[:1], models.EventConnected, models.EventSetupRequested); !first.At.IsZero() {
		connected = first.At.UTC().Format(time.DateOnly)
	}
	for _, d := range days {
		sum := perDay[d.Day]
		perDay[d.Day] = connect.RenewalDay{OK: sum.OK + d.OK, Failed: sum.Failed + d.Failed}
		switch {
		case d.Day < connected && d.OK+d.Failed > 0:
			s.Errorf("tenant %d was renewed on %s, before it was connected", c.TenantID, d.Day)
		case began[d.Day] && d.Failed == 0:
			s.Errorf("tenant %d retried on %s, and nothing failed", c.TenantID, d.Day)
		case c.State == models.Disconnected && d.Day > c.DisconnectedAt.UTC().Format(time.DateOnly) && d.OK+d.Failed > 0:
			s.Errorf("tenant %d was renewed on %s, after it was disconnected", c.TenantID, d.Day)
		}
	}
}

// hoursAgree compares the overview's hours with the days of all connections.
func (s *seeded) hoursAgree(perDay map[string]connect.RenewalDay) {
	s.Helper()
	var hours []keeper.RenewalHour
	if err := s.db.Read(s.Context()).Find(&hours).Error; err != nil {
		s.Fatal(err)
	}
	sums := map[string]connect.RenewalDay{}
	for _, h := range hours {
		day := h.Begins().Format(time.DateOnly)
		sum := sums[day]
		sums[day] = connect.RenewalDay{OK: sum.OK + int(h.OK), Failed: sum.Failed + int(h.Failed)}
	}
	// The oldest day is not complete.
	for i := range 13 {
		day := s.db.Now().AddDate(0, 0, -i).Format(time.DateOnly)
		if got, want := sums[day], perDay[day]; got != want || want.OK == 0 && i > 0 {
			s.Errorf("on %s the hours have %d and %d, the connections %d and %d", day, got.OK, got.Failed, want.OK, want.Failed)
		}
	}
}

// The sandbox confirms that connected connections work, and that no others do. This
// also holds for a demo that is kept, although the sandbox has forgotten everything.
func TestDemoIsReal(t *testing.T) {
	onDemos(t, func(t *testing.T, s *seeded) {
		s.isReal()
		before := len(s.all())
		if err := s.db.Close(); err != nil { // only one process renews the connections of a SQLite file
			t.Fatal(err)
		}
		kept := openDemo(t, s.database, s.keys)
		if err := kept.demo.begin(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if n := len(kept.all()); n != before {
			t.Errorf("%d connections, there were %d", n, before)
		}
		kept.isReal()
	})
}

func (s *seeded) isReal() {
	s.Helper()
	for _, c := range s.all() {
		_, err := s.keeper.Renew(s.Context(), c.CompanyID, c.ID, c.Generation)
		if (err == nil) != (c.State == models.Connected) {
			s.Errorf("tenant %d is %s (%s), its renewal: %v", c.TenantID, c.State, c.Reason, err)
		}
	}
	for _, c := range s.all() {
		if c.State == models.Connected && (!c.ExpiresAt.After(s.db.Now()) || c.Failures != 0) {
			s.Errorf("tenant %d is connected, its access ends at %s after %d failures", c.TenantID, c.ExpiresAt, c.Failures)
		}
	}
}

// A reset restores everything in the app and in the sandbox, and signs everybody out.
// Programs and the sandbox's own button can ask for it.
func TestDemoBeginsAgain(t *testing.T) {
	onDemos(t, func(t *testing.T, s *seeded) {
		before := states(s.all())
		if _, err := s.box.Do(sandbox.Revoke, 0); err != nil {
			t.Fatal(err)
		}
		for _, c := range s.all() {
			_, _ = s.keeper.Renew(t.Context(), c.CompanyID, c.ID, c.Generation)
		}
		_, _, err := s.accounts.SignUp(t.Context(), accounts.SignUp{Company: "Visitor", Name: "V", Email: "v@visitor.example", Password: secret.New("a visitor's password"), Address: "test"})
		if err != nil {
			t.Fatal(err)
		}
		if maps.Equal(before, states(s.all())) {
			t.Fatal("nothing has changed, so nothing is shown")
		}
		if status, body := fetch(t, http.MethodPost, s.url+"/control/reset", nil); status != http.StatusNoContent {
			t.Fatalf("the sandbox answers %d %s", status, body)
		}
		if after := states(s.all()); !maps.Equal(before, after) {
			t.Errorf("%v, it was %v", after, before)
		}
		if _, err := s.accounts.SignIn(t.Context(), accounts.SignIn{Email: "v@visitor.example", Password: secret.New("a visitor's password"), Address: "test"}); err == nil {
			t.Error("who signed up before is still here")
		}
		s.isReal()
	})
}

func states(list []models.Connection) map[int64]models.State {
	m := map[int64]models.State{}
	for _, c := range list {
		m[c.TenantID] = c.State
	}
	return m
}

// A demo resets once its hour has passed since the last start, and not earlier.
func TestDemoBeginsAgainEachDay(t *testing.T) {
	s := openDemo(t, testdb.SQLite(t), newKeyset(t))
	if err := s.demo.begin(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	begun, err := s.demo.data.Begun(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	midnight := begun.Truncate(24 * time.Hour)
	for _, tt := range []struct {
		name  string
		after time.Duration // midnight
		ago   time.Duration // since the last start
		done  bool
	}{
		{"a moment before it was begun", begun.Sub(midnight) - time.Second, 0, false},
		{"a moment ago", begun.Sub(midnight) - time.Second, time.Minute, true},
		{"soon", begun.Sub(midnight) + time.Hour, time.Minute, false},
		{"soon, and yesterday", begun.Sub(midnight) + time.Hour, 24 * time.Hour, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := s.db.Write(t.Context(), func(tx *gorm.DB) error {
				return tx.Exec("UPDATE demo SET begun_at = ?", s.db.Now().Add(-tt.ago)).Error
			})
			if err != nil {
				t.Fatal(err)
			}
			if done, err := s.demo.data.ResetDaily(t.Context(), tt.after); err != nil || done != tt.done {
				t.Errorf("begun again: %v, %v; want %v", done, err, tt.done)
			}
		})
	}
}

// A demo never uses a database that has other data.
func TestDemoLeavesOthersAlone(t *testing.T) {
	s := openDemo(t, testdb.SQLite(t), newKeyset(t))
	_, _, err := s.accounts.SignUp(t.Context(), accounts.SignUp{Company: "Real", Name: "R", Email: "r@real.example", Password: secret.New("a real person's password"), Address: "test"})
	if err != nil {
		t.Fatal(err)
	}
	for name, begin := range map[string]func(context.Context) error{"begin": s.demo.data.Begin, "reset": s.demo.data.Reset} {
		if err := begin(t.Context()); !errors.Is(err, demo.ErrNotDemo) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.accounts.SignIn(t.Context(), accounts.SignIn{Email: "r@real.example", Password: secret.New("a real person's password"), Address: "test"}); err != nil {
		t.Errorf("the account is gone: %v", err)
	}
}

func lastOf(events []models.Event, kinds ...models.EventKind) models.Event {
	for i := len(events) - 1; i >= 0; i-- {
		if slices.Contains(kinds, events[i].Kind) {
			return events[i]
		}
	}
	return models.Event{}
}
