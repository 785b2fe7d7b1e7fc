package handlers_test

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// Each sign-in ends the user's oldest session beyond the twentieth.
func TestSessionsOfOneUserAreLimited(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("A", "Amy"), a.signUp("B", "Bob")
		second := a.newBrowser()
		second.post("/signin", "email", amy.email, "password", password).want(a, 303)
		for range 19 {
			a.clock.Add(time.Second)
			last := a.newBrowser()
			last.post("/signin", "email", amy.email, "password", password).want(a, 303)
			last.get("/connections").want(a, 200)
		}
		amy.get("/connections").want(a, 303, "/signin")
		second.get("/connections").want(a, 200)
		bob.get("/connections").want(a, 200)
		if n := a.count("SELECT count(*) FROM sessions"); n != 21 {
			t.Errorf("%d sessions of two people, want 20 and 1", n)
		}
	})
}

// A person who cannot be served right now learns when to come back.
func TestSignInWhenTooManyDo(t *testing.T) {
	a := newApp(t)
	keys, err := seal.Load(a.instance.Keyset)
	if err != nil {
		t.Fatal(err)
	}
	a.addStaff("pat@fieldbridge.example", accounts.Support)
	people := accounts.New(a.db, keys, 0) // nobody gets a turn
	a.serve(handlers.New(handlers.Options{
		BaseURL: parse(t, a.url), Accounts: people,
		Sessions: accounts.NewSessions(a.db), APIKeys: a.apiKeys, Now: a.clock.Now, Log: slog.New(slog.NewTextHandler(a.log, nil)),
	}, nil))
	for action, got := range map[string]answer{
		"sign_in": a.newBrowser().post("/signin", "email", "amy@a.example", "password", password),
		"sign_up": a.newBrowser().createAccount("amy@a.example", "A", "Amy", password),
	} {
		if !strings.Contains(a.log.String(), "action="+action+" outcome=busy ") {
			t.Errorf("the refused %s is not recorded", action)
		}
		got.want(a, 503, "Please try again in a moment", "You can try again in")
		seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
		if err != nil || seconds < 1 || seconds > 10 || !supportCode.MatchString(got.body) {
			t.Errorf("Retry-After %q, page %s", got.header.Get("Retry-After"), text(got.body))
		}
	}
	if n := a.count("SELECT count(*) FROM throttles"); n != 0 {
		t.Errorf("%d counts of those who had no turn", n)
	}
}

// Strangers without a password cannot use up the attempts of a second factor.
func TestSecondFactorIsBehindThePassword(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	for i := range 10 {
		a.newBrowser().post("/staff/factor", "code", fmt.Sprintf("%06d", i)).want(a, 303, "/signin")
		amy.post("/staff/factor", "code", fmt.Sprintf("%06d", i)).want(a, 404)
	}
	if n := a.count("SELECT count(*) FROM throttles WHERE key LIKE 'factor-account:%'"); n != 0 {
		t.Errorf("%d counts of codes", n)
	}
}
