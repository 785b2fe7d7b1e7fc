package handlers_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// state returns a connection's state with its reason.
func (a *app) state(path string) string {
	a.Helper()
	return strings.TrimSpace(a.lookup("SELECT state || ' ' || reason FROM connections WHERE id = ?", strings.TrimPrefix(path, "/connections/")))
}

// promise is what Fieldbridge does about a fault.
type promise struct {
	name  string
	fault sandbox.Fault
	grace time.Duration
	// back is the page after ServiceTitan, if the fault is one of the consent.
	// renewed is the connection's state after the next renewal.
	back, renewed string
	fired         int
}

// The control page says for each fault what Fieldbridge does about it. This test
// checks that Fieldbridge does so, and that each fault has fired.
func TestSandboxFaultPromises(t *testing.T) {
	const (
		connected  = "connected"
		retrying   = "degraded unavailable"
		waiting    = "degraded rate_limited"
		lost       = "reconnect_needed answer_lost"
		refused    = "reconnect_needed grant_refused"
		startAgain = "400 This link is no longer valid"
	)
	const grace = 10 * time.Second
	tests := []promise{
		{"denied", sandbox.Fault{Kind: sandbox.Deny}, 0, "200 Access was not given", "", 1},
		{"code lapsed", sandbox.Fault{Kind: sandbox.ExpiredCode}, 0, "400 ServiceTitan’s approval expired", "", 1},
		{"another issuer", sandbox.Fault{Kind: sandbox.WrongIssuer}, 0, startAgain, "", 1},
		{"no issuer", sandbox.Fault{Kind: sandbox.NoIssuer}, 0, startAgain, "", 1},
		{"refresh token refused", sandbox.Fault{Kind: sandbox.DeadRefresh}, 0, "303 ", refused, 1},
		{"500", sandbox.Fault{Kind: sandbox.Status500}, 0, "", retrying, 1},
		{"503", sandbox.Fault{Kind: sandbox.Status503, RetryAfter: time.Hour}, 0, "", retrying, 1},
		{"429", sandbox.Fault{Kind: sandbox.Status429, RetryAfter: time.Hour}, 0, "", waiting, 1},
		{"slow, in time", sandbox.Fault{Kind: sandbox.Slow, Delay: 10 * time.Millisecond}, 0, "", connected, 1},
		{"slower than 10 seconds, once", sandbox.Fault{Kind: sandbox.Slow, Delay: 20 * time.Second, Times: 1}, 0, "", lost, 1},
		{"reset before the work, once", sandbox.Fault{Kind: sandbox.ResetBefore, Times: 1}, 0, "", connected, 1},
		{"reset before the work", sandbox.Fault{Kind: sandbox.ResetBefore}, 0, "", retrying, 2},
		// A person's wait ends after one try of 10 seconds and the next one.
		{"no answer, once", sandbox.Fault{Kind: sandbox.NoAnswer, Times: 1}, 0, "", connected, 1},
		{"reset after the work, no grace", sandbox.Fault{Kind: sandbox.ResetAfter, Times: 1}, 0, "", lost, 1},
		{"reset after the work, grace", sandbox.Fault{Kind: sandbox.ResetAfter, Times: 1}, grace, "", connected, 1},
		{"web page, once", sandbox.Fault{Kind: sandbox.Garbage, Times: 1}, 0, "", connected, 1},
		{"web page", sandbox.Fault{Kind: sandbox.Garbage}, 0, "", retrying, 2},
		{"wrong type, no grace", sandbox.Fault{Kind: sandbox.WrongType, Times: 1}, 0, "", lost, 1},
		{"wrong type, grace", sandbox.Fault{Kind: sandbox.WrongType, Times: 1}, grace, "", connected, 1},
		{"huge, no grace", sandbox.Fault{Kind: sandbox.Huge, Times: 1}, 0, "", lost, 1},
		{"huge, grace", sandbox.Fault{Kind: sandbox.Huge, Times: 1}, grace, "", connected, 1},
		{"no expires_in", sandbox.Fault{Kind: sandbox.MissingExpiresIn}, 0, "", connected, 1},
		{"401, once", sandbox.Fault{Kind: sandbox.Status401, Times: 1}, 0, "", connected, 1},
		{"401", sandbox.Fault{Kind: sandbox.Status401}, 0, "", "reconnect_needed unauthorized", 2},
		{"403", sandbox.Fault{Kind: sandbox.Status403}, 0, "", "reconnect_needed not_allowed", 2}, // in both areas that the token covers
		{"404", sandbox.Fault{Kind: sandbox.Status404}, 0, "", "reconnect_needed tenant_unknown", 1},
		// The fault concerns the renewal, the check call after it, and that of the other area.
		{"clock", sandbox.Fault{Kind: sandbox.ClockSkew, Skew: 30 * time.Minute}, 0, "", connected, 3},
	}
	for _, kind := range sandbox.FaultKinds() {
		played := slices.ContainsFunc(tests, func(p promise) bool { return p.fault.Kind == kind })
		if !played && kind != sandbox.Hold && kind != sandbox.CustomToken {
			t.Errorf("nobody says what Fieldbridge does about %s", kind)
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			settings := a.sandbox.Settings()
			settings.RefreshGrace = tt.grace
			if err := a.sandbox.Set(settings); err != nil {
				t.Fatal(err)
			}
			amy := a.signUp("Northgate", "Amy")
			if tt.back != "" {
				a.sandbox.SetFault(tt.fault)
			}
			back := amy.get(amy.trip("sandbox", northgate))
			if tt.back != "" {
				wantPage(t, "back", tt.back, back)
			}
			if tt.renewed != "" {
				path, _, _ := strings.Cut(back.want(a, 303, "/connections/").location, "?")
				amy.lapse()
				if tt.back == "" {
					a.sandbox.SetFault(tt.fault)
				}
				amy.post(path+"/test").want(a, 303)
				if got := a.state(path); got != tt.renewed {
					t.Errorf("after the renewal it is %s, want %s", got, tt.renewed)
				}
				if wait := tt.fault.RetryAfter; wait != 0 {
					a.wantLeftAlone(t, amy, path, wait)
				}
			}
			if n := a.sandbox.Fired(tt.fault.Kind); n != tt.fired {
				t.Errorf("it fired %d times, want %d", n, tt.fired)
			}
		})
	}
}

// wantLeftAlone requires that the next attempt comes no sooner than ServiceTitan
// asked for. After a 429, nothing is sent until then, even if a person asks.
func (a *app) wantLeftAlone(t *testing.T, m *member, path string, wait time.Duration) {
	t.Helper()
	soonest := a.clock.Now().Add(wait - time.Minute).UTC()
	if n := a.count("SELECT count(*) FROM connections WHERE next_renewal_at > ?", soonest); n != 1 {
		t.Error("the next try is sooner than Retry-After")
	}
	if a.state(path) != "degraded rate_limited" {
		return
	}
	before := a.tokenRequests()
	m.post(path+"/test").want(a, 303)
	if n := a.tokenRequests(); n != before {
		t.Errorf("%d more requests before Retry-After", n-before)
	}
}

// Fieldbridge handles each action, both with the sign-in and with a client of the
// tenant.
func TestSandboxActionPromises(t *testing.T) {
	const connected = "connected"
	tests := map[sandbox.Action]struct {
		signIn, own string
		// page is what the page of the connection with a client says, and signInPage
		// what the other one says.
		page, signInPage string
	}{
		sandbox.Expire:          {connected, connected, "", ""},
		sandbox.Revoke:          {"reconnect_needed grant_refused", connected, "", ""},
		sandbox.Withdraw:        {"reconnect_needed grant_refused", "reconnect_needed client_refused", "", ""},
		sandbox.NewVersion:      {connected, connected, "Upgrade to New Version", ""},
		sandbox.Regenerate:      {connected, "reconnect_needed client_refused", "", ""},
		sandbox.LoseScope:       {connected, connected, "Upgrade to New Version", "Upgrade to New Version"},
		sandbox.RefuseScope:     {connected, connected, "Upgrade to New Version", "Upgrade to New Version"},
		sandbox.DisableSilently: {"reconnect_needed not_allowed", "reconnect_needed not_allowed", "", ""},
		sandbox.Restore:         {connected, connected, "", ""},
	}
	for _, action := range sandbox.Actions() {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			want, known := tests[action]
			if !known {
				t.Fatal("nobody says what Fieldbridge does about it")
			}
			a := newApp(t)
			amy := a.signUp("Northgate", "Amy")
			id, secret := a.ownClient(south)
			signIn := amy.connect("sandbox", northgate)
			own, _, _ := strings.Cut(amy.connectWith(south, id, secret).want(a, 303).location, "?")
			before := a.tokenRequests()
			if action != sandbox.Expire { // Expire shows before the access has lapsed
				amy.lapse()
			}
			for _, tenantID := range []int64{northgate, south} {
				if action == sandbox.Restore {
					if _, err := a.sandbox.Do(sandbox.DisableSilently, tenantID); err != nil {
						t.Fatal(err)
					}
				}
				// The tenant of the sign-in has no client of its own to regenerate.
				_, err := a.sandbox.Do(action, tenantID)
				if err != nil && (tenantID == south || (action != sandbox.NewVersion && action != sandbox.Regenerate)) {
					t.Fatal(err)
				}
			}
			for path, state := range map[string]string{signIn: want.signIn, own: want.own} {
				amy.post(path+"/test").want(a, 303)
				if got := a.state(path); got != state {
					t.Errorf("%s: %s, want %s", path, got, state)
				}
				// The owner gets a mail if a person has to act.
				mails := a.count("SELECT count(*) FROM mails WHERE kind = 'reconnect_needed' AND connection_id = ?", strings.TrimPrefix(path, "/connections/"))
				if (mails == 1) != strings.HasPrefix(state, "reconnect_needed") {
					t.Errorf("%s: %d mails", path, mails)
				}
			}
			renewals := 2
			if action == sandbox.RefuseScope { // each test renews again, to learn whether the token still lists the area
				renewals = 4
			}
			if n := a.tokenRequests() - before; n != renewals {
				t.Errorf("%d renewals, want %d", n, renewals)
			}
			for path, says := range map[string]string{own: want.page, signIn: want.signInPage} {
				if says != "" {
					amy.says(path, says)
				} else {
					amy.saysNot(path, "Upgrade to New Version")
				}
			}
			if n := a.sandbox.ActionsDone(action); n == 0 {
				t.Error("nothing was done")
			}
			if action == sandbox.Expire {
				if n := a.count("SELECT sum(repeats + 1) FROM events WHERE kind = 'test_passed'"); n != 2 {
					t.Errorf("%d tests passed, want 2", n)
				}
			}
		})
	}
}
