package handlers_test

import (
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

const (
	chromeOnWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
	safariOnIPhone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)

// agent makes requests with a User-Agent header.
type agent struct {
	name string
	next http.RoundTripper
}

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", a.name)
	return a.next.RoundTrip(r)
}

// device signs m in on another device.
func (m *member) device(name string) *member {
	m.Helper()
	b := m.newBrowser()
	b.client.Transport = agent{name, b.client.Transport}
	b.post("/signin", "email", m.email, "password", password).want(m, 303)
	return &member{browser: b, email: m.email, factorKey: m.factorKey}
}

// deviceEnds returns the addresses that sign out the devices on a page.
func (m *member) deviceEnds(page string) []string {
	m.Helper()
	var ends []string
	for _, found := range regexp.MustCompile(`action="([^"]*/end)"`).FindAllStringSubmatch(m.get(page).want(m, 200).body, -1) {
		ends = append(ends, found[1])
	}
	return ends
}

// People see where they are signed in. They sign out one device or all others, and
// nobody else's.
func TestDevices(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("Northgate", "Amy"), a.signUp("Blue Sky", "Bob")
		a.clock.Add(20 * time.Minute)
		phone := amy.device(safariOnIPhone)
		bob.get("/connections").want(a, 200)
		a.clock.Add(20 * time.Minute)
		laptop := amy.device("x <script>alert(1)</script> " + chromeOnWindows)
		page := laptop.get("/settings/devices").want(a, 200, "Chrome on Windows", "This device", "Safari on iPhone", "20 minutes ago")
		if strings.Contains(page.body, "alert(1)") || strings.Contains(a.stored(), "alert(1)") || strings.Contains(a.log.String(), "alert(1)") {
			t.Error("the header is kept")
		}
		if strings.Contains(page.body, phone.cookie(sessionCookie)) || strings.Count(page.body, "This device") != 1 {
			t.Error("the page shows a token, or not which device this is")
		}
		// The first browser has been idle for too long and is not listed.
		ends := laptop.deviceEnds("/settings/devices")
		if len(ends) != 1 {
			t.Fatalf("the page can sign out %q, want the phone", ends)
		}
		bob.post(ends[0]).want(a, 404)
		phone.get("/connections").want(a, 200)
		laptop.post(ends[0]).want(a, 303, "/settings/devices")
		phone.get("/connections").want(a, 303, "/signin")
		laptop.get("/connections").want(a, 200)
		laptop.post(ends[0]).want(a, 404)

		second, third := amy.device(safariOnIPhone), amy.device(safariOnIPhone)
		if n := len(laptop.deviceEnds("/settings/devices")); n != 2 {
			t.Errorf("the page can sign out %d devices, want 2", n)
		}
		laptop.post("/settings/devices/end-others").want(a, 303, "/settings/devices")
		second.get("/connections").want(a, 303, "/signin")
		third.get("/connections").want(a, 303, "/signin")
		page = laptop.get("/settings/devices").want(a, 200, "Chrome on Windows")
		if strings.Contains(page.body, "iPhone") || strings.Contains(page.body, "Sign out all other devices") {
			t.Error("an ended session is listed")
		}
		bob.get("/connections").want(a, 200)
	})
}

// A session of an old epoch is not on the list, even if it is in the database.
func TestDevicesOfAnOldEpoch(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		amy.device(safariOnIPhone)
		amy.get("/settings/devices").want(a, 200, "Safari on iPhone")
		a.exec("UPDATE sessions SET epoch = epoch - 1 WHERE browser = 'Safari'")
		if page := amy.get("/settings/devices").want(a, 200); strings.Contains(page.body, "iPhone") {
			t.Error("a session of an old epoch is listed")
		}
	})
}

// A request that is under way when its device is signed out does not bring the
// session back.
func TestSlowRequestOfAnEndedDevice(t *testing.T) {
	a := newAppOn(t, testdb.Postgres(t))
	amy := a.signUp("Northgate", "Amy")
	phone := amy.device(safariOnIPhone)
	ends := amy.deviceEnds("/settings/devices")
	tx := a.db.Read(t.Context()).Begin()
	if err := tx.Exec("SELECT 1 FROM users WHERE email = ? FOR UPDATE", amy.email).Error; err != nil {
		t.Fatal(err)
	}
	slow := make(chan answer, 1)
	go func() { slow <- phone.post("/settings/account/name", "name", "Amy Slow") }()
	for a.count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 0 {
		runtime.Gosched()
	}
	amy.post(ends[0]).want(a, 303)
	if err := tx.Commit().Error; err != nil {
		t.Fatal(err)
	}
	(<-slow).want(t, 303, "/signin")
	phone.get("/connections").want(a, 303, "/signin")
	if n := a.count("SELECT count(*) FROM users WHERE name = 'Amy Slow'"); n != 0 {
		t.Error("an ended session has changed the name")
	}
}

// Staff have the same list for themselves.
func TestStaffDevices(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam, ada := a.staff("Sam", accounts.Support), a.staff("Ada", accounts.Admin)
		a.clock.Add(time.Minute)
		phone := sam.device(safariOnIPhone)
		phone.post("/staff/factor", "code", phone.code()).want(a, 303)
		ends := sam.deviceEnds("/staff/devices")
		if len(ends) != 1 {
			t.Fatalf("the page can sign out %q", ends)
		}
		ada.post(ends[0]).want(a, 404)
		phone.get("/staff").want(a, 200)
		sam.post(ends[0]).want(a, 303, "/staff/devices")
		phone.get("/staff").want(a, 303, "/signin")
		a.clock.Add(time.Minute)
		again := sam.device(safariOnIPhone)
		sam.post("/staff/devices/end-others").want(a, 303)
		again.get("/staff").want(a, 303, "/signin")
		sam.get("/staff").want(a, 200)
	})
}

// A person gets a mail when somebody signs in on a device that is new, but not at
// the first sign-in, and not on a device that they have used before.
func TestNewDeviceMail(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		told := func() (n int) {
			t.Helper()
			for _, l := range a.letters(amy.email) {
				if strings.Contains(l.Subject, "New sign-in") {
					n++
				}
			}
			return n
		}
		if told() != 0 || a.count("SELECT count(*) FROM users WHERE last_sign_in_at IS NULL") != 0 {
			t.Errorf("%d mails after signing up", told())
		}
		amy.post("/signout").want(a, 303)
		amy.post("/signin", "email", amy.email, "password", password).want(a, 303)
		if told() != 0 {
			t.Error("a mail for a device that is known")
		}
		laptop := amy.device(chromeOnWindows)
		if told() != 1 {
			t.Fatalf("%d mails, want 1", told())
		}
		letter := a.letter(amy.email)
		for _, says := range []string{"Chrome on Windows", "We do not know where", a.url + "/signin"} {
			if !strings.Contains(letter.Plain, says) || !strings.Contains(letter.HTML, says) {
				t.Errorf("the mail does not say %q:\n%s", says, letter.Plain)
			}
		}
		laptop.post("/signout").want(a, 303)
		laptop.post("/signin", "email", amy.email, "password", password).want(a, 303)
		if told() != 1 {
			t.Error("a mail although the device is known by now")
		}
		for range 10 {
			amy.device(safariOnIPhone)
		}
		if told() != 5 {
			t.Errorf("%d mails in a day, want 5", told())
		}
		// Nothing is mailed to an address that nobody has proved.
		a.exec("UPDATE users SET proven_at = NULL WHERE email = ?", amy.email)
		a.clock.Add(25 * time.Hour)
		amy.device(safariOnIPhone)
		if told() != 5 {
			t.Error("a mail to an unproven address")
		}
	})
}
