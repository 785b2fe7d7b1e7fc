package sandbox_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// homeForm returns a form of the control page, ready to be sent with a button.
func (s *stand) homeForm(action string, pairs ...string) url.Values {
	s.Helper()
	_, fields := s.form(s.get("/").body)
	form := url.Values{"token": {fields.Get("token")}, "action": {action}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// press presses a button of the control page, and follows its redirect.
func (s *stand) press(action string, pairs ...string) reply {
	s.Helper()
	return s.get(s.post("/", s.homeForm(action, pairs...)).location(s.T).RequestURI())
}

func wantWords(t *testing.T, page string, words ...string) {
	t.Helper()
	for _, part := range words {
		if !strings.Contains(page, part) {
			t.Errorf("%q is not on the page:\n%s", part, page)
		}
	}
}

func TestHome(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.connect(northgate)
	s.SetFault(sandbox.Fault{Kind: sandbox.Status500, Times: 1})
	s.post("/connect/token", tokenForm("grant_type", "refresh_token", "refresh_token", "stc_A.B"))
	page := s.get("/").body
	wantWords(t, page, "<h1>Sandbox</h1>", "Northgate South", "905118274", "/connect/token", "authorization_code",
		"500, fault: server error (500)", "Server error (500) · fired 1×", "None. Everything works.")
	for _, secret := range s.Secrets() {
		if strings.Contains(page, secret) {
			t.Error("a secret is on the page")
		}
	}
	if requests := s.Requests(); slices.ContainsFunc(requests, func(q sandbox.Request) bool { return q.Path == "/" }) {
		t.Error("the control page is among the requests")
	}
}

// A link to the page may choose the company and the fault, and changes nothing.
func TestHomeChooses(t *testing.T) {
	t.Parallel()
	s := start(t)
	chosen := fmt.Sprintf(`<option value="%d" selected>`, northgate)
	if page := s.get(fmt.Sprintf("/?kind=status_503&tenant=%d", northgate)).body; strings.Count(page, chosen) != 2 || !strings.Contains(page, `value="status_503" checked`) {
		t.Errorf("it is not chosen:\n%s", page)
	}
	for _, query := range []string{"/", "/?tenant=1&kind=x", "/?tenant=x"} {
		if page := s.get(query).body; strings.Contains(page, " selected>Northgate") || strings.Contains(page, "checked") {
			t.Errorf("%s chooses something", query)
		}
	}
	if planned := s.Faults(); len(planned) != 0 {
		t.Errorf("planned are %v", planned)
	}
}

// Every fault and action for people has a button or radio button, with a line about
// what Fieldbridge does.
func TestHomeOffersEverything(t *testing.T) {
	t.Parallel()
	s := start(t)
	page := s.get("/").body
	for _, kind := range sandbox.FaultKinds() {
		line := regexp.MustCompile(`name="kind" value="` + string(kind) + `"[^>]*> ?<span><b>[^<]+</b><small>[^<]+\.</small>`)
		if offered := line.MatchString(page); offered == (kind == sandbox.Hold || kind == sandbox.CustomToken) {
			t.Errorf("%s is offered: %t", kind, offered)
		}
	}
	for _, action := range sandbox.Actions() {
		if !regexp.MustCompile(`<b>[^<]+</b><small id="about-` + string(action) + `">[^<]+\.</small>`).MatchString(page) {
			t.Errorf("%s is not offered", action)
		}
	}
}

func TestHomeSwitchesFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		form   []string
		want   sandbox.Fault
		says   []string
		absent string
	}{
		"by count, for one company": {
			[]string{"kind", "status_503", "tenant", fmt.Sprint(northgate), "times", "3", "seconds", "90", "minutes", "10"},
			sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.PathToken, TenantID: northgate, Times: 3, RetryAfter: 90 * time.Second},
			[]string{"Unavailable (503)", "Retry-After 90 seconds", "Token endpoint", "3 more times"},
			"All companies<small>",
		},
		"until it is switched off, everywhere": {
			[]string{"kind", "slow", "tenant", "0", "path", "*", "times", " ", "seconds", "2.5"},
			sandbox.Fault{Kind: sandbox.Slow, Path: sandbox.Everywhere, Delay: 2500 * time.Millisecond},
			[]string{"Slow", "2.5 seconds", "Everywhere", "until switched off", "All companies<small>"},
			"Retry-After 2",
		},
		"clock behind": {
			[]string{"kind", "clock_skew", "times", "1", "seconds", "5", "minutes", "-7"},
			sandbox.Fault{Kind: sandbox.ClockSkew, Path: sandbox.Everywhere, Times: 1, Skew: -7 * time.Minute},
			[]string{"Clock is off", "-7 minutes", "once more"},
			"5 seconds</small>",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			page := s.press("switch_on", test.form...).body
			planned := s.Faults()
			if len(planned) != 1 || planned[0].Fault != test.want {
				t.Fatalf("planned are %+v, want %+v", planned, test.want)
			}
			wantWords(t, page, test.says...)
			if strings.Contains(page, test.absent) {
				t.Errorf("%q is on the page", test.absent)
			}
			s.SetFault(sandbox.Fault{Kind: sandbox.Status500})
			s.press("switch_off", "id", fmt.Sprint(planned[0].ID))
			if left := s.Faults(); len(left) != 1 || left[0].Kind != sandbox.Status500 {
				t.Errorf("left are %+v", left)
			}
			s.SetFault(sandbox.Fault{Kind: sandbox.Status429})
			wantWords(t, s.press("all_off").body, "None. Everything works.")
			if n := len(s.Faults()); n != 0 {
				t.Errorf("%d faults are on", n)
			}
		})
	}
}

func TestHomeDoesActions(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.account(northgate)
	one := fmt.Sprint(northgate)
	wantWords(t, s.press("expire", "tenant", one).body, "Expired access tokens: 2.", "Expire access tokens · done 1×")
	wantWords(t, s.press("revoke", "tenant", "0").body, "Revoked grants: 1.")
	wantWords(t, s.press("new_version", "tenant", one).body, "Companies with a new version to accept: 1.")
	made := s.post("/", s.homeForm("regenerate", "tenant", one))
	secret := regexp.MustCompile(`cs1\.stc_\w+`).FindString(made.body)
	if made.status != http.StatusOK || secret == "" || strings.Contains(s.get("/").body, secret) {
		t.Errorf("the secret is not shown once: %d %s", made.status, made.body)
	}
	wantWords(t, s.press("withdraw", "tenant", one).body, "Withdrawn grants and apps: 1.")
	// The page does not show text that others put into its address.
	if page := s.get("/?did=%3Cb%3E&count=%3Cb%3E").body; strings.Contains(page, `role="status"`) {
		t.Errorf("it says what it was told:\n%s", page)
	}
}

// After a button, the same company stays chosen, so the next button is not about
// another. The page scrolls to the button.
func TestHomeKeepsTheCompany(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.account(northgate)
	one := fmt.Sprint(northgate)
	chosen := fmt.Sprintf(`<option value="%d" selected>`, northgate)
	for _, test := range []struct {
		form     url.Values
		fragment string
	}{
		{s.homeForm("expire", "tenant", one), "do"},
		{s.homeForm("withdraw", "tenant", one), "do"},
		{s.homeForm("switch_on", "tenant", one, "kind", "status_500"), "active"},
	} {
		to := s.post("/", test.form).location(t)
		page := s.get(to.RequestURI()).body
		if to.Fragment != test.fragment || strings.Count(page, chosen) != 2 {
			t.Errorf("%s leads to %s:\n%s", test.form.Get("action"), to, page)
		}
		if test.fragment == "do" {
			wantWords(t, page[strings.Index(page, `id="do"`):], `role="status"><b>Northgate Heating &amp; Plumbing</b>`)
		}
	}
	wantWords(t, s.press("expire", "tenant", "0").body, `role="status"><b>All companies</b>`)
}

func TestHomeChangesSettings(t *testing.T) {
	t.Parallel()
	s := start(t)
	page := s.press("set", "life", "2m0s", "grace", "30s", "rotation", "off").body
	wantWords(t, page, "The settings apply to tokens", `value="2m0s" selected`, `value="30s" selected`, `value="off" selected`)
	if got := s.Settings(); got != (sandbox.Settings{AccessTokenLife: 2 * time.Minute, RefreshGrace: 30 * time.Second, KeepRefreshTokens: true}) {
		t.Errorf("settings are %+v", got)
	}
	// A setting that a program chose is offered too.
	s.set(func(to *sandbox.Settings) { to.AccessTokenLife = 45 * time.Second })
	wantWords(t, s.get("/").body, `<option value="45s" selected>45 seconds</option>`)
	s.press("set", "life", "1m0s", "grace", "1s", "rotation", "off")
	wantWords(t, s.get("/").body, ">1 minute</option>", ">1 second</option>")
	s.press("set", "life", "2m0s", "grace", "0s", "rotation", "on")
	if s.Settings().KeepRefreshTokens {
		t.Error("rotation stays off")
	}
}

// Every button needs a form token of this start, from a page of this site.
func TestHomeIsGuarded(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.connect(northgate)
	good := func(action string) url.Values {
		return s.homeForm(action, "kind", "status_500", "life", "2m0s", "grace", "10s", "tenant", "0")
	}
	for _, path := range []string{"/", "/reset"} {
		for _, action := range []string{"switch_on", "set", "revoke"} {
			for name, token := range map[string]string{"no token": "", "wrong token": "WRONG"} {
				form := good(action)
				form.Set("token", token)
				if r := s.post(path, form); r.status != http.StatusForbidden {
					t.Errorf("%s %s, %s: answer %d, want 403", path, action, name, r.status)
				}
			}
			for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://attacker.example"} {
				r := s.request(http.MethodPost, path, good(action))
				r.Header.Set(header, value)
				if got := s.send(r); got.status != http.StatusForbidden {
					t.Errorf("%s %s, %s: answer %d, want 403", path, action, header, got.status)
				}
			}
		}
	}
	if len(s.Faults()) != 0 || s.ActionsDone(sandbox.Revoke) != 0 || s.Settings().RefreshGrace != 0 || s.Count(sandbox.PathToken) != 1 {
		t.Error("a refused form has changed something")
	}
	for name, form := range map[string]url.Values{
		"no fault":            s.homeForm("switch_on"),
		"unknown fault":       s.homeForm("switch_on", "kind", "boil"),
		"how often in words":  s.homeForm("switch_on", "kind", "status_500", "times", "often"),
		"how often, a half":   s.homeForm("switch_on", "kind", "status_500", "times", "0.5"),
		"less than never":     s.homeForm("switch_on", "kind", "status_500", "times", "-1"),
		"no tenant's fault":   s.homeForm("switch_on", "kind", "status_500", "tenant", "garbage"),
		"no tenant's action":  s.homeForm("expire", "tenant", "garbage"),
		"unknown tenant":      s.homeForm("expire", "tenant", "12"),
		"endless seconds":     s.homeForm("switch_on", "kind", "slow", "seconds", "1e300"),
		"no number":           s.homeForm("switch_on", "kind", "clock_skew", "minutes", "NaN"),
		"no life":             s.homeForm("set", "grace", "0s"),
		"no such button":      s.homeForm("boil"),
		"a secret for nobody": s.homeForm("regenerate", "tenant", "0"),
	} {
		r := s.post("/", form)
		if r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, `role="alert"`) {
			t.Errorf("%s: answer %d, want 422 and words", name, r.status)
		}
	}
	if len(s.Faults()) != 0 || s.ActionsDone(sandbox.Expire) != 0 {
		t.Error("a form that makes no sense has changed something")
	}
	// The form keeps what was chosen.
	r := s.post("/", s.homeForm("switch_on", "kind", "slow", "seconds", "99", "tenant", fmt.Sprint(south)))
	wantWords(t, r.body, `value="slow" checked`, `value="99"`, `value="905118274" selected`)
}

// Reset returns everything to the start.
func TestReset(t *testing.T) {
	t.Parallel()
	s := start(t)
	mine := s.account(northgate)
	s.SetFault(sandbox.Fault{Kind: sandbox.Status500, Times: 1})
	s.post("/connect/token", tokenForm("grant_type", "refresh_token", "refresh_token", mine.refresh))
	s.SetFault(sandbox.Fault{Kind: sandbox.Status429})
	s.press("set", "life", "30s", "grace", "10s", "rotation", "off")
	s.press("expire")
	s.PublishVersion([]string{"tn.stt.businessunits:r"})
	before := s.Settings()
	form := s.homeForm("")
	if to := s.post("/reset", form).location(t).Path; to != "/" {
		t.Errorf("reset leads to %s", to)
	}
	if before == s.Settings() || len(s.Faults()) != 0 || s.Fired(sandbox.Status500) != 0 || s.ActionsDone(sandbox.Expire) != 0 ||
		s.Count(sandbox.PathToken) != 0 || len(s.Requests()) != 0 {
		t.Errorf("left are %+v, %+v, %d requests", s.Settings(), s.Faults(), len(s.Requests()))
	}
	wantWords(t, s.get("/portal").body, "API Scopes: version 1")
	s.wantRefreshRefused(mine.refresh)
	s.wantAPI(northgate, mine.own, http.StatusUnauthorized)
	if _, fields := s.form(s.get(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))).body); fields.Has("tenant") {
		t.Error("a browser is still signed in")
	}
}

// The page of requests loads itself again only if asked to, and needs no script.
func TestRequestsPage(t *testing.T) {
	t.Parallel()
	s := start(t)
	for range 120 {
		s.get("/portal")
	}
	s.get("/.well-known/openid-configuration")
	plain, live := s.get("/requests"), s.get("/requests?live=1")
	if plain.header.Get("Refresh") != "" || live.header.Get("Refresh") != "3" {
		t.Errorf("Refresh is %q and %q", plain.header.Get("Refresh"), live.header.Get("Refresh"))
	}
	rows := regexp.MustCompile(`<th scope="row"><span>GET <code>([^<]+)</code>`).FindAllStringSubmatch(plain.body, -1)
	if len(rows) != 100 || rows[0][1] != "/.well-known/openid-configuration" {
		t.Errorf("%d rows, the first %q, want 100 with the newest first", len(rows), rows[0])
	}
	wantWords(t, live.body, "This page reloads every", "Stop")
}

// Every page links to the app beside the sandbox, if there is one.
func TestEveryPageLeadsHome(t *testing.T) {
	t.Parallel()
	const home = `<a href="http://localhost:8080/demo">Fieldbridge: Quick tours</a>`
	for _, beside := range []bool{true, false} {
		s := start(t, withMailbox, func(o *sandbox.Options) {
			if beside {
				o.Home = sandbox.Link{Label: "Fieldbridge: Quick tours", Address: "http://localhost:8080/demo"}
			}
		})
		s.Deliver(letter("First"))
		if err := s.AddTenant(northgate); err != nil {
			t.Fatal(err)
		}
		asks := s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
		tenant := fmt.Sprintf("/tenant/%d", northgate)
		pages := map[string]string{"signing in": s.get(strings.TrimPrefix(asks, s.url)).body, "consent": s.signIn(asks)}
		for _, path := range []string{"/", "/requests", "/portal", tenant, tenant + "/review", "/mailbox", "/mailbox/1", "/connect/authorize"} {
			pages[path] = s.get(path).body
		}
		for name, page := range pages {
			wantWords(t, page, "SANDBOX – not ServiceTitan")
			if strings.Contains(page, home) != beside || strings.Contains(page, "Quick tours") != beside {
				t.Errorf("%s, beside an app: %v, is:\n%s", name, beside, page)
			}
		}
	}
}
