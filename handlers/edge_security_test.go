package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The page to go to after sign-in is never on another site.
func TestOpenRedirect(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	id := strings.TrimPrefix(amy.connect("sandbox", northgate), "/connections/")
	for _, next := range []string{
		"https://evil.example", "//evil.example", `/\evil.example`, "/%09/evil.example", "/./\\evil.example", "https:evil.example",
		"javascript:alert(1)", "/connect", "connect/../x", "connect\r\nLocation: x", "connection-", "connection-" + id + "x",
		"connection-//evil.example/aaaaaaaaaaaaaaaaaaaaa", "connection-" + strings.Repeat("/", 36), "CONNECT", "connect ", "http://localhost@evil.example",
	} {
		b := a.newBrowser()
		page := b.get("/signin?" + url.Values{"next": {next}}.Encode())
		if strings.Contains(page.body, "evil") {
			t.Errorf("%q is on the page", next)
		}
		got := b.post("/signin", "email", amy.email, "password", password, "next", next).want(a, 303).location
		if got != "/connections" {
			t.Errorf("%q led to %q", next, got)
		}
		if got := b.get("/signin?"+url.Values{"next": {next}}.Encode()).want(a, 303).location; got != "/connections" {
			t.Errorf("%q led a signed-in person to %q", next, got)
		}
	}
	b := a.newBrowser()
	to := b.get("/connections/"+id).want(a, 303, "/signin?next=connection-").location
	page := b.get(to)
	b.post("/signin", "email", amy.email, "password", password, "next", hidden(t, page.body, "next")).want(a, 303, "/connections/"+id)
}

// Another company's connection cannot be used in any way, and looks the same as one
// that does not exist.
func TestOtherCompanysConnection(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("A", "Amy"), a.signUp("B", "Bob")
		cara := bob.colleague("Cara", "member")
		foreign := amy.connect("sandbox", northgate)
		absent := "/connections/0199aaaa-0000-7000-8000-000000000000"
		before := a.standing()
		// A page's support code and time are its own.
		same := func(p answer) string {
			return timeMarkup.ReplaceAllString(supportCode.ReplaceAllString(p.body, "CODE"), "TIME")
		}
		for _, m := range []*member{bob, cara} {
			for _, r := range []struct{ method, suffix string }{
				{"GET", ""}, {"GET", "/disconnect"}, {"POST", "/test"}, {"POST", "/reconnect"}, {"POST", "/disconnect"},
			} {
				got := m.send(m.request(r.method, foreign+r.suffix, nil)).want(a, 404)
				if never := m.send(m.request(r.method, absent+r.suffix, nil)).want(a, 404); same(got) != same(never) {
					t.Errorf("%s %s: another's and none differ", r.method, r.suffix)
				}
				m.send(m.request(r.method, "/connections/x"+r.suffix, nil)).want(a, 404)
				m.send(m.request(r.method, strings.ToUpper(foreign[:13])+foreign[13:]+r.suffix, nil)).want(a, 404)
			}
		}
		a.noEffect(before, "another company's request")
		amy.get(foreign).want(a, 200, "Connected")
	})
}

// A member may not disconnect, and learns who may.
func TestMemberMayNotDisconnect(t *testing.T) {
	a := newApp(t)
	al := a.signUp("A", "Al Owner")
	amy := al.colleague("Amy", "member")
	path := amy.connect("sandbox", northgate)
	before := a.standing()
	amy.post(path+"/disconnect").want(a, 403, "Al Owner")
	amy.get(path+"/disconnect").want(a, 403, "Al Owner")
	a.noEffect(before, "a member's disconnect")
	amy.get(path).want(a, 200, "Al Owner")
	al.post(path+"/disconnect").want(a, 303)
}

func TestFieldsThatVisitorsMayNotSet(t *testing.T) {
	a := newApp(t)
	amy, bob := a.signUp("A", "Amy"), a.signUp("B", "Bob")
	foreign := strings.TrimPrefix(amy.connect("sandbox", northgate), "/connections/")
	own := bob.connect("sandbox", south)
	extra := []string{"connection_id", foreign, "company_id", foreign, "environment", "production", "purpose", "connect", "role", "owner", "ID", foreign}
	review := bob.post(own+"/reconnect?connection_id="+foreign, extra...).want(a, 303).location
	page := bob.get(review).want(a, 200)
	if !strings.Contains(page.body, tenantMarkup(south)) {
		t.Error("the review is not about the visitor's own tenant")
	}
	authorize := bob.post("/connect/authorize?connection_id="+foreign, append(extra, "choice", hidden(t, page.body, "choice"))...).want(a, 303).location
	bob.get(bob.atServiceTitan(authorize, south, "Allow")).want(a, 303, own)
	if n := a.count("SELECT count(*) FROM events WHERE connection_id = ?", foreign); n != 1 {
		t.Errorf("%d events on the other's connection, want its own", n)
	}
	b := a.newBrowser()
	b.post(a.verifyLink("c@c.example")+"?role=owner", "company", "C", "name", "Cara", "email", "d@d.example", "password", password,
		"company_id", foreign, "password_hash", "x", "session_epoch", "7", "disabled_at", "x").want(a, 303)
	if n := a.count("SELECT session_epoch FROM users WHERE email = 'c@c.example'"); n != 0 {
		t.Errorf("session epoch %d", n)
	}
	// A query never fills a form.
	a.newBrowser().post("/signin?"+url.Values{"email": {amy.email}, "password": {password}}.Encode()).want(a, 422)
}

// Every answer has the security headers, and private pages are not cached.
func TestHeaders(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	path := amy.connect("sandbox", northgate)
	stylesheet := "/static/" + strings.SplitN(strings.SplitN(amy.get(path).body, "/static/", 2)[1], `"`, 2)[0]
	review := amy.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", fmt.Sprint(south)).want(a, 303)
	pages := map[string]answer{
		"page": amy.get(path), "front": a.newBrowser().get("/"), "redirect": a.newBrowser().get(path), "not found": amy.get("/nowhere"),
		"method": amy.get("/signout"), "review": amy.get(review.location), "callback": amy.get("/callback"),
		"refused": amy.send(func() *http.Request {
			r := amy.request("POST", "/signout", nil)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			return r
		}()),
		"static": amy.get(stylesheet),
	}
	for name, page := range pages {
		csp := page.header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: %s is not in %q", name, part, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, a.standIn.URL) != (name == "review") {
			t.Errorf("%s: policy %q", name, csp)
		}
		for header, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := page.header.Get(header); got != want {
				t.Errorf("%s: %s %q", name, header, got)
			}
		}
		cache := strings.Join(page.header.Values("Cache-Control"), ", ")
		if name == "static" {
			if !strings.Contains(cache, "immutable") || strings.Contains(cache, "no-store") {
				t.Errorf("static: Cache-Control %q", cache)
			}
		} else if !strings.Contains(cache, "no-store") {
			t.Errorf("%s: Cache-Control %q", name, cache)
		}
		if page.header.Get("Access-Control-Allow-Origin") != "" || page.header.Get("Server") != "" {
			t.Errorf("%s: %v", name, page.header)
		}
	}
	amy.get(path+"/x.css").want(a, 404)
	amy.get(path+".css").want(a, 404)
}

// Error pages say briefly what happened, with a support code that is in the log.
func TestErrorPages(t *testing.T) {
	a := newApp(t)
	a.byHand = []string{"closed"}
	amy := a.signUp("A", "Amy")
	path := amy.connect("sandbox", northgate)
	big := strings.Repeat("x", 70<<10)
	for _, tt := range []struct {
		name   string
		page   answer
		status int
	}{
		{"not found", amy.get("/nowhere"), 404},
		{"method", amy.get("/signout"), 405},
		{"too large", amy.post("/connect", "tenant", big), 413},
		{"kind", amy.send(func() *http.Request {
			r := amy.request("POST", "/connect", url.Values{})
			r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			return r
		}()), 415},
		{"NUL", amy.post("/connect", "tenant", "1\x00"), 400},
		{"twice", amy.post("/connect", "tenant", "1", "tenant", "2"), 400},
	} {
		tt.page.want(t, tt.status)
		code := supportCode.FindString(tt.page.body)
		if code == "" || !strings.Contains(a.log.String(), code) {
			t.Errorf("%s: code %q is not on the page and in the log", tt.name, code)
		}
	}
	if got := amy.get("/signout").header.Get("Allow"); !strings.Contains(got, "POST") {
		t.Errorf("Allow %q", got)
	}
	if err := a.db.Close(); err != nil {
		t.Fatal(err)
	}
	page := amy.get(path)
	if page.status != 503 && page.status != 500 {
		t.Errorf("without a database: status %d", page.status)
	}
	for _, leak := range []string{"sql", "SELECT", ".go:", "goroutine", a.database} {
		if strings.Contains(page.body, leak) {
			t.Errorf("%q is on the page", leak)
		}
	}
	if !supportCode.MatchString(page.body) {
		t.Errorf("no support code:\n%s", text(page.body))
	}
}

// One request is one well-formed line of the log, whatever the request contains.
func TestLogLines(t *testing.T) {
	a := newApp(t)
	b := a.newBrowser()
	before := len(a.log.String())
	r := b.request("GET", "/"+url.PathEscape("x\r\nlevel=ERROR msg=forged \x1b[31m")+"?code=stc_in_query&error=%0d%0aforged", nil)
	r.Header.Set("User-Agent", "forged"+strings.Repeat("x", 10<<10))
	r.Header.Set("X-Request-Id", "forged")
	b.send(r).want(a, 404)
	for _, line := range strings.Split(strings.TrimSpace(a.log.String()[before:]), "\n") {
		if !strings.HasPrefix(line, "time=") || strings.Contains(line, "forged") || strings.Contains(line, "stc_") || len(line) > 1000 {
			t.Errorf("line: %.300s", line)
		}
	}
}

func TestStaticFiles(t *testing.T) {
	a := newApp(t)
	b := a.newBrowser()
	for _, path := range []string{
		"/static/", "/static/../go.mod", "/static/..%2fgo.mod", "/static/%2e%2e/go.mod", "/static/..%5cgo.mod", "/static/%00",
		"/static//evil.example/%2f..", "/static/app.css", "/static/static.go", "/static/app.00000000.css",
	} {
		got := b.get(path)
		if got.status != 404 || strings.Contains(got.location, "evil") {
			t.Errorf("%s: status %d, location %q", path, got.status, got.location)
		}
	}
}

// Hostile text is refused with an explanation, or kept and shown unchanged.
func TestHostileText(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		for i, name := range []string{
			"nul\x00", "\xff\xfe", "line\nbreak", "tab\tbed", "\u2028", strings.Repeat("x", 101), "", "   ",
			"مرحبا", "\u200bzero", "🛠️ Plumbing", `<svg onload=alert(1)>`, `"><script>alert(1)</script>`, "O'Brien & Sons", "=1+1", "{{.}}",
		} {
			b := a.newBrowser()
			got := b.createAccount(fmt.Sprintf("n%d@a.example", i), name, "Amy", password)
			switch got.status {
			case 400, 422:
			case 303:
				page := b.get("/connections")
				if !strings.Contains(text(page.body), strings.TrimSpace(name)) && !strings.Contains(name, "<") {
					t.Errorf("%q is not shown:\n%s", name, text(page.body))
				}
				if strings.Contains(otherScripts(page.body), "<script") || strings.Contains(page.body, "<svg onload") {
					t.Errorf("%q is markup", name)
				}
				if i < 8 {
					t.Errorf("%q was taken", name)
				}
			default:
				t.Errorf("%q: status %d", name, got.status)
			}
		}
	})
}
