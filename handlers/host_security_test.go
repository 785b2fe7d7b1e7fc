package handlers_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/readiness"
)

// otherHost sends a request to the app under another host name.
func (b *browser) otherHost(host, method, path string, form url.Values, headers ...string) answer {
	b.Helper()
	r := b.request(method, path, form)
	r.Host = host
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.send(r)
}

// A request for a foreign host is answered with 421 before anything is done, even
// if its Origin is that host, too.
func TestForeignHostsAreRefused(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	_, key, err := a.apiKeys.Create(t.Context(), accounts.CommandLine("test"), accounts.NewKey{Name: "back end", Scopes: accounts.Scopes()})
	if err != nil {
		t.Fatal(err)
	}
	own := port(a.public)
	for _, host := range []string{
		"evil.example", "evil.example:" + own, "localhost", "localhost:1", "localhost.evil.example:" + own, "127.0.0.1.evil.example:" + own,
		"localhost:" + own + ".evil.example", "10.0.0.1:" + own, "localhost:", "localhost:" + own + "x", "localhost..:" + own, "[::1", ":" + own,
	} {
		for name, ask := range map[string]func(*browser) answer{
			"front":   func(b *browser) answer { return b.otherHost(host, "GET", "/", nil) },
			"no page": func(b *browser) answer { return b.otherHost(host, "GET", "/nowhere", nil) },
			"static":  func(b *browser) answer { return b.otherHost(host, "GET", "/static/app.css", nil) },
			"sign-in": func(b *browser) answer {
				return b.otherHost(host, "POST", "/signin", url.Values{"email": {amy.email}, "password": {password}}, "Origin", "http://"+host)
			},
			"API": func(b *browser) answer {
				return b.otherHost(host, "GET", "/api/v1/connections", nil, "Authorization", "Bearer "+key.Reveal())
			},
		} {
			got := ask(a.newBrowser())
			if got.status != http.StatusMisdirectedRequest && got.status != http.StatusBadRequest {
				t.Errorf("%s at %q is answered %d", name, host, got.status)
				continue
			}
			if got.header.Get("Set-Cookie") != "" || got.location != "" {
				t.Errorf("%s at %q sets %q and leads to %q", name, host, got.header.Get("Set-Cookie"), got.location)
			}
			if strings.Contains(got.body, "evil") || (got.status == http.StatusMisdirectedRequest && !strings.Contains(got.body, a.url)) {
				t.Errorf("%s at %q names that host, or not ours:\n%s", name, host, got.body)
			}
		}
	}
	if n := a.count("SELECT count(*) FROM sessions"); n != 1 {
		t.Errorf("%d sessions, want Amy's own", n)
	}
}

// The configured host is accepted in every spelling.
func TestOwnHostIsTaken(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	host := strings.TrimPrefix(a.url, "http://")
	for _, spelled := range []string{host, strings.ToUpper(host)} {
		b := a.newBrowser()
		b.otherHost(spelled, "GET", "/signin", nil).want(t, 200)
		b.otherHost(spelled, "POST", "/signin", url.Values{"email": {amy.email}, "password": {password}}, "Origin", a.url).want(t, 303, "/connections")
		b.otherHost(spelled, "POST", "/signout", nil, "Origin", "http://evil.example").want(t, 403)
	}
}

// Another name of the same machine leads to the configured address, but only for
// pages: cookies of one name do not belong to another.
func TestOtherNamesOfLoopbackLeadToTheBaseURL(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	for _, name := range []string{"127.0.0.1", "[::1]", "localhost.", "LOCALHOST.", "127.0.0.2"} {
		host := name + ":" + port(a.public)
		b := a.newBrowser()
		got := b.otherHost(host, "GET", "/signin?next=connect", nil).want(t, http.StatusTemporaryRedirect)
		if got.location != a.url+"/signin?next=connect" {
			t.Errorf("%s leads to %q", host, got.location)
		}
		if got := b.otherHost(host, "GET", "//evil.example/%2e%2e", nil); !strings.HasPrefix(got.location, a.url+"/") {
			t.Errorf("%s leads to %q", host, got.location)
		}
		b.otherHost(host, "POST", "/signin", url.Values{"email": {amy.email}, "password": {password}}, "Origin", "http://"+host).
			want(t, http.StatusMisdirectedRequest, a.url)
	}
	if n := a.count("SELECT count(*) FROM sessions"); n != 1 {
		t.Errorf("%d sessions, want Amy's own", n)
	}
}

// The admin listener answers to the names that operators and their probes use, and
// to no others.
func TestAdminRefusesForeignHosts(t *testing.T) {
	ready := func(context.Context) readiness.Result { return readiness.Result{} }
	admin := handlers.NewAdmin("metrics.internal:8081", ready, handlers.NewMetrics().Handler(handlers.Figures{}, ready))
	for _, tt := range []struct {
		at, host string
		status   int
	}{
		{"127.0.0.1", "127.0.0.1:8081", 200},
		{"127.0.0.1", "localhost:8081", 200},
		{"127.0.0.1", "LOCALHOST", 200},
		{"127.0.0.1", "localhost.:9999", 200}, // forwarded from another port
		{"::1", "[::1]:8081", 200},
		{"10.1.2.3", "10.1.2.3:8081", 200}, // a probe that uses the pod's address
		{"10.1.2.3", "10.1.2.3", 200},
		{"::ffff:10.1.2.3", "10.1.2.3:8081", 200},
		{"2001:db8::3", "[2001:DB8:0::3]:8081", 200},
		{"10.1.2.3", "localhost:8081", 200},
		{"10.1.2.3", "metrics.internal:8081", 200},
		{"10.1.2.3", "METRICS.internal.", 200},
		{"10.1.2.3", "10.1.2.4:8081", 421},
		{"10.1.2.3", "evil.example:8081", 421},
		{"127.0.0.1", "evil.example", 421},
		{"127.0.0.1", "127.0.0.1.evil.example", 421},
		{"127.0.0.1", "localhost.evil.example:8081", 421},
		{"127.0.0.1", "metrics.internal.evil.example", 421},
		{"127.0.0.1", "x@localhost", 421},
		{"127.0.0.1", "", 421},
	} {
		for _, path := range []string{"/healthz", "/readyz"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			r.Host = tt.host
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.ParseIP(tt.at), Port: 8081})))
			answer := httptest.NewRecorder()
			admin.ServeHTTP(answer, r)
			if answer.Code != tt.status {
				t.Errorf("%q at %s: %s is answered %d, want %d", tt.host, tt.at, path, answer.Code, tt.status)
			}
			if body := answer.Body.String(); tt.status == 421 && (strings.Contains(body, "evil") || !strings.Contains(body, "Use localhost or "+tt.at)) {
				t.Errorf("%q at %s is told %q", tt.host, tt.at, body)
			}
		}
	}
}
