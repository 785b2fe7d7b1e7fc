package handlers_test

import (
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// refreshes returns how many refresh requests the sandbox has answered.
func (a *app) refreshes() int {
	n := 0
	for _, r := range a.sandbox.Requests() {
		if r.GrantType == "refresh_token" {
			n++
		}
	}
	return n
}

// lapse lets the access token expire while everyone stays signed in.
func (m *member) lapse() {
	m.Helper()
	m.clock.Add(16 * time.Minute)
	m.get("/connections").want(m, 200)
}

func TestLapsedAccessIsRenewedWhenNeeded(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("A", "Amy")
		path := amy.connect("sandbox", northgate)
		for range 3 {
			amy.post(path+"/test").want(a, 303)
			amy.get(path).want(a, 200, "Test passed")
		}
		if n := a.refreshes(); n != 0 {
			t.Errorf("%d renewals of access that had not lapsed", n)
		}
		for want := 1; want <= 3; want++ {
			amy.lapse()
			amy.post(path+"/test").want(a, 303)
			amy.get(path).want(a, 200, "Connected")
			if n := a.refreshes(); n != want {
				t.Errorf("%d renewals, want %d: each with the rotated token", n, want)
			}
		}
	})
}

// However many requests come at once, on two instances, access is renewed once.
func TestRenewalHappensOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("A", "Amy")
		path := amy.connect("sandbox", northgate)
		instances := []string{a.url}
		if strings.HasPrefix(a.database, "postgres") {
			instances = append(instances, a.secondInstance())
		}
		amy.lapse()
		session := amy.client.Jar.Cookies(parse(t, a.url))
		var wg sync.WaitGroup
		var tested atomic.Int64
		for i := range 40 {
			wg.Go(func() {
				b := a.newBrowser()
				b.client.Jar.SetCookies(parse(t, a.url), session)
				// More than a few a minute are refused, and the others race.
				switch got := b.send(b.request("POST", instances[i%len(instances)]+path+"/test", url.Values{})); got.status {
				case 303:
					tested.Add(1)
				case 429:
				default:
					a.Errorf("status %d", got.status)
				}
			})
		}
		wg.Wait()
		if n := a.refreshes(); n != 1 {
			t.Errorf("%d renewals, want 1", n)
		}
		if n := a.count("SELECT sum(repeats + 1) FROM events WHERE kind = 'test_passed'"); n != 5 || tested.Load() != 5 {
			t.Errorf("%d tests passed and %d were let in, want 5", n, tested.Load())
		}
	})
}

// Each answer to a renewal leads to the right state of the connection.
func TestRenewalOutcomes(t *testing.T) {
	tests := []struct {
		name  string
		fault func(s *sandbox.Sandbox)
		// page is the text of the connection's page afterwards. healed is its text
		// after the fault is gone and another test was made.
		page, reason, healed string
	}{
		{"500", func(s *sandbox.Sandbox) { s.SetFault(sandbox.Fault{Kind: sandbox.Status500}) }, "Retrying", "did not answer", "Connected"},
		{"503", func(s *sandbox.Sandbox) { s.SetFault(sandbox.Fault{Kind: sandbox.Status503}) }, "Retrying", "did not answer", "Connected"},
		{"429", func(s *sandbox.Sandbox) { s.SetFault(sandbox.Fault{Kind: sandbox.Status429}) }, "Retrying", "asked us to wait", "Connected"},
		{"reset before the work", func(s *sandbox.Sandbox) { s.SetFault(sandbox.Fault{Kind: sandbox.ResetBefore}) }, "Retrying", "did not answer", "Connected"},
		{"garbage", func(s *sandbox.Sandbox) { s.SetFault(sandbox.Fault{Kind: sandbox.Garbage}) }, "Retrying", "did not answer", "Connected"},
		{"missing expires_in", func(s *sandbox.Sandbox) { s.SetFault(sandbox.Fault{Kind: sandbox.MissingExpiresIn}) }, "Connected", "", "Connected"},
		{"grant revoked", func(s *sandbox.Sandbox) { s.RevokeGrants(northgate) }, "Needs reconnect", "no longer accepts our access", "Needs reconnect"},
		{"answer lost once", func(s *sandbox.Sandbox) { s.SetFault(sandbox.Fault{Kind: sandbox.ResetAfter, Times: 1}) }, "Needs reconnect", "was lost on the way", "Needs reconnect"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t)
			amy := a.signUp("A", "Amy")
			path := amy.connect("sandbox", northgate)
			amy.lapse()
			before := a.refreshes()
			tt.fault(a.sandbox.Sandbox)
			amy.post(path+"/test").want(a, 303)
			amy.get(path).want(t, 200, tt.page, tt.reason)
			if a.refreshes() == before {
				t.Error("no renewal was asked for")
			}
			a.sandbox.ClearFaults()
			a.clock.Add(6 * time.Minute)
			amy.post(path+"/test").want(a, 303)
			amy.says(path, "ServiceTitan "+tt.healed)
			if tt.healed == "Needs reconnect" {
				if n := a.count("SELECT count(*) FROM events WHERE kind = 'reconnect_needed'"); n != 1 {
					t.Errorf("%d reconnect_needed events, want 1", n)
				}
				if again := amy.connect("sandbox", northgate); again != path {
					t.Errorf("reconnected as %s, want %s", again, path)
				}
				amy.get(path).want(t, 200, "Connected")
			}
		})
	}
}

// A server with a grace time answers the same refresh token a second time.
func TestLostAnswerHealsWithinTheGraceTime(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	path := amy.connect("sandbox", northgate)
	amy.lapse()
	a.sandbox.SetFault(sandbox.Fault{
		Kind: sandbox.CustomToken, Times: 1, Status: 200, ContentType: "application/json", Body: `{"access_token":"cut in the`,
	})
	amy.post(path+"/test").want(a, 303)
	amy.get(path).want(t, 200, "Connected", "Test passed")
}

// If ServiceTitan refuses the app's own registration, no connection is to blame.
func TestRegistrationRefused(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	path := amy.connect("sandbox", northgate)
	amy.lapse()
	a.sandbox.SetFault(sandbox.Fault{
		Kind: sandbox.CustomToken, Status: 400, ContentType: "application/json", Body: `{"error":"invalid_client"}`,
	})
	amy.post(path+"/test").want(a, 303)
	page := amy.get(path).want(t, 200, "Connected")
	if strings.Contains(text(page.body), "Needs reconnect") {
		t.Error("the connection was given up")
	}
	if !strings.Contains(a.log.String(), "level=ERROR msg=\"ServiceTitan does not accept our registration\"") {
		t.Error("the operator is not told")
	}
	asked := a.tokenRequests()
	amy.post(path+"/test").want(a, 303)
	if a.tokenRequests() != asked {
		t.Error("the issuer is not left alone")
	}
	// Its access has expired in the meantime, so the page does not say that it
	// works.
	if page := amy.get(path).want(t, 200, "a problem on our side"); strings.Contains(text(page.body), "Needs reconnect") {
		t.Error("the connection is blamed")
	}
	a.sandbox.ClearFaults()
	a.clock.Add(2 * time.Minute)
	amy.post(path+"/test").want(a, 303)
	amy.get(path).want(t, 200, "Test passed")
}

// A token that the API refuses is renewed once. If the API refuses that one too, a
// person has to reconnect.
func TestAPIRefusals(t *testing.T) {
	for kind, reason := range map[sandbox.FaultKind]string{
		sandbox.Status401: "did not accept our access", sandbox.Status403: "does not let Fieldbridge use", sandbox.Status404: "no longer knows this tenant",
	} {
		t.Run(string(kind), func(t *testing.T) {
			a := newApp(t)
			amy := a.signUp("A", "Amy")
			path := amy.connect("sandbox", northgate)
			a.sandbox.SetFault(sandbox.Fault{Kind: kind})
			amy.post(path+"/test").want(a, 303)
			amy.get(path).want(t, 200, "Needs reconnect", reason)
		})
	}
	t.Run("expired early", func(t *testing.T) {
		a := newApp(t)
		amy := a.signUp("A", "Amy")
		path := amy.connect("sandbox", northgate)
		a.sandbox.ExpireAccessTokens(northgate)
		amy.post(path+"/test").want(a, 303)
		amy.get(path).want(t, 200, "Connected", "Test passed")
		if n := a.refreshes(); n != 1 {
			t.Errorf("%d renewals, want 1", n)
		}
	})
}

// If the API refuses a token and no other can be obtained, that is not a final
// refusal: the API has not refused a renewed token.
func TestAPIRefusalWithoutARenewal(t *testing.T) {
	for _, kind := range []sandbox.FaultKind{sandbox.Status503, sandbox.Status429, sandbox.ResetBefore} {
		t.Run(string(kind), func(t *testing.T) {
			a := newApp(t)
			amy := a.signUp("A", "Amy")
			path := amy.connect("sandbox", northgate)
			a.sandbox.ExpireAccessTokens(northgate)
			a.sandbox.SetFault(sandbox.Fault{Kind: kind})
			amy.post(path+"/test").want(a, 303)
			amy.get(path).want(a, 200, "Retrying")
			if n := a.count("SELECT count(*) FROM events WHERE kind = 'reconnect_needed'"); n != 0 {
				t.Error("a person is asked to reconnect")
			}
			a.sandbox.ClearFaults()
			a.clock.Add(6 * time.Minute) // after the wait that a 429 asks for
			amy.post(path+"/test").want(a, 303)
			amy.get(path).want(a, 200, "Connected", "Test passed")
		})
	}
}

// A renewal that ends after a disconnect brings nothing back.
func TestRenewalRacingDisconnect(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("A", "Amy")
		path := amy.connect("sandbox", northgate)
		amy.lapse()
		a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold})
		var wg sync.WaitGroup
		wg.Go(func() { amy.post(path + "/test") })
		<-a.sandbox.Held()
		amy.post(path+"/disconnect").want(a, 303)
		a.sandbox.Release()
		wg.Wait()
		amy.get(path).want(t, 200, "Disconnected")
		if n := a.count("SELECT count(*) FROM credentials"); n != 0 {
			t.Errorf("%d credentials", n)
		}
		if n := a.sandbox.Count(sandbox.PathRevocation); n != 2 {
			t.Errorf("%d revocations, want both pairs", n)
		}
	})
}

// A credential that was moved or altered is not used.
func TestMovedCredential(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("A", "Amy"), a.signUp("B", "Bob")
		path, other := amy.connect("sandbox", northgate), bob.connect("sandbox", south)
		a.exec("UPDATE credentials SET access_sealed = (SELECT access_sealed FROM credentials WHERE connection_id = ?) WHERE connection_id = ?",
			strings.TrimPrefix(other, "/connections/"), strings.TrimPrefix(path, "/connections/"))
		amy.post(path+"/test").want(a, 303)
		amy.get(path).want(t, 200, "Needs reconnect", "our mistake")
		bob.post(other+"/test").want(a, 303)
		bob.get(other).want(t, 200, "Test passed")
	})
}

// Disconnecting deletes and withdraws the access. If withdrawing fails, it is
// retried, and the access is deleted in any case.
func TestDisconnect(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("A", "Amy")
		path := amy.connect("sandbox", northgate)
		a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.PathRevocation})
		amy.post(path+"/disconnect").want(a, 303)
		amy.get(path).want(t, 200, "Disconnected")
		if n := a.count("SELECT count(*) FROM revocations"); n != 1 {
			t.Errorf("%d revocations wait to be tried again, want 1", n)
		}
		if n := a.count("SELECT count(*) FROM credentials"); n != 0 {
			t.Errorf("%d credentials", n)
		}
		amy.post(path+"/disconnect").want(a, 303)
		amy.post(path+"/test").want(a, 303, path)
		if n := a.count("SELECT count(*) FROM events WHERE kind = 'disconnected'"); n != 1 {
			t.Errorf("%d disconnected events", n)
		}
	})
}
