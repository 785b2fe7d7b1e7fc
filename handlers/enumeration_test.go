package handlers_test

import (
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

const (
	// triesEach is how many known and how many unknown addresses a round tries.
	triesEach = 200
	// roundsOfTries is how many independent rounds there are at most. Chance, or
	// something else on the machine, tells one round in a hundred apart even if
	// nothing can be told. A leak tells all of them apart.
	roundsOfTries = 3
)

// Whoever tries an address cannot tell whether it has an account: the pages, the
// statuses, and the times are equal. The tries of known and unknown addresses are
// shuffled, each from a network of its own, and a rank test compares their times.
// The test fails only if three independent rounds out of three tell them apart, so
// that a busy machine does not make it fail.
func TestAddressesCannotBeTried(t *testing.T) {
	a := newApp(t)
	keys, err := seal.Load(a.instance.Keyset)
	if err != nil {
		t.Fatal(err)
	}
	// Quick hashes leave less noise that could hide a difference. That a real hash
	// takes as long without an account is what TestDecoyIsHashedLikePasswords checks.
	people := accounts.New(a.db, keys, 2, accounts.QuickHashes)
	handler := handlers.New(handlers.Options{
		BaseURL: parse(t, a.url), Accounts: people, Sessions: accounts.NewSessions(a.db), APIKeys: a.apiKeys, Now: a.clock.Now, Log: slog.New(slog.DiscardHandler),
	}, nil)
	hash, err := people.HashPassword(t.Context(), secret.New(password))
	if err != nil {
		t.Fatal(err)
	}
	for path, form := range map[string]url.Values{
		"/signin":          {"password": {"not the right password"}},
		"/signup":          {},
		"/password/forgot": {},
	} {
		t.Run(strings.Trim(path, "/"), func(t *testing.T) {
			for round := range roundsOfTries {
				p := tryAddresses(t, a, handler, path, form, hash, round)
				t.Logf("round %d: p = %.3f", round, p)
				if p > 0.01 {
					return
				}
			}
			t.Errorf("%d rounds tell known addresses from unknown ones by the time of the answer", roundsOfTries)
		})
	}
}

// tryAddresses tries known and unknown addresses, and returns how probable it is
// that their times differ only by chance.
func tryAddresses(t *testing.T, a *app, handler http.Handler, path string, form url.Values, hash string, round int) float64 {
	t.Helper()
	type try struct {
		email string
		known bool
		took  time.Duration
	}
	tries := make([]try, 0, 2*triesEach)
	users := make([]accounts.User, 0, triesEach)
	now := a.clock.Now().UTC()
	for i := range triesEach {
		known := fmt.Sprintf("k%03d-%d@%s.example", i, round, strings.ReplaceAll(strings.Trim(path, "/"), "/", "-"))
		users = append(users, accounts.User{ID: database.NewID(), Email: known, Name: "Dana", PasswordHash: hash, ProvenAt: &now, CreatedAt: now})
		tries = append(tries, try{email: known, known: true}, try{email: "u" + known[1:]})
	}
	if err := a.db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Create(&users).Error }); err != nil {
		t.Fatal(err)
	}
	rand.Shuffle(len(tries), func(i, j int) { tries[i], tries[j] = tries[j], tries[i] })
	first := ""
	for i := range tries {
		form.Set("email", tries[i].email)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, a.url+path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.1:1", len(path)+round, i%250)
		if i >= 250 {
			r.RemoteAddr = fmt.Sprintf("11.%d.%d.1:1", len(path)+round, i%250)
		}
		w := httptest.NewRecorder()
		began := time.Now()
		handler.ServeHTTP(w, r)
		tries[i].took = time.Since(began)
		// The address itself is what must differ. The support code is random.
		body := fmt.Sprint(w.Code, supportCode.ReplaceAllString(strings.ReplaceAll(w.Body.String(), tries[i].email, "ADDRESS"), "CODE"))
		if first == "" {
			first = body
		}
		if body != first || (w.Code != 200 && w.Code != 422) {
			t.Fatalf("%s, known %v: %s\nwant %s", path, tries[i].known, body, first)
		}
	}
	slices.SortFunc(tries, func(a, b try) int { return cmp.Compare(a.took, b.took) })
	ranks := 0
	for i, one := range tries {
		if one.known {
			ranks += i + 1
		}
	}
	return mannWhitney(ranks, triesEach, triesEach)
}

// mannWhitney returns the two-sided p-value of the Mann-Whitney U test, by its
// normal approximation, for the sum of the ranks of n among n+m values.
func mannWhitney(ranks, n, m int) float64 {
	u := float64(ranks) - float64(n*(n+1))/2
	mean, deviation := float64(n*m)/2, math.Sqrt(float64(n*m*(n+m+1))/12)
	return math.Erfc(math.Abs(u-mean) / deviation / math.Sqrt2)
}

// The rank test tells times apart that differ, and not those that do not.
func TestMannWhitney(t *testing.T) {
	for _, tt := range []struct {
		ranks    int
		from, to float64
	}{{40100, 0.99, 1}, {20100, 0, 1e-30}, {60100, 0, 1e-30}, {37700, 0.03, 0.05}} {
		if p := mannWhitney(tt.ranks, 200, 200); p < tt.from || p > tt.to {
			t.Errorf("%d: p = %g, want %g to %g", tt.ranks, p, tt.from, tt.to)
		}
	}
}

// A flood of requests for mails neither fills a table nor keeps the owner of an
// address out: the link of some mail always works, and a device that has signed in
// before is not held back.
func TestFloodOfMailRequests(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		send := func(path, email, from string) int {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, a.url+path, strings.NewReader(url.Values{"email": {email}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.RemoteAddr = from + ":1"
			w := httptest.NewRecorder()
			(*a.handler.Load()).ServeHTTP(w, r)
			return w.Code
		}
		mails := func() int { return a.count("SELECT count(*) FROM account_mails") }
		// Many networks, one address: one mail to reset, three to sign up.
		for i := range 60 {
			for _, path := range []string{"/password/forgot", "/signup"} {
				if status := send(path, amy.email, fmt.Sprintf("10.0.%d.1", i)); status != 200 {
					t.Fatalf("%s: status %d", path, status)
				}
			}
		}
		if n := mails(); n != 4 {
			t.Errorf("%d mails to one address", n)
		}
		var reset string
		for _, l := range a.letters(amy.email) {
			if strings.Contains(l.Plain, "token=") {
				reset = strings.TrimPrefix(linkForm.FindString(l.Plain), a.url)
			}
		}
		// The owner asks on a known device, where strangers do not count.
		amy.post("/password/forgot", "email", amy.email).want(t, 200)
		if n := mails(); n != 5 {
			t.Errorf("%d mails after the owner asked, want one more", n)
		}
		amy.get(reset).want(t, 303) // and the mail that a stranger caused works too
		// One network, many addresses.
		throttled := 0
		for i := range 30 {
			if send("/signup", fmt.Sprintf("n%d@flood.example", i), "10.9.9.9") == 429 {
				throttled++
			}
		}
		if throttled != 10 || mails() != 25 {
			t.Errorf("%d of 30 requests were refused, %d mails", throttled, mails())
		}
		// Many networks, many addresses: all strangers together have a limit.
		a.exec("UPDATE throttles SET n = 3000 WHERE key LIKE 'mail-requests:%'")
		if status := send("/signup", "one@more.example", "10.8.8.8"); status != 429 || mails() != 25 {
			t.Errorf("status %d, %d mails", status, mails())
		}
		a.exec("DELETE FROM throttles WHERE key LIKE 'resets-email:%'")
		amy.post("/password/forgot", "email", amy.email).want(t, 200)
		if mails() != 26 {
			t.Error("the owner is locked out")
		}
	})
}
