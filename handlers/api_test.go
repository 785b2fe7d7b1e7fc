package handlers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/api/apitest"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// backEnd is a program with an API key.
type backEnd struct {
	*browser
	key accounts.APIKey
	// secret is the key itself.
	secret string
}

// backEnd makes a key for the member's company, or for all companies without a
// member.
func (a *app) backEnd(of *member) *backEnd {
	a.Helper()
	var companyID *uuid.UUID
	if of != nil {
		id := uuid.MustParse(a.lookup("SELECT company_id FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = ?", of.email))
		companyID = &id
	}
	key, secret, err := a.apiKeys.Create(a.Context(), accounts.CommandLine("root"), accounts.NewKey{CompanyID: companyID, Name: "a back end", Scopes: accounts.Scopes()})
	if err != nil {
		a.Fatal(err)
	}
	return &backEnd{browser: a.newBrowser(), key: key, secret: secret.Reveal()}
}

// ask sends a GET to an address below /api/v1.
func (b *backEnd) ask(path string) answer {
	b.Helper()
	return b.call(http.MethodGet, path, nil)
}

// tell sends a POST to an address below /api/v1. The body is JSON; nil sends none.
func (b *backEnd) tell(path string, body any, headers ...string) answer {
	b.Helper()
	return b.call(http.MethodPost, path, body, headers...)
}

// call sends a request to an address below /api/v1, with pairs of header fields. It
// holds the request and the answer against the document.
func (b *backEnd) call(method, path string, body any, headers ...string) answer {
	b.Helper()
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			b.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(b.Context(), method, b.url+"/api/v1"+path, bytes.NewReader(sent))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.secret)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	got := b.send(r)
	apitest.Check(b.T, apitest.Exchange{Request: r, Sent: sent, Status: got.status, Header: got.header, Got: []byte(got.body)})
	return got
}

// body reads JSON into a map.
func (r answer) json(t testing.TB) map[string]any {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal([]byte(r.body), &body); err != nil {
		t.Fatalf("%s: %v:\n%s", r.request, err, r.body)
	}
	return body
}

// problem requires an error in the form of RFC 9457.
func (r answer) problem(t testing.TB, status int) map[string]any {
	t.Helper()
	body := r.want(t, status).json(t)
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("%s: content type %q", r.request, got)
	}
	if body["status"] != float64(status) || body["title"] == "" || !supportCode.MatchString(fmt.Sprint(body["support_code"])) {
		t.Errorf("%s: %v", r.request, body)
	}
	return body
}

func TestAPIToken(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		path := amy.connect("sandbox", northgate)
		b := a.backEnd(amy)
		token := b.ask(path+"/token").want(a, 200)
		body := token.json(t)
		if body["tenant_id"] != float64(northgate) || body["environment"] != "sandbox" || body["api_base_url"] != a.standIn.URL {
			t.Errorf("got %v", body)
		}
		if !strings.Contains(token.header.Get("Cache-Control"), "no-store") || token.header.Get("Set-Cookie") != "" {
			t.Errorf("headers %v", token.header)
		}
		r := b.request(http.MethodGet, a.standIn.URL+fmt.Sprintf("/settings/v2/tenant/%d/business-units", northgate), nil)
		r.Header.Set("Authorization", "Bearer "+body["access_token"].(string))
		r.Header.Set("ST-App-Key", a.instance.AppKey)
		b.send(r).want(a, 200, "HVAC - Service")

		// The API serves the token from memory while it is valid, and renews it
		// after that.
		before := a.tokenRequests()
		if again := b.ask(path + "/token").json(t); again["access_token"] != body["access_token"] || a.tokenRequests() != before {
			t.Error("the token is not the same")
		}
		a.clock.Add(15 * time.Minute)
		if renewed := b.ask(path+"/token").want(a, 200).json(t); renewed["access_token"] == body["access_token"] || a.tokenRequests() != before+1 {
			t.Error("the token was not renewed")
		}
		if err := a.apiKeys.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := a.count("SELECT reads FROM api_keys WHERE id = ?", b.key.ID); n != 3 {
			t.Errorf("%d reads are counted, want 3", n)
		}
		if n := a.count("SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL"); n != 1 {
			t.Error("when it was last used is not noted")
		}
	})
}

// The API says the real reason why there is no token.
func TestAPITokenRefused(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	path := amy.connect("sandbox", northgate)
	pending, b := amy.guided(harbor), a.backEnd(amy)
	a.clock.Add(16 * time.Minute)
	a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503})
	got := b.ask(path + "/token")
	if body := got.problem(t, 503); body["reason"] != "unavailable" || got.header.Get("Retry-After") == "" {
		t.Errorf("got %v, Retry-After %q", body, got.header.Get("Retry-After"))
	}
	asked := a.tokenRequests()
	b.ask(path+"/token").problem(t, 503)
	if a.tokenRequests() != asked {
		t.Error("a failing connection is tried again before its time")
	}
	a.sandbox.ClearFaults()
	a.clock.Add(6 * time.Minute)
	b.ask(path+"/token").want(a, 200)
	a.clock.Add(16 * time.Minute)
	a.sandbox.RevokeGrants(northgate)
	if body := b.ask(path+"/token").problem(t, 409); body["reason"] != "grant_refused" || body["title"] != "Reconnect needed" {
		t.Errorf("got %v", body)
	}
	if body := b.ask(path).want(a, 200).json(t); body["state"] != "reconnect_needed" || body["reason"] != "grant_refused" {
		t.Errorf("got %v", body)
	}
	if body := b.ask(pending+"/token").problem(t, 409); body["title"] != "Not connected" {
		t.Errorf("got %v", body)
	}
}

// A key reads what it was made for, and nothing else reads anything.
func TestAPIKeys(t *testing.T) {
	a := newApp(t)
	amy, bob, sam := a.signUp("Northgate", "Amy"), a.signUp("South", "Bob"), a.staff("Sam", accounts.Support)
	hers, his := amy.connect("sandbox", northgate), bob.connect("sandbox", south)
	own, all := a.backEnd(amy), a.backEnd(nil)
	for _, suffix := range []string{"", "/token"} {
		own.ask(hers+suffix).want(a, 200)
		own.ask(his+suffix).problem(t, 404)
		all.ask(hers+suffix).want(a, 200)
		all.ask(his+suffix).want(a, 200)
		own.ask("/connections/"+uuid.NewString()+suffix).problem(t, 404)
		own.ask("/connections/1"+suffix).problem(t, 404)
		for _, nobody := range []*browser{amy.browser, sam.browser, a.newBrowser()} {
			if got := nobody.get("/api/v1" + hers + suffix); got.header.Get("WWW-Authenticate") != "Bearer" || got.problem(t, 401) == nil {
				t.Error("a session opens the API")
			}
		}
	}
	if n := len(own.ask("/connections").json(t)["data"].([]any)); n != 1 {
		t.Errorf("a company's key lists %d connections", n)
	}
	if n := len(all.ask("/connections").json(t)["data"].([]any)); n != 2 {
		t.Errorf("the key for all lists %d connections", n)
	}
	if n := len(all.ask(fmt.Sprintf("/connections?tenant_id=%d", south)).json(t)["data"].([]any)); n != 1 {
		t.Errorf("%d connections of one tenant", n)
	}
	for _, query := range []string{"after=1", "tenant_id=x", "tenant_id=-1"} {
		own.ask("/connections?"+query).problem(t, 400)
	}
	own.ask("/nowhere").problem(t, 404)
	for _, wrong := range []string{"", "fbk_wrong", own.secret + "x", strings.ToUpper(own.secret), "fbk_" + strings.Repeat("x", 9000)} {
		other := &backEnd{browser: own.browser, secret: wrong}
		other.ask(hers+"/token").problem(t, 401)
	}
	if err := a.apiKeys.Revoke(t.Context(), accounts.CommandLine("root"), nil, own.key.ID); err != nil {
		t.Fatal(err)
	}
	own.ask(hers+"/token").problem(t, 401)
	if strings.Contains(a.log.String(), own.secret) || strings.Contains(a.stored(), own.secret) {
		t.Error("the key is in the log or the database")
	}
}

func TestAPIPages(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		a.byHand = []string{"I6"}
		amy := a.signUp("Northgate", "Amy")
		path := amy.connect("sandbox", northgate)
		for i := range 150 {
			a.exec(`INSERT INTO connections (id, company_id, environment, tenant_id, tenant_name, business_units, way, state, scopes, generation,
				connected_by_name, connected_at, renewed_at, expires_at, created_at, updated_at)
				SELECT ?, company_id, environment, ?, tenant_name, business_units, way, state, scopes, generation,
				connected_by_name, connected_at, renewed_at, expires_at, created_at, updated_at FROM connections WHERE id = ?`,
				uuid.Must(uuid.NewV7()), 1000+i, strings.TrimPrefix(path, "/connections/"))
		}
		b, seen, next := a.backEnd(amy), map[any]bool{}, ""
		for range 3 {
			page := b.ask("/connections"+next).want(a, 200).json(t)
			for _, c := range page["data"].([]any) {
				seen[c.(map[string]any)["id"]] = true
			}
			if page["next"] == nil {
				break
			}
			next = "?after=" + page["next"].(string)
		}
		if len(seen) != 151 {
			t.Errorf("%d connections on all pages, want 151", len(seen))
		}
	})
}
