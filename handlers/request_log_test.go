package handlers_test

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// logged returns the lines with a support code that were added to the log after a
// length.
func (a *app) logged(since int) []string {
	var lines []string
	for line := range strings.Lines(a.log.String()[since:]) {
		if strings.Contains(line, "support_code=FB-") {
			lines = append(lines, line)
		}
	}
	return lines
}

// A request that is refused or fails has one line in the log. The line has the
// reason, the client's address, and the support code that the page shows. It
// contains neither the query nor the Host.
func TestRefusedRequestsHaveOneLine(t *testing.T) {
	a := newApp(t)
	a.byHand = []string{"closed"}
	amy := a.signUp("A", "Amy")
	path := amy.connect("sandbox", northgate)
	member := amy.colleague("Cara", accounts.Member)
	stranger := a.newBrowser()
	foreign := func(r *http.Request) answer {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		return amy.send(r)
	}
	last := func() answer {
		if err := a.db.Close(); err != nil {
			t.Fatal(err)
		}
		return amy.get(path + "?code=stc_query")
	}
	for _, tt := range []struct {
		name  string
		ask   func() answer
		level string
		says  []string
	}{
		{"no page", func() answer { return amy.get("/nowhere?code=stc_query") }, "INFO", []string{"status=404", "error="}},
		{"no connection", func() answer { return amy.get("/connections/x") }, "INFO", []string{"status=404", "route=/connections/:id", "error="}},
		{"method", func() answer { return amy.get("/signout") }, "INFO", []string{"status=405", "error="}},
		{"too large", func() answer { return amy.post("/connect", "tenant", strings.Repeat("x", 70<<10)) }, "INFO", []string{"status=413", "error="}},
		{"from elsewhere", func() answer { return foreign(amy.request("POST", "/signout", nil)) }, "INFO", []string{"status=403", "another site"}},
		{"role", func() answer { return member.post(path + "/disconnect") }, "INFO", []string{"status=403", "error="}},
		{"API without a key", func() answer { return stranger.get("/api/v1/connections?after=stc_query") }, "INFO", []string{"status=401", "no valid API key"}},
		{"another host", func() answer { return stranger.otherHost("stc-host.example", "GET", "/signin", nil) }, "INFO", []string{"status=421", "error="}},
		{"password", func() answer {
			return stranger.post("/signin", "email", amy.email, "password", "stc_wrong password")
		}, "INFO", []string{"status=422", "sign-in refused"}},
		{"callback", func() answer { return amy.get("/callback?code=stc_code&state=stc_state") }, "INFO", []string{"status=400", "callback refused", "error="}},
		{"no database", last, "ERROR", []string{"status=503", "error="}},
	} {
		before := len(a.log.String())
		got := tt.ask()
		lines := a.logged(before)
		if len(lines) != 1 {
			t.Errorf("%s: %d lines:\n%s", tt.name, len(lines), strings.Join(lines, ""))
			continue
		}
		for _, part := range append(tt.says, "level="+tt.level, "msg=request", "method=", "route=", "took_ms=", "client=127.0.0.1", supportCode.FindString(got.body)) {
			if !strings.Contains(lines[0], part) {
				t.Errorf("%s: %q is not in %s", tt.name, part, lines[0])
			}
		}
		if strings.Contains(lines[0], "stc") {
			t.Errorf("%s: what came is in %s", tt.name, lines[0])
		}
	}
}

// behind makes the app trust proxies from now on.
func (a *app) behind(networks ...string) {
	a.Helper()
	for _, n := range networks {
		a.instance.trusted = append(a.instance.trusted, netip.MustParsePrefix(n))
	}
	own := a.db
	a.serve(a.wire(slog.New(slog.NewTextHandler(a.log, nil))))
	a.db = own
}

func (b *browser) forwarded(from string) {
	b.Helper()
	r := b.request("GET", "/signin", url.Values{})
	r.Header.Set("X-Forwarded-For", from)
	b.send(r).want(b, 200)
}

// A line has the address that a trusted proxy reports, or else the peer's. An IPv6
// address is complete.
func TestLinesHaveTheClientsAddress(t *testing.T) {
	a := newApp(t)
	for _, tt := range []struct {
		name     string
		networks []string
		from     string
		want     string
	}{
		{"no proxy is trusted", nil, "203.0.113.9", "127.0.0.1"},
		{"the proxy is another", []string{"10.0.0.0/8"}, "203.0.113.9", "127.0.0.1"},
		{"the proxy is trusted", []string{"127.0.0.0/8"}, "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		{"IPv6", nil, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"},
		{"no address", nil, "stc forged", "127.0.0.1"},
	} {
		if tt.networks != nil {
			a.instance.trusted = nil
			a.behind(tt.networks...)
		}
		before := len(a.log.String())
		a.newBrowser().forwarded(tt.from)
		lines := a.logged(before)
		if len(lines) != 1 || !strings.Contains(lines[0], " client="+tt.want+" ") {
			t.Errorf("%s: %q", tt.name, lines)
		}
	}
}

// The log reports an unconfigured proxy once, since people behind it count as one.
func TestUnknownProxyIsSaidOnce(t *testing.T) {
	a := newApp(t)
	b := a.newBrowser()
	const says = "FIELDBRIDGE_TRUSTED_PROXIES"
	b.get("/signin").want(t, 200)
	if strings.Contains(a.log.String(), says) {
		t.Error("it is said without a proxy")
	}
	for range 3 {
		b.forwarded("203.0.113.9")
	}
	if n := strings.Count(a.log.String(), says); n != 1 {
		t.Errorf("it is said %d times", n)
	}
	before := len(a.log.String())
	a.behind("127.0.0.1/32")
	b.forwarded("203.0.113.9")
	if strings.Contains(a.log.String()[before:], says) {
		t.Error("it is said of a proxy that is trusted")
	}
}
