package connect_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const returnURL = "https://acme.example/fieldbridge/return?tab=1"

// caller returns a key with which sessions can be made: of all companies, or of one.
func caller(k *modeltest.Kept, companyID *uuid.UUID) accounts.APIKey {
	k.Helper()
	key, _, err := accounts.NewAPIKeys(k.DB).Create(k.Context(), accounts.CommandLine("root"), accounts.NewKey{
		CompanyID: companyID, Name: "Acme", CallerName: "Acme Scheduling", Scopes: accounts.Scopes(), ReturnURLs: []string{returnURL},
	})
	if err != nil {
		k.Fatal(err)
	}
	return key
}

// referred is a session for a company with a reference.
func referred(reference string) connect.NewSession {
	return connect.NewSession{Reference: reference, CompanyName: "Northgate Heating", ReturnURL: returnURL}
}

// session makes a session.
func session(k *modeltest.Kept, key accounts.APIKey, n connect.NewSession) (connect.Session, secret.Value) {
	k.Helper()
	s, link, err := k.Connections().CreateSession(k.Context(), key, n, "FB-TEST-TEST")
	if err != nil {
		k.Fatal(err)
	}
	return s, link
}

// opened makes a session and binds it to a browser.
func opened(k *modeltest.Kept, key accounts.APIKey, n connect.NewSession) (connect.Session, secret.Value) {
	k.Helper()
	s, link := session(k, key, n)
	binding := secret.New(database.NewID().String())
	if err := k.Connections().StartSession(k.Context(), link, binding, "192.0.2.1"); err != nil {
		k.Fatal(err)
	}
	return s, binding
}

// A session comes to each status only from those that the table names, and to none
// again.
func TestSessionMoves(t *testing.T) {
	all := []connect.SessionStatus{
		connect.SessionCreated, connect.SessionOpened, connect.SessionConnected, connect.SessionSetupRequested, connect.SessionCanceled, connect.SessionExpired,
	}
	want := map[connect.SessionStatus]string{
		connect.SessionCreated: "opened canceled expired", connect.SessionOpened: "connected setup_requested canceled expired",
		connect.SessionSetupRequested: "connected canceled", connect.SessionConnected: "", connect.SessionCanceled: "", connect.SessionExpired: "",
	}
	for _, from := range all {
		var to []string
		for _, status := range all {
			if connect.SessionMayMove(from, status) {
				to = append(to, string(status))
			}
		}
		if got := strings.Join(to, " "); got != want[from] {
			t.Errorf("from %s to %q, want %q", from, got, want[from])
		}
		if (connect.Session{Status: from}).NextStep() == "" {
			t.Errorf("%s has no next step", from)
		}
	}
}

// The return URL keeps its own query, and gets the session and its status.
func TestSessionReturnTo(t *testing.T) {
	id := uuid.MustParse("01999999-0000-7000-8000-000000000000")
	for from, want := range map[string]string{
		"https://acme.example/back":                "https://acme.example/back?session=" + id.String() + "&status=canceled",
		"https://acme.example/back?a=b%20c&a=d":    "https://acme.example/back?a=b%20c&a=d&session=" + id.String() + "&status=canceled",
		"http://localhost:3000":                    "http://localhost:3000?session=" + id.String() + "&status=canceled",
		"https://acme.example/back?next=%2Fx%26y;": "https://acme.example/back?next=%2Fx%26y;&session=" + id.String() + "&status=canceled",
	} {
		s := connect.Session{ID: id, ReturnURL: from, Status: connect.SessionCanceled}
		if got := s.ReturnTo(time.Now()); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}

// What a back end asks for has to make sense, and the answer names the field that does
// not.
func TestNewSessionIsChecked(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		k.Exec("UPDATE companies SET reference = 'its-own'")
		all, own := caller(k, nil), caller(k, &k.CompanyID)
		connection := k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
		for name, tt := range map[string]struct {
			key    accounts.APIKey
			change func(n *connect.NewSession)
			field  string
		}{
			"as it should be":           {all, func(*connect.NewSession) {}, ""},
			"no reference":              {all, func(n *connect.NewSession) { n.Reference = "" }, "reference"},
			"long reference":            {all, func(n *connect.NewSession) { n.Reference = strings.Repeat("é", 128) }, "reference"},
			"reference of 255 bytes":    {all, func(n *connect.NewSession) { n.Reference = strings.Repeat("x", 255) }, ""},
			"reference with a break":    {all, func(n *connect.NewSession) { n.Reference = "a\nb" }, "reference"},
			"reference with NUL":        {all, func(n *connect.NewSession) { n.Reference = "a\x00b" }, "reference"},
			"reference, not text":       {all, func(n *connect.NewSession) { n.Reference = "a\xff" }, "reference"},
			"reference with a space":    {all, func(n *connect.NewSession) { n.Reference = " a" }, "reference"},
			"no company name":           {all, func(n *connect.NewSession) { n.CompanyName = "" }, "company_name"},
			"address as company name":   {all, func(n *connect.NewSession) { n.CompanyName = "https://evil.example" }, "company_name"},
			"known company, no name":    {all, func(n *connect.NewSession) { n.Reference, n.CompanyName = "its-own", "" }, ""},
			"unknown environment":       {all, func(n *connect.NewSession) { n.Environment = servicetitan.Production }, "environment"},
			"way that is not offered":   {all, func(n *connect.NewSession) { n.Ways = []models.Way{models.SignInWay, models.GuidedWay} }, "ways"},
			"one way":                   {all, func(n *connect.NewSession) { n.Ways = []models.Way{models.OwnCredentialsWay} }, ""},
			"bad tenant":                {all, func(n *connect.NewSession) { n.TenantID = -1 }, "tenant_id"},
			"huge tenant":               {all, func(n *connect.NewSession) { n.TenantID = 1 << 40 }, "tenant_id"},
			"metadata of 2 KiB":         {all, func(n *connect.NewSession) { n.Metadata = map[string]string{"k": strings.Repeat("x", 2048-8)} }, ""},
			"metadata, a byte more":     {all, func(n *connect.NewSession) { n.Metadata = map[string]string{"k": strings.Repeat("x", 2048-7)} }, "metadata"},
			"unknown connection":        {all, func(n *connect.NewSession) { n.ConnectionID = database.NewID() }, "connection_id"},
			"connection, wrong tenant":  {all, func(n *connect.NewSession) { n.Reference, n.ConnectionID, n.TenantID = "", connection, 77 }, "tenant_id"},
			"connection, other company": {all, func(n *connect.NewSession) { n.ConnectionID = connection }, "reference"},
			"connection":                {all, func(n *connect.NewSession) { n.Reference, n.ConnectionID = "", connection }, ""},
			"own key":                   {own, func(n *connect.NewSession) { n.Reference = "" }, ""},
			"own key and reference":     {own, func(n *connect.NewSession) { n.Reference = "its-own" }, ""},
			"own key, other reference":  {own, func(n *connect.NewSession) { n.Reference = "another" }, "reference"},
		} {
			n := referred("customer-" + strings.ReplaceAll(name, " ", "-"))
			tt.change(&n)
			s, link, err := k.Connections().CreateSession(t.Context(), tt.key, n, "")
			field, _ := errors.AsType[*connect.FieldError](err)
			switch {
			case tt.field == "" && (err != nil || link.IsZero() || s.Status != connect.SessionCreated):
				t.Errorf("%s: %v", name, err)
			case tt.field != "" && (field == nil || field.Field != tt.field || field.Problem == "" || !link.IsZero()):
				t.Errorf("%s: %v, want a problem with %s", name, err, tt.field)
			}
		}
		if n := k.Count("SELECT count(*) FROM companies WHERE name = 'Northgate Heating'"); n != k.Count("SELECT count(*) FROM audit_records WHERE action = 'company_added' AND actor_name = 'Acme Scheduling (API key)'") || n == 0 {
			t.Errorf("%d companies were made, which is not what was recorded", n)
		}
	})
}

// Only an address that is registered with the key, character by character, is a return
// URL.
func TestReturnURLIsExact(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		key, other := caller(k, nil), caller(k, nil)
		k.Exec("UPDATE api_keys SET return_urls = 'https://other.example/back' WHERE id = ?", other.ID)
		near := []string{
			"", "/", "https://acme.example", "https://acme.example/", "https://acme.example/fieldbridge/return", "https://acme.example/fieldbridge/return?", "https://acme.example/fieldbridge/return?tab=1#",
			returnURL + "&x=y", returnURL + "/", returnURL + " ", " " + returnURL, "\n" + returnURL, returnURL + "\n", returnURL + "\nhttps://evil.example", returnURL + "%00", returnURL + "#x",
			strings.ToUpper(returnURL), "HTTPS" + returnURL[5:], "http" + returnURL[5:], "//acme.example/fieldbridge/return?tab=1", "https:/acme.example/fieldbridge/return?tab=1",
			"https:\\\\acme.example\\fieldbridge\\return?tab=1", "https://acme.example:443/fieldbridge/return?tab=1", "https://acme.example./fieldbridge/return?tab=1",
			"https://ACME.example/fieldbridge/return?tab=1", "https://acme.example/fieldbridge/../fieldbridge/return?tab=1", "https://acme.example/fieldbridge//return?tab=1",
			"https://acme.example/%66ieldbridge/return?tab=1", "https://acme.example/fieldbridge/return?tab=2", "https://acme.example/fieldbridge/return?tab=1&tab=1",
			"https://acme.example@evil.example/fieldbridge/return?tab=1", "https://user@acme.example/fieldbridge/return?tab=1", "https://acme.example.evil.example/fieldbridge/return?tab=1",
			"https://evil.example/https://acme.example/fieldbridge/return?tab=1", "https://evil.example?" + returnURL, "https://acme。example/fieldbridge/return?tab=1",
			"javascript:alert(1)//acme.example/fieldbridge/return?tab=1", "data:text/html,x", "https://other.example/back", "https://acme.example\\@evil.example/fieldbridge/return?tab=1",
		}
		for _, address := range near {
			n := referred("customer-1")
			n.ReturnURL = address
			_, link, err := k.Connections().CreateSession(t.Context(), key, n, "")
			if field, _ := errors.AsType[*connect.FieldError](err); field == nil || field.Field != "return_url" || !link.IsZero() {
				t.Errorf("%q: %v", address, err)
			}
		}
		session(k, key, referred("customer-1"))
	})
}

// Several sessions for a new reference at the same time make one company.
func TestSessionsMakeOneCompany(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		keys := []accounts.APIKey{caller(k, nil), caller(k, nil)}
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() {
				if _, _, err := k.Connections().CreateSession(t.Context(), keys[i%2], referred("customer-1"), ""); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := k.Count("SELECT count(*) FROM companies WHERE reference = 'customer-1'"); n != 1 {
			t.Errorf("%d companies", n)
		}
		if n := k.Count("SELECT count(DISTINCT company_id) FROM connect_sessions"); n != 1 {
			t.Errorf("sessions of %d companies", n)
		}
		if n := k.Count("SELECT count(*) FROM memberships"); n != 0 {
			t.Errorf("%d people belong to it", n)
		}
	})
}

// One of several browsers gets a link, and the database has neither its secret nor the
// browser's value.
func TestSessionIsBoundOnce(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		s, link := session(k, caller(k, nil), referred("customer-1"))
		if visit, err := k.Connections().VisitByLink(t.Context(), link); err != nil || visit.ID != s.ID || visit.CallerName != "Acme Scheduling" || visit.CompanyName != "Northgate Heating" {
			t.Fatalf("visit %+v, %v", visit, err)
		}
		var winners atomic.Int64
		var won atomic.Value
		var all sync.WaitGroup
		for range 10 {
			binding := secret.New(database.NewID().String())
			all.Go(func() {
				switch err := k.Connections().StartSession(t.Context(), link, binding, "192.0.2.1"); {
				case err == nil:
					winners.Add(1)
					won.Store(binding)
				case !errors.Is(err, connect.ErrLinkOpened):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if winners.Load() != 1 {
			t.Fatalf("%d browsers won", winners.Load())
		}
		binding := won.Load().(secret.Value)
		if visit, err := k.Connections().Visit(t.Context(), binding); err != nil || visit.Status != connect.SessionOpened {
			t.Errorf("visit %+v, %v", visit, err)
		}
		for _, other := range []secret.Value{{}, secret.New("made up"), link} {
			if _, err := k.Connections().Visit(t.Context(), other); !errors.Is(err, connect.ErrLinkOver) {
				t.Errorf("another value: %v", err)
			}
		}
		if _, err := k.Connections().VisitByLink(t.Context(), link); !errors.Is(err, connect.ErrLinkOpened) {
			t.Errorf("the link again: %v", err)
		}
		var row connect.Session
		if err := db.Read(t.Context()).Take(&row).Error; err != nil || string(row.BindingHash) == binding.Reveal() || len(row.BindingHash) != 32 {
			t.Errorf("the row is %+v, %v", row, err)
		}
	})
}

// A link works for 30 minutes until somebody goes on with it, and then for 2 hours. On
// PostgreSQL, the time of the database counts, which no test can set.
func TestSessionExpires(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		key, connections := caller(k, nil), k.Connections()
		later := func(d time.Duration) {
			t.Helper()
			if !db.OnPostgres() {
				clock.Add(d)
				return
			}
			seconds := d.Seconds()
			k.Exec("UPDATE connect_sessions SET expires_at = expires_at - make_interval(secs => ?)", seconds)
			k.Exec("UPDATE links SET expires_at = expires_at - make_interval(secs => ?)", seconds)
		}
		status := func(s connect.Session) connect.SessionStatus {
			t.Helper()
			now, err := connections.SessionFor(t.Context(), key, s.ID)
			if err != nil {
				t.Fatal(err)
			}
			return now.Status
		}
		created, link := session(k, key, referred("customer-1"))
		inTime, second := session(k, key, referred("customer-2"))
		later(30*time.Minute - time.Second)
		binding := secret.New("a value of one browser")
		if err := connections.StartSession(t.Context(), second, binding, "192.0.2.1"); err != nil {
			t.Errorf("a second before 30 minutes: %v", err)
		}
		later(2 * time.Second)
		if err := connections.StartSession(t.Context(), link, secret.New("another"), "192.0.2.1"); !errors.Is(err, connect.ErrLinkOver) {
			t.Errorf("a second after 30 minutes: %v", err)
		}
		if got := status(created); got != connect.SessionExpired {
			t.Errorf("the session is %s", got)
		}
		later(2*time.Hour - 3*time.Second)
		if visit, err := connections.Visit(t.Context(), binding); err != nil || visit.Status != connect.SessionOpened {
			t.Errorf("a second before 2 hours: %s, %v", visit.Status, err)
		}
		if _, err := connections.BeginVisit(t.Context(), binding, northgateBySignIn); err != nil {
			t.Errorf("a second before 2 hours: %v", err)
		}
		later(2 * time.Second)
		if visit, err := connections.Visit(t.Context(), binding); err != nil || visit.Status != connect.SessionExpired {
			t.Errorf("a second after 2 hours: %s, %v", visit.Status, err)
		}
		if _, err := connections.BeginVisit(t.Context(), binding, northgateBySignIn); !errors.Is(err, connect.ErrLinkOver) {
			t.Errorf("a second after 2 hours: %v", err)
		}
		if got := status(inTime); got != connect.SessionExpired {
			t.Errorf("the session is %s", got)
		}
		// The record follows, once.
		for range 2 {
			if err := connections.ExpireSessions(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := k.Count("SELECT count(*) FROM connect_sessions WHERE status = 'expired' AND finished_at IS NOT NULL"); n != 2 {
			t.Errorf("%d sessions are recorded as expired", n)
		}
	})
}

// Sessions go some time after they expire.
func TestSessionsAreSwept(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		session(k, caller(k, nil), referred("customer-1"))
		for _, want := range []int{1, 0} {
			if err := keyring.Sweep(t.Context(), db, 400*24*time.Hour); err != nil {
				t.Fatal(err)
			}
			if n := k.Count("SELECT count(*) FROM connect_sessions"); n != want {
				t.Errorf("%d sessions, want %d", n, want)
			}
			clock.Add(accounts.LinkConnectSession.Life() + connect.SessionsKept + time.Minute)
		}
	})
}

// Neither a revoked nor an expired key, nor one of a locked company, has sessions with
// which somebody can go on.
func TestSessionNeedsItsKeyAndCompany(t *testing.T) {
	for name, end := range map[string]string{
		"revoked": "UPDATE api_keys SET revoked_at = ?", "expired": "UPDATE api_keys SET expires_at = ?", "locked": "UPDATE companies SET locked_at = ?", "deleted": "UPDATE companies SET deleted_at = ?",
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
				k := modeltest.NewKept(t, db, clock.Now)
				key := caller(k, nil)
				_, link := session(k, key, referred("customer-1"))
				_, binding := opened(k, key, referred("customer-1"))
				k.Exec(end, clock.Now().UTC().Add(-time.Second))
				if _, err := k.Connections().VisitByLink(t.Context(), link); !errors.Is(err, connect.ErrLinkOver) {
					t.Errorf("the link: %v", err)
				}
				if _, err := k.Connections().Visit(t.Context(), binding); !errors.Is(err, connect.ErrLinkOver) {
					t.Errorf("the session: %v", err)
				}
				if _, err := k.Connections().BeginVisit(t.Context(), binding, northgateBySignIn); !errors.Is(err, connect.ErrLinkOver) {
					t.Errorf("connecting: %v", err)
				}
			})
		})
	}
}

// A key sees the sessions of its company's keys, and a key for all companies sees all.
func TestSessionsOfAKey(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		k.Exec("UPDATE companies SET reference = 'its-own'")
		all, own := caller(k, nil), caller(k, &k.CompanyID)
		byAll, _ := session(k, all, referred("its-own"))
		byOwn, _ := session(k, own, referred("its-own"))
		see := func(key accounts.APIKey, s connect.Session) bool {
			_, err := k.Connections().SessionFor(t.Context(), key, s.ID)
			if err != nil && !errors.Is(err, database.ErrNotFound) {
				t.Error(err)
			}
			return err == nil
		}
		if !see(all, byAll) || !see(all, byOwn) || !see(own, byOwn) || see(own, byAll) {
			t.Error("a key sees other sessions than it should")
		}
	})
}

// A key can have 1,000 sessions under way, and make 1,000 in an hour.
func TestSessionsAreLimited(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		key, other := caller(k, nil), caller(k, nil)
		s, _ := session(k, key, referred("customer-1"))
		k.Exec(`WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 999)
			INSERT INTO connect_sessions (id, key_id, company_id, reference, caller_name, return_url, ways, status, created_at, expires_at)
			SELECT `+numbered(db)+`, key_id, company_id, reference, caller_name, return_url, ways, status, created_at, expires_at FROM connect_sessions, numbers WHERE id = ?`, s.ID)
		if _, _, err := k.Connections().CreateSession(t.Context(), key, referred("customer-1"), ""); !errors.Is(err, connect.ErrTooManySessions) {
			t.Errorf("1,001 sessions: %v", err)
		}
		session(k, other, referred("customer-1"))
		k.Exec("UPDATE connect_sessions SET status = 'canceled', finished_at = created_at")
		session(k, key, referred("customer-1"))
		k.Exec("UPDATE throttles SET n = 1000 WHERE key LIKE 'connect-sessions:%'")
		if _, _, err := k.Connections().CreateSession(t.Context(), key, referred("customer-1"), ""); !isThrottled(err) {
			t.Errorf("too many in an hour: %v", err)
		}
	})
}

// numbered makes an ID of a number n.
func numbered(db *database.DB) string {
	if db.OnPostgres() {
		return "gen_random_uuid()"
	}
	return "printf('01999999-0000-7000-8000-%012d', n)"
}

func isThrottled(err error) bool {
	_, ok := errors.AsType[*accounts.ThrottledError](err)
	return ok
}

// No statement about sessions reads a whole table.
func TestSessionsUseIndexes(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		key, connections := caller(c.Kept, nil), c.Connections()
		modeltest.Explains(t, c.DB, "make", func() { session(c.Kept, key, referred("customer-1")) })
		s, link := session(c.Kept, key, referred("customer-1"))
		binding := secret.New("a value of one browser")
		modeltest.Explains(t, c.DB, "open", func() {
			if _, err := connections.VisitByLink(t.Context(), link); err != nil {
				t.Error(err)
			}
			if err := connections.StartSession(t.Context(), link, binding, "192.0.2.1"); err != nil {
				t.Error(err)
			}
		})
		modeltest.Explains(t, c.DB, "read", func() {
			if _, err := connections.Visit(t.Context(), binding); err != nil {
				t.Error(err)
			}
			if _, err := connections.SessionFor(t.Context(), key, s.ID); err != nil {
				t.Error(err)
			}
			if err := connections.ExpireSessions(t.Context()); err != nil {
				t.Error(err)
			}
		})
	})
}
