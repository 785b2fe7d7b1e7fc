package handlers_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// statements returns the statements that the database is given while something is
// done.
func (a *app) statements(do func()) []string {
	var mu sync.Mutex
	var seen []string
	stop := a.db.Watch(func(statement string, _ []any) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, strings.Join(strings.Fields(statement), " "))
	})
	do()
	stop()
	return seen
}

// A request of somebody who is signed in costs one query for the session, the person,
// the company, and whether they may enter. Pages that show nothing else need no other.
func TestSignedInRequestsCostOneQuery(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, sam := a.signUp("A", "Amy"), a.staff("Sam", accounts.Support)
		one := func(who, path string, do func()) {
			t.Helper()
			all := a.statements(do)
			entering := slices.DeleteFunc(slices.Clone(all), func(s string) bool {
				return !strings.Contains(s, "sessions") && !strings.Contains(s, "users") && !strings.Contains(s, "memberships")
			})
			if len(entering) != 1 || strings.HasPrefix(path, "/connect") && len(all) != 1 {
				t.Errorf("%s at %s: the database is asked\n%s", who, path, strings.Join(all, "\n"))
			}
		}
		one("a member", "/connect", func() { amy.get("/connect").want(a, 200) })
		one("staff", "/staff", func() { sam.get("/staff/secrets").want(a, 200) })
		amy.post("/companies/new", "company", "Amy Air").want(a, 303, "/connections")
		one("a member of two companies", "/connect", func() { amy.get("/connect").want(a, 200) })
	})
}

// commits returns how many writes are committed while something is done.
func (a *app) commits(do func()) int {
	var mu sync.Mutex
	n := 0
	restore := a.db.Intercept(func(write database.WriteFunc) database.WriteFunc {
		return func(ctx context.Context, fn func(tx *gorm.DB) error) error {
			err := write(ctx, fn)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				n++
			}
			return err
		}
	})
	do()
	restore()
	return n
}

// Each step of connecting commits once at most. The callback commits twice: it claims
// the authorization, so that its code is used once, and then saves everything else.
func TestStepsOfTheFlowCommitOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("A", "Amy")
		step := func(what string, most int, do func()) {
			t.Helper()
			if n := a.commits(do); n > most {
				t.Errorf("%s commits %d times, want %d at most", what, n, most)
			}
		}
		flow := func(what string, tenant int, choice string, status int) answer {
			t.Helper()
			var review, page, sent, back answer
			step(what+": the choice", 1, func() {
				review = amy.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", fmt.Sprint(tenant)).want(a, 303, "/connect/review")
			})
			step(what+": the review", 0, func() { page = amy.get(review.location).want(a, 200) })
			step(what+": the authorization", 1, func() { sent = amy.post("/connect/authorize", "choice", hidden(t, page.body, "choice")).want(a, 303) })
			at := amy.atServiceTitan(sent.location, tenant, choice)
			step(what+": the callback", 2, func() { back = amy.get(at) })
			back.want(a, status)
			step(what+": the callback again", 0, func() { amy.get(at).want(a, status) })
			return back
		}
		connected := flow("new", northgate, "Allow", 303).location
		step("the page after connecting", 0, func() { amy.get(connected).want(a, 200) })
		path, _, _ := strings.Cut(connected, "?")
		step("the connection's page", 0, func() { amy.get(path).want(a, 200) })
		flow("denied", south, "Deny", 200)
	})
}
