package check_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/check"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	businessUnits = servicetitan.AccountScope
	jobs          = "tn.jpm.jobs:r"
)

// checks has connections with checks, whose app may read business units and jobs.
type checks struct {
	*modeltest.Kept
}

// onChecks runs a test on both databases.
func onChecks(t *testing.T, test func(t *testing.T, k checks), change ...func(*sandbox.Options, *keeper.Options)) {
	t.Helper()
	change = append(change, func(so *sandbox.Options, _ *keeper.Options) {
		so.Scopes = []string{businessUnits, jobs, "offline_access"}
	})
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := checks{modeltest.NewKept(t, db, clock.Now, change...)}
		k.Person("Amy", accounts.Owner)
		test(t, k)
	})
}

// run makes the check of a connection now, whenever it is due.
func (k checks) run(id uuid.UUID) {
	k.Helper()
	k.makeDue(id)
	if n, err := k.Checker.CheckDue(k.Context(), servicetitan.Sandbox); n != 1 || err != nil {
		k.Fatalf("%d checks were made, %v", n, err)
	}
}

func (k checks) makeDue(ids ...uuid.UUID) {
	k.Helper()
	k.Exec("UPDATE checks SET due_at = ? WHERE connection_id IN ?", check.AnHourAgo(), ids)
}

// mails counts the mails of a kind about a connection.
func (k checks) mails(id uuid.UUID, kind models.MailKind) int {
	k.Helper()
	return k.Count("SELECT count(*) FROM mails WHERE connection_id = ? AND kind = ?", id, kind)
}

// events counts the events of a kind of a connection.
func (k checks) events(id uuid.UUID, kind models.EventKind) int {
	k.Helper()
	return k.Count("SELECT count(*) FROM events WHERE connection_id = ? AND kind = ?", id, kind)
}

// soon says whether a check is due about a minute from now.
func soon(c models.Check) bool {
	return c.DueAt != nil && c.DueAt.Sub(*c.TriedAt) >= 30*time.Second && c.DueAt.Sub(*c.TriedAt) <= 2*time.Minute
}

// One failure tells nobody anything. The second one in a row has the effect that its cause
// has, with one mail if a person has to act.
func TestEachCause(t *testing.T) {
	fault := func(f sandbox.Fault) func(k checks) {
		return func(k checks) {
			f.Path = sandbox.WholeAPI
			k.Sandbox.SetFault(f)
		}
	}
	lose := func(scope string, listed bool) func(k checks) {
		return func(k checks) {
			if _, err := k.Sandbox.LoseScope(modeltest.Northgate, scope, listed); err != nil {
				k.Fatal(err)
			}
		}
	}
	for name, tt := range map[string]struct {
		cause func(k checks)
		// reason is that of the checks, and state is that of the connection after the
		// second one.
		reason models.Reason
		state  models.State
		// upgrade says that part of the access is missing.
		upgrade bool
		// first is whether the first failure is on the timeline.
		first bool
	}{
		"app disabled":            {func(k checks) { _, _ = k.Sandbox.DisableSilently(modeltest.Northgate) }, models.ReasonNotAllowed, models.ReconnectNeeded, false, true},
		"token refused":           {fault(sandbox.Fault{Kind: sandbox.Status401}), models.ReasonUnauthorized, models.ReconnectNeeded, false, true},
		"tenant unknown":          {fault(sandbox.Fault{Kind: sandbox.Status404}), models.ReasonTenantUnknown, models.ReconnectNeeded, false, true},
		"API down":                {fault(sandbox.Fault{Kind: sandbox.Status503}), models.ReasonUnavailable, models.Degraded, false, false},
		"API broken":              {fault(sandbox.Fault{Kind: sandbox.Status500}), models.ReasonUnavailable, models.Degraded, false, false},
		"no connection":           {fault(sandbox.Fault{Kind: sandbox.ResetBefore}), models.ReasonUnavailable, models.Degraded, false, false},
		"nonsense":                {fault(sandbox.Fault{Kind: sandbox.Garbage}), models.ReasonUnavailable, models.Degraded, false, false},
		"scope refused":           {lose(businessUnits, true), models.ReasonScopeMissing, models.Connected, true, false},
		"another scope refused":   {lose(jobs, true), models.ReasonNone, models.Connected, false, false},
		"token of another tenant": {func(k checks) { k.Exec("UPDATE connections SET tenant_id = 905118274") }, models.ReasonTenantUnknown, models.ReconnectNeeded, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			onChecks(t, func(t *testing.T, k checks) {
				id := k.Connect(modeltest.Northgate)
				tt.cause(k)
				k.run(id)
				c, row := k.Connection(id), k.Check(id)
				if c.State != models.Connected || c.UpgradeNeeded || row.Reason != tt.reason || tt.reason != models.ReasonNone && !soon(row) {
					t.Errorf("after one: %s, upgrade %t, %+v", c.State, c.UpgradeNeeded, row)
				}
				if n := k.Count("SELECT count(*) FROM mails"); n != 0 {
					t.Errorf("after one: %d mails", n)
				}
				if n := k.events(id, models.EventCheckFailed); (n == 1) != tt.first {
					t.Errorf("after one: %d failures on the timeline", n)
				}
				for range 3 { // the third time finds nothing new
					if k.Check(id).DueAt != nil {
						k.run(id)
					}
				}
				c, row = k.Connection(id), k.Check(id)
				if c.State != tt.state || c.UpgradeNeeded != tt.upgrade || row.Reason != tt.reason {
					t.Errorf("then: %s, upgrade %t, %+v", c.State, c.UpgradeNeeded, row)
				}
				person := c.State == models.ReconnectNeeded
				if n := k.mails(id, models.MailReconnectNeeded); (n == 1) != person {
					t.Errorf("then: %d mails to reconnect", n)
				}
				if n := k.mails(id, models.MailUpgradeNeeded); (n == 1) != tt.upgrade {
					t.Errorf("then: %d mails to upgrade", n)
				}
				if person != (row.DueAt == nil) {
					t.Errorf("then: due at %v", row.DueAt)
				}
				if person && c.Reason != tt.reason {
					t.Errorf("the reason is %q", c.Reason)
				}
				if n := k.events(id, models.EventRetrying); (n == 1) != (tt.state == models.Degraded) {
					t.Errorf("then: %d events say that it is retried", n)
				}
			})
		})
	}
}

// What has failed for a temporary reason recovers with the first check that works.
func TestChecksRecover(t *testing.T) {
	onChecks(t, func(t *testing.T, k checks) {
		id := k.Connect(modeltest.Northgate)
		k.Exec("INSERT INTO webhook_endpoints (id, url, description, types, secret_sealed, created_at) VALUES (?, 'https://example.com', '', '', ?, ?)",
			database.NewID(), []byte{1}, k.DB.Now())
		k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.WholeAPI})
		k.run(id)
		k.run(id)
		if c := k.Connection(id); c.State != models.Degraded || c.UnansweredSince == nil || c.FailingSince != nil {
			t.Errorf("it is %s, unanswered since %v, failing since %v", c.State, c.UnansweredSince, c.FailingSince)
		}
		// A renewal that works does not end it.
		if _, err := k.Keeper.Renewed(t.Context(), k.CompanyID, id, k.Connection(id).Generation); err != nil {
			t.Fatal(err)
		}
		if c := k.Connection(id); c.State != models.Degraded || c.Reason != models.ReasonUnavailable {
			t.Errorf("after a renewal, it is %s for %q", c.State, c.Reason)
		}
		k.Sandbox.ClearFaults()
		k.run(id)
		c, row := k.Connection(id), k.Check(id)
		if c.State != models.Connected || c.Reason != models.ReasonNone || c.UnansweredSince != nil {
			t.Errorf("it is %s for %q", c.State, c.Reason)
		}
		if row.Failures != 0 || row.FailingSince != nil || row.Reason != models.ReasonNone || !row.AnsweredAt.Equal(*row.TriedAt) {
			t.Errorf("%+v", row)
		}
		if n := k.events(id, models.EventRecovered); n != 1 {
			t.Errorf("%d events say that it works again", n)
		}
		if n := k.Count("SELECT count(*) FROM webhook_deliveries WHERE type = 'connection.recovered'"); n != 1 {
			t.Errorf("%d messages say that it works again", n)
		}
		if n := k.Count("SELECT checks_failed * 100 + checks_ok FROM renewal_days WHERE connection_id = ?", id); n != 201 {
			t.Errorf("%d is counted, want 2 that failed and 1 that worked", n)
		}
		if n := k.Count("SELECT count(*) FROM mails"); n != 0 {
			t.Errorf("%d mails", n)
		}
	})
}

// If ServiceTitan refuses a scope that tokens still list, renewals do not take the flag
// back, and owners get one mail. Access to the area ends it.
func TestMissingAreaDoesNotFlap(t *testing.T) {
	onChecks(t, func(t *testing.T, k checks) {
		id := k.Connect(modeltest.Northgate)
		if _, err := k.Sandbox.LoseScope(modeltest.Northgate, businessUnits, true); err != nil {
			t.Fatal(err)
		}
		k.run(id)
		k.run(id)
		for range 3 {
			if _, err := k.Keeper.Renewed(t.Context(), k.CompanyID, id, k.Connection(id).Generation); err != nil {
				t.Fatal(err)
			}
			if !k.Connection(id).UpgradeNeeded {
				t.Error("a renewal took the flag back")
			}
			k.run(id)
		}
		if n := k.mails(id, models.MailUpgradeNeeded); n != 1 {
			t.Errorf("%d mails", n)
		}
		k.Sandbox.RestoreAll(modeltest.Northgate)
		k.run(id)
		if c := k.Connection(id); c.UpgradeNeeded || c.State != models.Connected {
			t.Errorf("it is %s, upgrade %t", c.State, c.UpgradeNeeded)
		}
	})
}

// A tenant that asks us to wait is left alone until then, by everybody.
func TestWaitIsRespected(t *testing.T) {
	onChecks(t, func(t *testing.T, k checks) {
		id := k.Connect(modeltest.Northgate)
		k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status429, Path: sandbox.WholeAPI, RetryAfter: 10 * time.Minute})
		k.run(id)
		if row := k.Check(id); row.Reason != models.ReasonRateLimited || row.DueAt.Sub(*row.TriedAt) < 10*time.Minute {
			t.Errorf("%+v", row)
		}
		k.Sandbox.ClearFaults()
		asked := k.Sandbox.Count(sandbox.PathBusinessUnits)
		k.run(id)
		if n := k.Sandbox.Count(sandbox.PathBusinessUnits); n != asked {
			t.Error("it was asked while the tenant waits")
		}
		if row := k.Check(id); row.Failures != 1 || time.Until(*row.DueAt) < 9*time.Minute {
			t.Errorf("a check that was not made changed %+v", row)
		}
	})
}
