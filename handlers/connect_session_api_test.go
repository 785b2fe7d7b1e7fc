package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// acmeBackEnd is a back end with a return URL, for all companies or for a member's.
func (a *app) acmeBackEnd(of *member, scopes ...accounts.Scope) *backEnd {
	a.Helper()
	n := accounts.NewKey{Name: "acme", CallerName: "Acme Scheduling", Scopes: scopes, ReturnURLs: []string{acmeReturn}}
	if len(scopes) == 0 {
		n.Scopes = accounts.Scopes()
	}
	if of != nil {
		id := a.companyOf(of)
		n.CompanyID = &id
	}
	key, secret, err := a.apiKeys.Create(a.Context(), accounts.CommandLine("root"), n)
	if err != nil {
		a.Fatal(err)
	}
	return &backEnd{browser: a.newBrowser(), key: key, secret: secret.Reveal()}
}

// A back end makes a session, follows it, and uses the connection. Only the answer that
// makes the session has the link.
func TestAPIConnectSession(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		b := a.acmeBackEnd(nil)
		sent := map[string]any{
			"reference": "acme-4711", "company_name": "Northgate Heating", "environment": "sandbox", "ways": []string{"sign_in"}, "tenant_id": northgate,
			"return_url": acmeReturn, "metadata": map[string]string{"plan": "gold"},
		}
		made := b.tell("/connect-sessions", sent, "Idempotency-Key", "once").want(a, 201)
		body := made.json(t)
		path := "/connect-sessions/" + body["id"].(string)
		address := body["url"].(string)
		link, ok := strings.CutPrefix(address, a.url)
		if !ok || body["status"] != "created" || body["reference"] != "acme-4711" || body["connection_id"] != nil || body["metadata"].(map[string]any)["plan"] != "gold" {
			t.Fatalf("made %v", body)
		}
		if again := b.tell("/connect-sessions", sent, "Idempotency-Key", "once").want(a, 201).json(t); again["url"] != address || again["id"] != body["id"] {
			t.Errorf("sent again: %v", again)
		}
		progress := func() map[string]any {
			t.Helper()
			got := b.ask(path).want(a, 200)
			if strings.Contains(got.body, `"url"`) || strings.Contains(got.body, strings.TrimPrefix(link, "/c/")) {
				t.Errorf("the link is shown again: %s", got.body)
			}
			if same := b.call(http.MethodGet, path, nil, "If-None-Match", got.header.Get("ETag")); same.status != 304 {
				t.Errorf("asked again: %d", same.status)
			}
			return got.json(t)
		}
		if got := progress(); got["status"] != "created" || got["last_problem"] != nil || got["opened_at"] != nil {
			t.Errorf("at first: %v", got)
		}
		pat := a.goesOn(link)
		if got := progress(); got["status"] != "opened" || got["opened_at"] == nil {
			t.Errorf("once opened: %v", got)
		}
		pat.get(pat.atServiceTitan(pat.begins(), northgate, "Deny")).want(a, 200)
		problem, _ := progress()["last_problem"].(map[string]any)
		if problem["code"] != "denied" || problem["detail"] != "Access was not given in ServiceTitan." {
			t.Errorf("after a failure: %v", problem)
		}
		pat.get(pat.atServiceTitan(pat.begins(), northgate, "Allow")).want(a, 303)
		got := progress()
		if got["status"] != "connected" || got["last_problem"] != nil || got["finished_at"] == nil {
			t.Errorf("at last: %v", got)
		}
		b.ask("/connections/"+got["connection_id"].(string)+"/token").want(a, 200)
		if n := a.count("SELECT count(*) FROM connect_sessions"); n != 1 {
			t.Errorf("%d sessions", n)
		}
		for _, kept := range []string{strings.TrimPrefix(link, "/c/"), "gold"} {
			if strings.Contains(a.log.String(), kept) {
				t.Errorf("the log has %s", kept)
			}
		}
		if strings.Contains(a.stored(), strings.TrimPrefix(link, "/c/")) {
			t.Error("the link is in the database")
		}
	})
}

// What is wrong with a session is said of its field, and nothing is made.
func TestAPIConnectSessionRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana := a.signUp("Northgate", "Dana")
		connection := strings.TrimPrefix(dana.connect("sandbox", northgate), "/connections/")
		b, own := a.acmeBackEnd(nil), a.acmeBackEnd(dana)
		fine := func(change func(map[string]any)) map[string]any {
			sent := map[string]any{"reference": "x", "company_name": "Northgate Heating", "environment": "sandbox", "return_url": acmeReturn}
			change(sent)
			return sent
		}
		for pointer, change := range map[string]func(map[string]any){
			"/return_url":    func(m map[string]any) { m["return_url"] = "https://evil.example" },
			"/reference":     func(m map[string]any) { delete(m, "reference") },
			"/company_name":  func(m map[string]any) { delete(m, "company_name") },
			"/environment":   func(m map[string]any) { m["environment"] = "elsewhere" },
			"/ways":          func(m map[string]any) { m["ways"] = []string{"by_magic"} },
			"/tenant_id":     func(m map[string]any) { m["tenant_id"] = -4 },
			"/connection_id": func(m map[string]any) { m["connection_id"] = "01999999-0000-7000-8000-000000000000" },
			"/metadata":      func(m map[string]any) { m["metadata"] = map[string]string{"k": strings.Repeat("x", 3000)} },
			"/metadata/k":    func(m map[string]any) { m["metadata"] = map[string]any{"k": map[string]string{"deep": "x"}} },
			"/more":          func(m map[string]any) { m["more"] = true },
		} {
			problem := b.tell("/connect-sessions", fine(change)).problem(t, 400)
			errs, _ := problem["errors"].([]any)
			if len(errs) != 1 || errs[0].(map[string]any)["pointer"] != pointer {
				t.Errorf("%s: %v", pointer, problem)
			}
		}
		// A key of one company reaches no other.
		other := a.acmeBackEnd(a.signUp("Blue Sky", "Bob"))
		other.tell("/connect-sessions", map[string]any{"connection_id": connection, "return_url": acmeReturn}).problem(t, 400)
		made := own.tell("/connect-sessions", map[string]any{"connection_id": connection, "return_url": acmeReturn}).want(a, 201).json(t)
		if made["tenant_id"] != float64(northgate) || made["connection_id"] != connection {
			t.Errorf("made %v", made)
		}
		other.ask("/connect-sessions/"+made["id"].(string)).problem(t, 404)
		own.ask("/connect-sessions/"+made["id"].(string)).want(a, 200)
		if n := a.count("SELECT count(*) FROM connect_sessions"); n != 1 {
			t.Errorf("%d sessions", n)
		}
		if n := a.count("SELECT count(*) FROM companies"); n != 2 {
			t.Errorf("%d companies", n)
		}
		reader := a.acmeBackEnd(nil, accounts.ScopeConnectionsRead, accounts.ScopeTokensRead)
		reader.tell("/connect-sessions", fine(func(map[string]any) {})).problem(t, 403)
		reader.ask("/connect-sessions/"+made["id"].(string)).problem(t, 403)
		a.exec("UPDATE companies SET locked_at = ?", a.clock.Now().UTC())
		own.tell("/connect-sessions", map[string]any{"return_url": acmeReturn}).problem(t, 403)
	})
}
