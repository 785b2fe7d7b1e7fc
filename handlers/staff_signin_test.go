package handlers_test

import (
	"crypto/rand"
	"crypto/rsa"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// Staff sign in at their own issuer. Their password here no longer works, and the
// app asks for no second factor of its own.
func TestStaffSignInElsewhere(t *testing.T) {
	a, i := withStaffIssuer(t)
	link := a.addStaff("sam@fieldbridge.example", accounts.Support)
	a.newBrowser().get("/signin").want(a, 200, "Staff sign-in")
	a.newBrowser().get("/password/reset?token="+link).want(a, 404, "no longer valid")
	a.newBrowser().withLink(link).post("/password/reset", "link", anyLink, "name", "Sam", "password", password).want(a, 404, "no longer valid")

	b := a.newBrowser()
	back := i.trip(b)
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "fieldbridge", "redirect_uri": a.url + "/staff/signin/callback", "code_challenge_method": "S256", "scope": "openid email profile",
	} {
		if got := i.asked.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(i.asked.Get("state")) < 40 || len(i.asked.Get("nonce")) < 40 || len(i.asked.Get("code_challenge")) != 43 {
		t.Error("state, nonce or challenge is short")
	}
	b.get("/staff/signin/callback?"+back.Encode()).want(a, 303, "/staff")
	b.get("/staff").want(a, 200, "Needs attention now")
	a.clock.Add(16 * time.Minute)
	b.get("/staff").want(a, 303, "/signin") // as short as any staff session

	// The callback works once.
	again := a.newBrowser()
	back = i.trip(again)
	again.get("/staff/signin/callback?"+back.Encode()).want(a, 303)
	again.get("/staff/signin/callback?"+back.Encode()).want(a, 400, "Sign-in did not work")
	for _, secret := range []string{"stc_staff_secret", "stc_at", back.Get("state"), back.Get("code")} {
		if strings.Contains(a.log.String(), secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
	// Members sign in as before.
	amy := a.signUp("Northgate", "Amy")
	amy.post("/signout").want(a, 303)
	amy.post("/signin", "email", amy.email, "password", password).want(a, 303, "/connections")
}

// A password that staff had before lets nobody in. The answer is the one to a wrong
// password.
func TestStaffPasswordIsOffElsewhere(t *testing.T) {
	a := newApp(t)
	sam := a.staff("Sam", accounts.Support)
	wrong := a.newBrowser().post("/signin", "email", sam.email, "password", "another one altogether").want(a, 422)
	i := newStaffIssuer(t)
	a.signStaffInAt(i.URL)
	right := a.newBrowser().post("/signin", "email", sam.email, "password", password).want(a, 422)
	unknown := a.newBrowser().post("/signin", "email", "x"+sam.email, "password", password).want(a, 422)
	if !strings.Contains(right.body, "don’t match") || strings.ReplaceAll(unknown.body, "x"+sam.email, sam.email) != right.body {
		t.Error("the right password is answered in another way than an unknown email's")
	}
	if !strings.Contains(wrong.body, "don’t match") {
		t.Error("the answers differ")
	}
}

// Nobody is signed in, whatever is wrong with the callback or the ID token.
func TestStaffSignInRefused(t *testing.T) {
	a, i := withStaffIssuer(t)
	a.addStaff("sam@fieldbridge.example", accounts.Support)
	a.addStaff("gone@fieldbridge.example", accounts.Admin)
	if err := a.accounts().RemoveStaff(t.Context(), accounts.CommandLine("root"), "gone@fieldbridge.example"); err != nil {
		t.Fatal(err)
	}
	amy := a.signUp("Northgate", "Amy")
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sign := i.sign
	tests := map[string]struct {
		spoil  func(back url.Values)
		status int
	}{
		"no state":         {func(v url.Values) { v.Del("state") }, 400},
		"empty state":      {func(v url.Values) { v.Set("state", "") }, 400},
		"wrong state":      {func(v url.Values) { v.Set("state", v.Get("state")[1:]) }, 400},
		"two states":       {func(v url.Values) { v.Add("state", v.Get("state")) }, 400},
		"too late":         {func(url.Values) { a.clock.Add(11 * time.Minute) }, 400},
		"another issuer":   {func(v url.Values) { v.Set("iss", "https://other.example") }, 400},
		"denied":           {func(v url.Values) { v.Set("error", "access_denied"); v.Del("code") }, 403},
		"no code":          {func(v url.Values) { v.Del("code") }, 403},
		"wrong code":       {func(v url.Values) { v.Set("code", "stc_made_up") }, 403},
		"wrong nonce":      {func(url.Values) { i.claims["nonce"] = "x" }, 403},
		"no nonce":         {func(url.Values) { delete(i.claims, "nonce") }, 403},
		"wrong audience":   {func(url.Values) { i.claims["aud"] = "other" }, 403},
		"token of another": {func(url.Values) { i.claims["iss"] = "https://other.example" }, 403},
		"expired":          {func(url.Values) { i.claims["exp"] = a.clock.Now().Add(-time.Hour).Unix() }, 403},
		"not verified":     {func(url.Values) { i.claims["email_verified"] = false }, 403},
		"no word of it":    {func(url.Values) { delete(i.claims, "email_verified") }, 403},
		"as text":          {func(url.Values) { i.claims["email_verified"] = "true" }, 403},
		"for another too":  {func(url.Values) { i.claims["aud"] = []string{"fieldbridge", "other"}; i.claims["azp"] = "other" }, 403},
		"for two":          {func(url.Values) { i.claims["aud"] = []string{"fieldbridge", "other"} }, 403},
		"code twice":       {func(v url.Values) { v.Add("code", v.Get("code")) }, 400},
		"issuer twice":     {func(v url.Values) { v.Set("iss", i.URL); v.Add("iss", "https://other.example") }, 400},
		"issuer, slash":    {func(v url.Values) { v.Set("iss", i.URL+"/") }, 400},
		"unknown email":    {func(url.Values) { i.claims["email"] = "eve@fieldbridge.example" }, 403},
		"member's email":   {func(url.Values) { i.claims["email"] = amy.email }, 403},
		"removed":          {func(url.Values) { i.claims["email"] = "gone@fieldbridge.example" }, 403},
		"another's key":    {func(url.Values) { i.sign = func(c map[string]any) string { return i.signed(t, other, c) } }, 403},
		"unsigned": {func(url.Values) {
			i.sign = func(c map[string]any) string {
				token := strings.Split(sign(c), ".")
				return "eyJhbGciOiJub25lIn0." + token[1] + "."
			}
		}, 403},
		"no token": {func(url.Values) { i.sign = func(map[string]any) string { return "" } }, 403},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		tt := tests[name]
		t.Run(name, func(t *testing.T) {
			i.sign = sign
			b := a.newBrowser()
			back := i.trip(b)
			tt.spoil(back)
			b.get("/staff/signin/callback?"+back.Encode()).want(t, tt.status, "Sign-in did not work")
			b.get("/staff").want(t, 303, "/signin")
		})
	}
	i.sign = sign
	stolen := i.trip(a.newBrowser())
	a.newBrowser().get("/staff/signin/callback?"+stolen.Encode()).want(a, 400) // in another browser
}

// Without an issuer, there is no such sign-in. If the issuer is down, a page says
// so.
func TestStaffSignInNeedsItsIssuer(t *testing.T) {
	a := newApp(t)
	a.newBrowser().get("/staff/signin").want(a, 404)
	a.newBrowser().get("/staff/signin/callback?state=x&code=y").want(a, 404)
	a.signStaffInAt("http://127.0.0.1:1")
	a.newBrowser().get("/staff/signin").want(a, 503, "Sign-in did not work")
}

// Two tabs are two authorizations. Each ends once, however often its callback is
// requested: one request exchanges the code.
func TestStaffAuthorizationsEndOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		i := newStaffIssuer(t)
		a.signStaffInAt(i.URL)
		a.addStaff("sam@fieldbridge.example", accounts.Support)
		b := a.newBrowser()
		first, firstClaims := i.trip(b), i.claims
		i.trip(b)
		i.claims = firstClaims
		b.get("/staff/signin/callback?"+first.Encode()).want(a, 303, "/staff")

		again := a.newBrowser()
		foreign := i.trip(a.newBrowser())
		back := i.trip(again)
		// The state of another session has no effect, and takes nothing from this
		// session's authorization.
		again.get("/staff/signin/callback?"+foreign.Encode()).want(a, 400)

		// Both requests have read the session before either has written it.
		exchanging, release := make(chan struct{}, 8), make(chan struct{})
		i.spoils(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/token" {
				exchanging <- struct{}{}
				<-release
			}
			return false
		})
		before := i.count("/token")
		twin := a.newBrowser()
		twin.setCookie(sessionCookie, again.cookie(sessionCookie))
		statuses := make([]int, 2)
		var one, two sync.WaitGroup
		one.Go(func() { statuses[0] = again.get("/staff/signin/callback?" + back.Encode()).status })
		<-exchanging
		two.Go(func() { statuses[1] = twin.get("/staff/signin/callback?" + back.Encode()).status })
		select {
		case <-exchanging:
			t.Error("the code is exchanged twice")
		case <-ended(&two):
		}
		close(release)
		one.Wait()
		two.Wait()
		if statuses[0] != 303 || statuses[1] != 400 || i.count("/token") != before+1 {
			t.Errorf("answered %v after %d exchanges", statuses, i.count("/token")-before)
		}
	})
}

// ended says when all are done.
func ended(all *sync.WaitGroup) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	return done
}

// A browser that prefetches uses nothing up.
func TestStaffSignInIsNotUsedUpAhead(t *testing.T) {
	a, i := withStaffIssuer(t)
	a.addStaff("sam@fieldbridge.example", accounts.Support)
	b := a.newBrowser()
	back := i.trip(b)
	ahead := b.request(http.MethodGet, "/staff/signin/callback?"+back.Encode(), nil)
	ahead.Header.Set("Sec-Purpose", "prefetch;prerender")
	b.send(ahead).want(a, 204)
	b.get("/staff/signin/callback?"+back.Encode()).want(a, 303, "/staff")
	cookie := b.cookie(sessionCookie)
	b.get("/staff/signin").want(a, 303, "/staff")
	if b.cookie(sessionCookie) != cookie {
		t.Error("who is signed in already is given another session")
	}
}

// Authorizations begin without a sign-in, so each address may begin a limited
// number.
func TestStaffAuthorizationsAreCounted(t *testing.T) {
	a, _ := withStaffIssuer(t)
	for range 60 {
		a.newBrowser().get("/staff/signin").want(a, 303)
	}
	if got := a.newBrowser().get("/staff/signin").want(a, 429); got.header.Get("Retry-After") == "" {
		t.Error("it does not say for how long")
	}
	if !strings.Contains(a.log.String(), "action=staff_issuer outcome=throttled ") {
		t.Error("the refusal is not recorded")
	}
	if n := a.count("SELECT count(*) FROM sessions"); n != 60 {
		t.Errorf("%d sessions for 60 authorizations", n)
	}
	a.clock.Add(16 * time.Minute)
	a.newBrowser().get("/staff/signin").want(a, 303)
}

// A session is valid for the way of signing in that it began with. It does not
// survive a change of that way.
func TestStaffSessionsOfTheOtherWay(t *testing.T) {
	a := newApp(t)
	sam := a.staff("Sam", accounts.Support)
	sam.get("/staff").want(a, 200, "Second step")
	i := newStaffIssuer(t)
	a.signStaffInAt(i.URL)
	sam.get("/staff").want(a, 303, "/signin")
	sam.get("/staff/factor").want(a, 303, "/signin")

	b := a.newBrowser()
	b.get("/staff/signin/callback?"+i.trip(b).Encode()).want(a, 303, "/staff")
	if page := b.get("/staff").want(a, 200); strings.Contains(text(page.body), "Second step") {
		t.Error("a second step of ours is offered to whoever has none here")
	}
	b.get("/staff/factor").want(a, 303, "/staff")
	b.get("/staff/factor/change").want(a, 404)
	b.post("/staff/factor/change", "code", "123456", "do", "device").want(a, 404)

	a.signStaffInAt("")
	b.get("/staff").want(a, 303, "/signin")
	sam.signInAgain()
}

// The team page shows no link to choose a password that nobody has.
func TestTeamWithStaffIssuer(t *testing.T) {
	a, i := withStaffIssuer(t)
	a.addStaff("sam@fieldbridge.example", accounts.Admin)
	b := a.newBrowser()
	back := i.trip(b)
	i.claims["name"] = "Sam Okafor"
	b.get("/staff/signin/callback?"+back.Encode()).want(a, 303, "/staff")
	b.get("/staff").want(a, 200, "Sam Okafor")
	page := b.post("/staff/team", "email", "pat@fieldbridge.example", "role", "support").want(a, 200, "pat@fieldbridge.example", a.url+"/staff/signin")
	if strings.Contains(page.body, "/password/reset") {
		t.Error("a link is handed out that works nowhere")
	}
	if page := b.get("/staff/team").want(a, 200); strings.Contains(page.body, "No password yet") || strings.Contains(page.body, "New link") {
		t.Error("the team's page speaks of passwords")
	}

	// An existing name stays. A name that cannot be shown is not accepted.
	for _, name := range []any{"Eve", "line\nbreak", strings.Repeat("x", 101), 7} {
		other := a.newBrowser()
		back := i.trip(other)
		i.claims["name"] = name
		other.get("/staff/signin/callback?"+back.Encode()).want(a, 303)
		other.get("/staff").want(a, 200, "Sam Okafor")
	}
	other := a.newBrowser()
	back = i.trip(other)
	i.claims["sub"], i.claims["email"], i.claims["name"] = "8", "pat@fieldbridge.example", "line\nbreak"
	other.get("/staff/signin/callback?"+back.Encode()).want(a, 303)
	other.get("/staff").want(a, 200, "pat@fieldbridge.example")
}

// Each refusal is one line with its reason, without what the request contained.
func TestStaffSignInRefusalsAreLogged(t *testing.T) {
	a, i := withStaffIssuer(t)
	for reason, spoil := range map[string]func(url.Values){
		"state": func(v url.Values) { v.Set("state", "stc_state") }, "issuer": func(v url.Values) { v.Set("iss", "https://stc.example") },
		"denied": func(v url.Values) { v.Set("error", "stc_error"); v.Set("error_description", "stc_words") },
		"nonce":  func(url.Values) { i.claims["nonce"] = "stc_nonce" }, "not_staff": func(url.Values) {},
		"email_not_verified": func(url.Values) { i.claims["email_verified"] = false },
		"exchange_refused":   func(v url.Values) { v.Set("code", "stc_code") },
		"id_token":           func(url.Values) { i.claims["aud"] = "other" },
		"repeated":           func(v url.Values) { v.Add("scope", "a"); v.Add("scope", "b") },
	} {
		b := a.newBrowser()
		back := i.trip(b)
		spoil(back)
		before := len(a.log.String())
		page := b.get("/staff/signin/callback?" + back.Encode())
		code, log := supportCode.FindString(page.body), a.log.String()[before:]
		if strings.Count(log, "staff sign-in refused") != 1 || !strings.Contains(log, "outcome="+reason+" ") || code == "" || !strings.Contains(log, "support_code="+code) {
			t.Errorf("%s: %s", reason, log)
		}
		if strings.Contains(log, "stc_") || strings.Contains(log, back.Get("code")) {
			t.Errorf("%s: the log has what came: %s", reason, log)
		}
	}
}
