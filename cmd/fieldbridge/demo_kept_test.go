package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/demo"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// reasons are all reasons why a connection can fail.
var reasons = []models.Reason{
	models.ReasonNone, models.ReasonUnavailable, models.ReasonRateLimited, models.ReasonGrantRefused, models.ReasonClientRefused, models.ReasonAnswerLost,
	models.ReasonNotAllowed, models.ReasonUnauthorized, models.ReasonTenantUnknown, models.ReasonSealBroken,
}

// A demo starts again, whatever guests did to its connections, and connections that had
// ended stay ended.
func TestDemoIsKeptAsGuestsLeftIt(t *testing.T) {
	s := openDemo(t, testdb.SQLite(t), newKeyset(t))
	if err := s.demo.begin(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	for _, state := range []models.State{models.Degraded, models.ReconnectNeeded} {
		for _, reason := range reasons {
			s.write("UPDATE connections SET state = ?, reason = ? WHERE state IN ('connected', 'degraded', 'reconnect_needed')", state, reason)
			kept := openDemo(t, s.database, s.keys)
			if err := kept.demo.begin(t.Context(), true); err != nil {
				t.Errorf("%s for %s: %v", state, reason, err)
			}
			for _, c := range kept.all() {
				if c.State != models.ReconnectNeeded {
					continue
				}
				if _, err := kept.keeper.Renew(t.Context(), c.CompanyID, c.ID, c.Generation); err == nil {
					t.Errorf("tenant %d by %s, ended for %s, is renewed", c.TenantID, c.Way, reason)
				}
			}
		}
	}
}

// A demo starts again after a journey that withdraws the app.
func TestDemoIsKeptAfterTheAppIsWithdrawn(t *testing.T) {
	onDemos(t, func(t *testing.T, s *seeded) {
		if _, err := s.box.Do(sandbox.Withdraw, 0); err != nil {
			t.Fatal(err)
		}
		for _, c := range s.all() {
			if c.State == models.Connected {
				if err := s.connections.Test(t.Context(), accounts.Visitor{CompanyID: c.CompanyID, Name: "Guest"}, c.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		before, ended := states(s.all()), 0
		for _, c := range s.all() {
			if c.State == models.Connected {
				t.Errorf("tenant %d is connected without the app", c.TenantID)
			}
			if c.Way == servicetitan.SignIn && c.Reason == models.ReasonNotAllowed {
				ended++
			}
		}
		if ended == 0 {
			t.Error("no sign-in ended for want of the app, so nothing is shown")
		}
		kept := openDemo(t, s.database, s.keys)
		if err := kept.demo.begin(s.Context(), true); err != nil {
			s.Fatal(err)
		}
		for tenant, state := range states(kept.all()) {
			if before[tenant] != state {
				s.Errorf("tenant %d was %s and is %s", tenant, before[tenant], state)
			}
		}
	})
}

// A demo starts although the sandbox does not know one of its tenants.
func TestDemoIsKeptWithAnUnknownTenant(t *testing.T) {
	onDemos(t, func(t *testing.T, s *seeded) {
		for _, step := range []models.SetupStep{models.StepAddTenant, models.StepAllowAccess, models.StepEnterCredentials} {
			s.write("UPDATE setups SET tenant_id = 123456789, step = ? WHERE tenant_id IN (529316084, 123456789)", step)
			s.write("UPDATE connections SET tenant_id = 123456789 WHERE tenant_id IN (529316084, 123456789)")
			if err := s.db.Close(); err != nil { // only one process renews the connections of a SQLite file
				s.Fatal(err)
			}
			s = openDemo(t, s.database, s.keys)
			if err := s.demo.begin(s.Context(), true); err != nil {
				s.Errorf("at %s: %v", step, err)
			}
			s.isReal()
		}
	})
}

func (s *seeded) write(statement string, values ...any) {
	s.Helper()
	err := s.db.Write(s.Context(), func(tx *gorm.DB) error { return tx.Exec(statement, values...).Error })
	if err != nil {
		s.Fatal(err)
	}
}

// Guests continue to use a demo while it resets. Nothing they do breaks the reset, and
// each action succeeds or is refused.
func TestDemoBeginsAgainUnderGuests(t *testing.T) {
	onDemos(t, func(t *testing.T, s *seeded) {
		ctx, stop := context.WithCancel(t.Context())
		var guests sync.WaitGroup
		broken := make(chan error, 100)
		for guest := range 6 {
			guests.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					for _, err := range s.busy(ctx, guest, n) {
						if err != nil && ctx.Err() == nil && !expected(err) {
							select {
							case broken <- err:
							default:
							}
						}
					}
				}
			})
		}
		for range 5 {
			if err := s.demo.data.Reset(t.Context()); err != nil {
				t.Errorf("reset: %v", err)
			}
		}
		stop()
		guests.Wait()
		close(broken)
		for err := range broken {
			t.Errorf("a guest: %v", err)
		}
		if err := s.demo.data.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.isReal()
	})
}

// busy does what a guest does: sign up, test connections, and write notes. It returns
// the errors.
func (s *seeded) busy(ctx context.Context, guest, n int) []error {
	email := fmt.Sprintf("guest%d-%d@visitor.example", guest, n)
	_, _, err := s.accounts.SignUp(ctx, accounts.SignUp{Company: "Visitor", Name: "V", Email: email, Password: secret.New("a visitor's password"), Address: email})
	results := []error{err}
	var list []models.Connection
	if err := s.db.Read(ctx).Where("state = ?", models.Connected).Order("id").Limit(3).Offset(guest * 3).Find(&list).Error; err != nil {
		return append(results, err)
	}
	var people []accounts.User
	if err := s.db.Read(ctx).Where("staff_role <> ''").Limit(1).Find(&people).Error; err != nil || len(people) == 0 {
		return append(results, err)
	}
	for _, c := range list {
		results = append(results, s.connections.Test(ctx, accounts.Visitor{CompanyID: c.CompanyID, Name: "Guest"}, c.ID))
		_, err := s.keeper.Renew(ctx, c.CompanyID, c.ID, c.Generation)
		results = append(results, err)
		results = append(results, support.New(s.db, s.keeper, s.connections).AddNote(ctx, accounts.Staff{UserID: people[0].ID, Name: "Guest"}, c.ID, "called"))
	}
	return results
}

// expected reports whether a guest may get the error, because their data is gone or
// ServiceTitan refuses an unknown tenant.
func expected(err error) bool {
	if _, busy := errors.AsType[*accounts.BusyError](err); busy {
		return true
	}
	return database.Gone(err) || errors.Is(err, models.ErrReconnectNeeded) || errors.Is(err, models.ErrNotConnected) || errors.Is(err, database.ErrUnavailable)
}

// A demo writes only to its mailbox. It never uses a configured mail server.
func TestDemoSendsNoMail(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{}, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
			select {
			case asked <- struct{}{}:
			default:
			}
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	s := openDemo(t, testdb.SQLite(t), newKeyset(t), map[string]string{
		"FIELDBRIDGE_SMTP_URL": "smtp://" + l.Addr().String(), "FIELDBRIDGE_MAIL_FROM": "support@fieldbridge.example",
	})
	mail := models.OutgoingMail{
		Mail:          models.Mail{ConnectionID: uuid.Max, Kind: models.MailReconnectNeeded, Reason: models.ReasonGrantRefused, Recipient: "stranger@example.com"},
		RecipientName: "A stranger", CompanyName: "Visitor", TenantID: 842193311, Environment: servicetitan.Sandbox,
	}
	if err := s.mailer.send(t.Context(), mail); err != nil {
		t.Errorf("sent: %v", err)
	}
	if _, body := fetch(t, http.MethodGet, s.url+"/control/mailbox", nil); !strings.Contains(body, "stranger@example.com") {
		t.Errorf("the mailbox has %s", body)
	}
	select {
	case <-asked:
		t.Error("the mail server was asked")
	default:
	}
}

// The counts of renewals from before a reset are gone after it.
func TestDemoForgetsWhatWasCounted(t *testing.T) {
	onDemos(t, func(t *testing.T, s *seeded) {
		s.isReal()
		if err := s.demo.data.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		counted := func() (n int64) {
			if err := s.db.Read(t.Context()).Raw("SELECT sum(ok + failed) FROM renewal_hours").Scan(&n).Error; err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := counted()
		stopped, stop := context.WithCancel(t.Context())
		stop()
		s.keeper.Run(stopped) // this saves the counts
		if after := counted(); after != before || before == 0 {
			t.Errorf("%d renewals, %d were seeded", after, before)
		}
	})
}

// A nightly reset that failed halfway is done again in the same night.
func TestDemoBeginsAgainWhenItFailed(t *testing.T) {
	s := openDemo(t, testdb.SQLite(t), newKeyset(t))
	ctx, stop := context.WithCancel(t.Context())
	asked := 0
	d := demo.New(s.db, s.accounts, s.keeper, demo.Options{
		Environment: servicetitan.Sandbox, Companies: demoSamples(s.box.Tenants()), Staff: demoStaff(),
		Password: secret.New(demoPassword), TokenLife: demoTokenLife, Forget: s.box.Reset,
		Access: func(of demo.StandingAccess) (servicetitan.Tokens, servicetitan.OwnClient, error) {
			if asked++; asked == 3 {
				stop() // the database disappears
			}
			return standingAccess(s.box, of)
		},
	}, slog.New(slog.DiscardHandler))
	if err := d.Reset(ctx); err == nil {
		t.Fatal("it did not fail")
	}
	now := s.db.Now()
	soon := now.Sub(now.Truncate(24*time.Hour)) + time.Hour
	for _, want := range []bool{true, false} {
		if done, err := d.ResetDaily(t.Context(), soon); err != nil || done != want {
			t.Errorf("begun anew: %v, %v; want %v", done, err, want)
		}
	}
	s.isReal()
}

// Trouble that guests caused ends with the sandbox that made it. The trouble that the
// demo began with stays.
func TestDemoIsKeptWithoutGuestsPassingTrouble(t *testing.T) {
	onDemos(t, func(t *testing.T, s *seeded) {
		before := states(s.all())
		s.box.SetFault(sandbox.Fault{Kind: sandbox.Status503})
		begun, err := s.demo.data.Begun(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		failed := 0
		for _, c := range s.all() {
			if c.State == models.Connected {
				_, _ = s.keeper.Renew(t.Context(), c.CompanyID, c.ID, c.Generation)
			}
		}
		for _, c := range s.all() {
			if c.State == models.Degraded && c.FailingSince.After(begun) {
				failed++
			}
		}
		if failed == 0 {
			t.Fatal("nothing fails")
		}
		if err := s.db.Close(); err != nil { // only one process renews the connections of a SQLite file
			t.Fatal(err)
		}
		kept := openDemo(t, s.database, s.keys)
		if err := kept.demo.begin(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		for _, c := range kept.all() {
			if before[c.TenantID] == models.Connected {
				_, _ = kept.keeper.Renew(t.Context(), c.CompanyID, c.ID, c.Generation)
			}
		}
		if after := states(kept.all()); !maps.Equal(before, after) {
			t.Errorf("%v, want %v", after, before)
		}
	})
}

// After a reset, a guest's 429 stops nobody.
func TestDemoForgetsWhatWasAskedOfIt(t *testing.T) {
	onDemos(t, func(t *testing.T, s *seeded) {
		s.box.SetFault(sandbox.Fault{Kind: sandbox.Status429, RetryAfter: time.Hour})
		for _, c := range s.all() {
			_, _ = s.keeper.Renew(t.Context(), c.CompanyID, c.ID, c.Generation)
		}
		if s.box.Fired(sandbox.Status429) == 0 {
			t.Fatal("nobody was asked to wait")
		}
		if err := s.demo.begin(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		for _, c := range s.all() {
			if c.State != models.Connected {
				continue
			}
			if access, err := s.keeper.Renew(t.Context(), c.CompanyID, c.ID, c.Generation); err != nil || access.Generation != c.Generation+1 {
				t.Errorf("tenant %d has generation %d after %d: %v", c.TenantID, access.Generation, c.Generation, err)
			}
		}
	})
}
