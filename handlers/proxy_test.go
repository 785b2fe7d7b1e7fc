package handlers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/api/apitest"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// proxied is a back end that calls a tenant through Fieldbridge. The API that it reaches
// is a stub, and for the paths of the sandbox the sandbox.
type proxied struct {
	*backEnd
	owner *member
	// at is where the tenant's API begins.
	at string
	// calls counts the calls that reached the stub.
	calls atomic.Int64
	stub  atomic.Pointer[http.HandlerFunc]
}

// customers is a path of the tenant that is called.
var customers = fmt.Sprintf("/crm/v2/tenant/%d/customers", northgate)

// proxied connects a company, and lets a back end call its tenant.
func (a *app) proxied(stub http.HandlerFunc) *proxied {
	a.Helper()
	p := &proxied{}
	p.stub.Store(&stub)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/settings/") {
			r.Host = strings.TrimPrefix(a.standIn.URL, "http://")
			a.sandbox.ServeHTTP(w, r)
			return
		}
		p.calls.Add(1)
		(*p.stub.Load())(w, r)
	}))
	a.Cleanup(api.Close)
	a.instance.API, a.instance.Paths = api.URL, []string{"/crm/v2", "/settings/v2/tenant/{tenant}/business-units"}
	a.rewire()
	p.owner = a.signUp("Northgate", "Amy")
	path := p.owner.connect("sandbox", northgate)
	p.backEnd = a.backEnd(p.owner)
	p.at = "/api/v1" + path + "/servicetitan"
	return p
}

// rewire serves an instance that is set up differently, on the same database.
func (a *app) rewire() {
	a.Helper()
	first := a.db // stays open until the end, when its invariants are checked
	a.serve(a.wire(slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	a.db = first
}

// call makes a request for a path, which is sent as it is.
func (p *proxied) call(method, path string, body io.Reader) *http.Request {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), method, p.url, body)
	if err != nil {
		p.Fatal(err)
	}
	r.URL.Opaque, r.URL.RawQuery, _ = strings.Cut(p.at+path, "?")
	r.URL.Opaque = "//" + r.URL.Host + r.URL.Opaque
	r.Header.Set("Authorization", "Bearer "+p.secret)
	return r
}

// send sends a call, and holds the answer against the document.
func (p *proxied) send(r *http.Request) answer {
	p.Helper()
	got := p.backEnd.send(r)
	at, _, _ := strings.Cut(p.url+strings.TrimPrefix(r.URL.Opaque, "//"+r.URL.Host), "?")
	documented, err := http.NewRequestWithContext(p.Context(), r.Method, at, http.NoBody)
	if err != nil || got.body == "" { // the path is a trick, or there is nothing to compare
		return got
	}
	apitest.Check(p.T, apitest.Exchange{Request: documented, Status: got.status, Header: got.header, Got: []byte(got.body)})
	return got
}

// A call reaches ServiceTitan with its method, path, query, and body, with a token and
// the app key, and without anything about the caller. The answer comes back the same
// way.
func TestProxyPassesCallsOn(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		var got *http.Request
		var body []byte
		p := a.proxied(func(w http.ResponseWriter, r *http.Request) {
			got = r.Clone(context.Background())
			body, _ = io.ReadAll(r.Body)
			for name, value := range map[string]string{
				"Content-Type": "application/json", "ETag": `"7"`, "X-RateLimit-Remaining": "59",
				"Set-Cookie": "st=1", "WWW-Authenticate": "Bearer", "Authorization": "Bearer leaked", "X-Access-Token": "leaked", "Access-Control-Allow-Origin": "*",
				"Content-Security-Policy": "default-src *", "Refresh": "0; url=https://evil.example", "Strict-Transport-Security": "max-age=0", "Content-Disposition": "inline",
			} {
				w.Header().Set(name, value)
			}
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"id":1}`)
		})
		r := p.call(http.MethodPost, customers+"?page=1&name=a%20b", strings.NewReader(`{"name":"Pat"}`))
		for name, value := range map[string]string{
			"Content-Type": "application/json", "If-Match": `"6"`, "Accept": "application/json",
			"Cookie": "id=secret", "X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "ST-App-Key": "ak1.mine", "X-Custom": "x", "Origin": a.url, "Referer": a.url,
			"Connection": "X-Custom", "Proxy-Authorization": "Basic x", "Upgrade": "h2c", "User-Agent": "theirs",
		} {
			r.Header.Set(name, value)
		}
		answer := p.send(r).want(t, 201, `{"id":1}`)

		if got.Method != "POST" || got.URL.RequestURI() != customers+"?page=1&name=a%20b" || string(body) != `{"name":"Pat"}` || got.ContentLength != int64(len(body)) {
			t.Errorf("ServiceTitan got %s %s with %q", got.Method, got.URL, body)
		}
		if token := got.Header.Get("Authorization"); !strings.HasPrefix(token, "Bearer ") || strings.Contains(token, "fbk_") || got.Header.Get("ST-App-Key") != a.instance.AppKey {
			t.Errorf("ServiceTitan got other credentials than ours")
		}
		sent := slices.Sorted(maps.Keys(got.Header))
		if want := []string{"Accept", "Accept-Encoding", "Authorization", "Content-Length", "Content-Type", "If-Match", "St-App-Key", "User-Agent"}; !slices.Equal(sent, want) {
			t.Errorf("ServiceTitan got the headers %q, want %q", sent, want)
		}
		for name, want := range map[string]string{
			"Fieldbridge-Answer": "servicetitan", "Content-Type": "application/json", "Etag": `"7"`, "X-Ratelimit-Remaining": "59", "Cache-Control": "no-store",
			"Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment",
			"Set-Cookie": "", "Www-Authenticate": "", "Authorization": "", "X-Access-Token": "", "Access-Control-Allow-Origin": "", "Refresh": "", "Strict-Transport-Security": "",
		} {
			if answer.header.Get(name) != want {
				t.Errorf("the answer has %s: %q, want %q", name, answer.header.Get(name), want)
			}
		}
		// The sandbox's own API works, too, in every method that it has.
		units := fmt.Sprintf("/settings/v2/tenant/%d/business-units", northgate)
		p.send(p.call(http.MethodGet, units, nil)).want(t, 200, "HVAC - Service")
		if err := a.calls.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := a.count("SELECT n FROM call_hours"); n != 2 {
			t.Errorf("%d calls are counted, want 2", n)
		}
		// Its company and our staff see how many there were, and nothing else of them.
		path := strings.TrimSuffix(strings.TrimPrefix(p.at, "/api/v1"), "/servicetitan")
		p.owner.get(path).want(t, 200, "Calls by programs", "2 in 24 hours")
		a.staff("Sam", accounts.Support).get("/staff"+path).want(t, 200, "Calls through Fieldbridge")
		for _, private := range []string{"customers", "Pat", "a%20b", p.secret} {
			if strings.Contains(a.log.String(), private) {
				t.Errorf("%q is in the log", private)
			}
		}
	})
}

// Only the tenant of the connection can be called, at the paths that are allowed, in one
// spelling. Nothing else reaches ServiceTitan.
func TestProxyRefusesPaths(t *testing.T) {
	a := newApp(t)
	p := a.proxied(func(http.ResponseWriter, *http.Request) {})
	tenant := fmt.Sprint(northgate)
	for path, want := range map[string]string{
		"/crm/v2/tenant/905118274/customers":                  "403 wrong-tenant",
		"/crm/v2/tenant/0842193311/customers":                 "403 wrong-tenant",
		"/crm/v2/tenant/8421933110/customers":                 "403 wrong-tenant",
		"/jpm/v2/tenant/" + tenant + "/jobs":                  "403 path-not-allowed",
		"/crm/v22/tenant/" + tenant + "/jobs":                 "403 path-not-allowed",
		"/CRM/v2/tenant/" + tenant + "/customers":             "403 path-not-allowed",
		"/settings/v2/tenant/" + tenant + "/employees":        "403 path-not-allowed",
		"/settings/v2/tenant/" + tenant + "/business-units-x": "403 path-not-allowed",
		"":               "404 not-found",
		"/":              "400 invalid-request",
		"/crm/v2":        "400 invalid-request",
		"/crm/v2/tenant": "400 invalid-request",
		"/crm/v2/Tenant/" + tenant + "/customers":                      "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "/../905118274/customers":         "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "/%2e%2e/905118274/customers":     "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "/.%2E/905118274/customers":       "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "/%252e%252e/905118274/customers": "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "/..%2f905118274/customers":       "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "/..%5c905118274/customers":       "400 invalid-request",
		"/crm/v2/tenant/" + tenant + `/..\905118274/customers`:         "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "%2f..%2f905118274/customers":     "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "/./customers":                    "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "/.../customers":                  "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "//customers":                     "400 invalid-request",
		"//crm/v2/tenant/" + tenant + "/customers":                     "400 invalid-request",
		"//evil.example/v2/tenant/" + tenant + "/customers":            "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "/customers/":                     "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "/customers%00":                   "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "/customers%0d%0aX:1":             "400 invalid-request",
		"/crm/v2/tenant/" + tenant + ";/customers":                     "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "/customers%3bx":                  "400 invalid-request",
		"/crm/v2/tenant/" + tenant + "/%E2%80%AEcustomers":             "400 invalid-request",
		"/crm;/../v2/tenant/" + tenant + "/customers":                  "400 invalid-request",
	} {
		got := p.send(p.call(http.MethodGet, path, nil))
		_, name, _ := strings.Cut(fmt.Sprint(got.json(t)["type"]), "/problems/")
		if is := fmt.Sprint(got.status, " ", name); is != want {
			t.Errorf("%q: %s, want %s", path, is, want)
		}
		if got.header.Get("Fieldbridge-Answer") != "fieldbridge" && got.status != 404 {
			t.Errorf("%q: the answer does not say that it is ours", path)
		}
	}
	if n := p.calls.Load(); n != 0 {
		t.Errorf("%d calls reached ServiceTitan", n)
	}
	// What is encoded without need, or has to be, is sent in one spelling.
	var sent string
	stub := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { sent = r.URL.EscapedPath() })
	p.stub.Store(&stub)
	p.send(p.call(http.MethodGet, "/c%72m/v2/tenant/"+tenant+"/customers/a%3fb%23c@d", nil)).want(t, 200)
	if want := "/crm/v2/tenant/" + tenant + "/customers/a%3Fb%23c@d"; sent != want {
		t.Errorf("%q was called, want %q", sent, want)
	}
	a.instance.Paths = nil
	a.rewire()
	if body := p.send(p.call(http.MethodGet, customers, nil)).problem(t, 403); !strings.HasSuffix(fmt.Sprint(body["type"]), "/proxy-off") {
		t.Errorf("without allowed paths: %v", body)
	}
}

// A refused token is renewed once. The call is repeated if it is safe to repeat and has
// no body; otherwise the caller is asked to.
func TestProxyRenewsARefusedToken(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		var refuse atomic.Int64
		p := a.proxied(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if refuse.Add(-1) >= 0 {
				w.WriteHeader(http.StatusUnauthorized)
			}
		})
		for _, tt := range []struct {
			method, body       string
			refusals           int64
			status, calls      int
			problem            string
			renewals, together int
		}{
			{method: "GET", refusals: 1, status: 200, calls: 2, renewals: 1},
			{method: "DELETE", refusals: 1, status: 200, calls: 2, renewals: 1},
			{method: "GET", refusals: 2, status: 502, calls: 2, problem: "token-refused", renewals: 1},
			{method: "POST", refusals: 1, status: 503, calls: 1, problem: "call-again", renewals: 1},
			{method: "PUT", body: "{}", refusals: 1, status: 503, calls: 1, problem: "call-again", renewals: 1},
			{method: "GET", refusals: 1, status: 502, calls: 1, problem: "token-refused"}, // too many in a short time
		} {
			refuse.Store(tt.refusals)
			before, asked := p.calls.Load(), a.tokenRequests()
			var body io.Reader
			if tt.body != "" {
				body = strings.NewReader(tt.body)
			}
			got := p.send(p.call(tt.method, customers, body)).want(t, tt.status)
			if n := p.calls.Load() - before; n != int64(tt.calls) || a.tokenRequests()-asked != tt.renewals {
				t.Errorf("%s, refused %d times: %d calls and %d renewals, want %d and %d", tt.method, tt.refusals, n, a.tokenRequests()-asked, tt.calls, tt.renewals)
			}
			if tt.problem != "" && !strings.HasSuffix(fmt.Sprint(got.problem(t, tt.status)["type"]), "/"+tt.problem) {
				t.Errorf("%s: got %s, want %s", tt.method, got.body, tt.problem)
			}
			if tt.status == 503 && got.header.Get("Retry-After") == "" {
				t.Error("nothing says when to send the call again")
			}
			refuse.Store(0)
		}
		a.sandbox.RevokeGrants(northgate)
		a.clock.Add(10 * time.Minute)
		refuse.Store(1)
		if body := p.send(p.call(http.MethodGet, customers, nil)).problem(t, 409); body["reason"] != "grant_refused" {
			t.Errorf("access was withdrawn: %v", body)
		}
	})
}

// After a 429 of ServiceTitan, no call reaches the tenant for as long as it asks, with
// and without the header.
func TestProxyHeeds429(t *testing.T) {
	a := newApp(t)
	header := "30"
	p := a.proxied(func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set("Retry-After", header)
		}
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"title":"Rate limit is exceeded, try again in 40 seconds"}`)
	})
	for wait, sent := range map[string]string{"30": "30", "40": ""} {
		header = sent
		got := p.send(p.call(http.MethodGet, customers, nil)).want(t, 429, "Rate limit is exceeded")
		if got.header.Get("Fieldbridge-Answer") != "servicetitan" || got.header.Get("Retry-After") != wait {
			t.Errorf("ServiceTitan's answer has %v", got.header)
		}
		before := p.calls.Load()
		got = p.send(p.call(http.MethodGet, customers, nil))
		if body := got.problem(t, 429); !strings.HasSuffix(fmt.Sprint(body["type"]), "/budget-spent") || got.header.Get("Fieldbridge-Answer") != "fieldbridge" || got.header.Get("Retry-After") != wait {
			t.Errorf("our answer is %v with %v", body, got.header)
		}
		if p.calls.Load() != before {
			t.Error("the call was passed on")
		}
		a.clock.Add(time.Minute)
	}
	if err := a.calls.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := a.count("SELECT sum(refused) FROM call_hours"); n != 2 {
		t.Errorf("%d calls are counted as held back, want 2", n)
	}
}

// Bodies are passed on while they arrive, both ways.
func TestProxyStreams(t *testing.T) {
	a := newApp(t)
	p := a.proxied(func(w http.ResponseWriter, r *http.Request) {
		line := make([]byte, 4)
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		for range 3 {
			if _, err := io.ReadFull(r.Body, line); err != nil {
				return
			}
			_, _ = w.Write(line)
			_ = control.Flush()
		}
	})
	sent, send := io.Pipe()
	r := p.call(http.MethodPost, customers, sent)
	answered := make(chan *http.Response, 1)
	go func() {
		resp, err := p.client.Do(r)
		if err != nil {
			t.Error(err)
		}
		answered <- resp
	}()
	if _, err := send.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	resp := <-answered
	defer func() { _ = resp.Body.Close() }()
	part := make([]byte, 4)
	for i := range 3 {
		if _, err := io.ReadFull(resp.Body, part); err != nil || string(part) != "ping" {
			t.Fatalf("part %d: %q, %v", i, part, err)
		}
		if i < 2 {
			if _, err := send.Write([]byte("ping")); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = send.Close()
}

// Only a caller with a key gets more time than the server gives to everybody.
func TestProxyGivesTimeOnlyToCallers(t *testing.T) {
	a := newApp(t)
	p := a.proxied(func(http.ResponseWriter, *http.Request) {})
	for key, want := range map[string]int{p.secret: http.StatusOK, "fbk_" + strings.Repeat("a", 52): http.StatusUnauthorized} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, p.url+p.at+customers, strings.NewReader("{}"))
		r.Header.Set("Authorization", "Bearer "+key)
		w := &timed{ResponseRecorder: httptest.NewRecorder()}
		(*a.handler.Load()).ServeHTTP(w, r)
		if w.Code != want || w.extended != (want == http.StatusOK) {
			t.Errorf("status %d, extended: %t", w.Code, w.extended)
		}
	}
}

// timed notes whether a handler has changed how long its request may take.
type timed struct {
	*httptest.ResponseRecorder
	extended bool
}

func (w *timed) SetReadDeadline(time.Time) error {
	w.extended = true
	return nil
}

// endless is a body that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// Bodies have limits. An answer that turns out too large, or that ends early, breaks the
// connection, so that nobody takes it for whole.
func TestProxyLimitsBodies(t *testing.T) {
	a := newApp(t)
	p := a.proxied(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("answer") {
		case "announced":
			w.Header().Set("Content-Length", fmt.Sprint(50<<20+1))
		case "endless":
			_, _ = io.Copy(w, endless{})
		case "broken":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "part")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		default:
			_, _ = io.Copy(io.Discard, r.Body)
		}
	})
	whole := bytes.NewReader(make([]byte, 10<<20))
	p.send(p.call(http.MethodPost, customers, whole)).want(t, 200)
	p.send(p.call(http.MethodPost, customers, bytes.NewReader(make([]byte, 10<<20+1)))).problem(t, 413)
	p.send(p.call(http.MethodPost, customers, struct{ io.Reader }{bytes.NewReader(make([]byte, 10<<20+1))})).problem(t, 413)
	if body := p.send(p.call(http.MethodGet, customers+"?answer=announced", nil)).problem(t, 502); !strings.HasSuffix(fmt.Sprint(body["type"]), "/answer-too-large") {
		t.Errorf("got %v", body)
	}
	for _, kind := range []string{"endless", "broken"} {
		resp, err := p.client.Do(p.call(http.MethodGet, customers+"?answer="+kind, nil))
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err == nil || n > 50<<20 {
			t.Errorf("%s: read %d bytes, %v", kind, n, err)
		}
	}
}

// If the caller goes away, ServiceTitan is no longer asked. If ServiceTitan cannot be
// reached, the caller is told.
func TestProxyWithoutEither(t *testing.T) {
	a := newApp(t)
	asked, ended := make(chan struct{}), make(chan struct{})
	p := a.proxied(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(ended)
	})
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-asked
		leave()
	}()
	if _, err := p.client.Do(p.call(http.MethodGet, customers, nil).WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-ended
	reset := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	p.stub.Store(&reset)
	if body := p.send(p.call(http.MethodPost, customers, strings.NewReader("{}"))).problem(t, 502); !strings.HasSuffix(fmt.Sprint(body["type"]), "/servicetitan-unreachable") {
		t.Errorf("got %v", body)
	}
}

// No redirect is followed. One that stays at the API leads back through the proxy, and
// any other leads nowhere.
func TestProxyRedirects(t *testing.T) {
	a := newApp(t)
	p := a.proxied(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(http.StatusFound)
	})
	for to, want := range map[string]string{
		customers + "/7?a=1":               p.at + customers + "/7?a=1",
		a.instance.API + customers + "/7":  p.at + customers + "/7",
		"7":                                p.at + strings.TrimSuffix(customers, "customers") + "7",
		"https://evil.example" + customers: "",
		"//evil.example" + customers:       "",
		`\\evil.example/x`:                 "",
		strings.Replace(a.instance.API, "http://", "http://u:p@", 1) + customers: "",
		"/crm/v2/%2e%2e/x":    "",
		"javascript:alert(1)": "",
		"":                    "",
	} {
		got := p.send(p.call(http.MethodGet, customers+"?to="+url.QueryEscape(to), nil)).want(t, 302)
		if got.location != want {
			t.Errorf("Location %q became %q, want %q", to, got.location, want)
		}
	}
	if n := p.calls.Load(); n != 10 {
		t.Errorf("%d calls reached ServiceTitan, want 10", n)
	}
}
