package handlers_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// twin returns another tab of the same browser, with its current session.
func (b *browser) twin() *browser {
	b.Helper()
	twin := b.newBrowser()
	twin.setCookie(sessionCookie, b.cookie(sessionCookie))
	return twin
}

// A sign-out while the second factor is being checked ends the session. It does not
// continue under the token that the second factor brings.
func TestSignOutBesideTheSecondFactor(t *testing.T) {
	a := newAppOn(t, testdb.Postgres(t))
	sam := a.staff("Sam", accounts.Support)
	sam.post("/signout").want(a, 303)
	a.clock.Add(time.Minute)
	sam.post("/signin", "email", sam.email, "password", password).want(a, 303, "/staff")
	other := sam.twin()

	tx := a.db.Read(t.Context()).Begin()
	if err := tx.Exec("SELECT 1 FROM second_factors FOR UPDATE").Error; err != nil {
		t.Fatal(err)
	}
	passed := make(chan answer, 1)
	go func() { passed <- sam.post("/staff/factor", "code", sam.code()) }()
	for a.count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 0 {
		runtime.Gosched()
	}
	other.post("/signout").want(a, 303)
	if err := tx.Commit().Error; err != nil {
		t.Fatal(err)
	}
	<-passed
	sam.get("/staff").want(a, 303, "/signin")
	if n := a.count("SELECT count(*) FROM sessions"); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// A sign-out with the token from before the second factor ends the session, too.
func TestSignOutAfterTheSecondFactor(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam := a.staff("Sam", accounts.Support)
		sam.post("/signout").want(a, 303)
		a.clock.Add(time.Minute)
		sam.post("/signin", "email", sam.email, "password", password).want(a, 303, "/staff")
		before, old := sam.twin(), sam.cookie(sessionCookie)
		sam.post("/staff/factor", "code", sam.code()).want(a, 303, "/staff")
		sam.get("/staff").want(a, 200)
		before.get("/staff").want(a, 303, "/signin") // the old token signs nobody in
		sam.get("/staff").want(a, 200)
		before = sam.newBrowser()
		before.setCookie(sessionCookie, old)
		before.post("/signout").want(a, 303)
		sam.get("/staff").want(a, 303, "/signin")
	})
}
