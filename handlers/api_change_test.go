package handlers_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// A back end tests and ends connections, and their history names its key.
func TestAPITestAndDisconnect(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("Northgate", "Amy"), a.signUp("South", "Bob")
		path, pending, foreign := amy.connect("sandbox", northgate), amy.guided(harbor), bob.connect("sandbox", south)
		b := a.backEnd(amy)
		body := b.tell(path+"/test", nil).want(t, 200).json(t)
		if body["passed"] != true || body["connection"].(map[string]any)["state"] != "connected" {
			t.Errorf("got %v", body)
		}
		a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.Everywhere})
		if body := b.tell(path+"/test", map[string]any{}).want(t, 200).json(t); body["passed"] != false {
			t.Errorf("the API refuses, and the test says %v", body)
		}
		a.sandbox.ClearFaults()
		for _, action := range []string{"/test", "/disconnect"} {
			b.tell(foreign+action, nil).problem(t, 404)
			b.tell(pending+action, nil).problem(t, 409)
			b.tell("/connections/"+uuid.NewString()+action, nil).problem(t, 404)
			if got := b.tell(path+action, map[string]any{"force": true}).wrong(t); got != "/force" {
				t.Errorf("%q is named", got)
			}
		}
		amy.get(path).want(t, 200, "API key a back end")
		for range 2 {
			if body := b.tell(path+"/disconnect", nil).want(t, 200).json(t); body["state"] != "disconnected" {
				t.Errorf("got %v", body)
			}
		}
		amy.get(path).want(t, 200, "API key a back end disconnected it")
		b.ask(path+"/token").problem(t, 409)
		b.tell(path+"/test", nil).problem(t, 409)
		b.ask(path+"/disconnect").problem(t, 405)
	})
}

// A key does only what its scopes say.
func TestAPIScopes(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	path := amy.connect("sandbox", northgate)
	for scope, want := range map[accounts.Scope]map[string]int{
		accounts.ScopeConnectionsRead: {"/connections": 200, path: 200, path + "/token": 403, path + "/test": 403, path + "/disconnect": 403},
		accounts.ScopeTokensRead:      {"/connections": 403, path: 403, path + "/token": 200, path + "/test": 403, path + "/disconnect": 403},
		accounts.ScopeConnectWrite:    {"/connections": 403, path: 403, path + "/token": 403, path + "/test": 200},
	} {
		_, secret, err := a.apiKeys.Create(t.Context(), accounts.CommandLine("root"), accounts.NewKey{Name: "narrow", Scopes: []accounts.Scope{scope}})
		if err != nil {
			t.Fatal(err)
		}
		b := &backEnd{browser: a.newBrowser(), secret: secret.Reveal()}
		for address, status := range want {
			method := http.MethodGet
			if strings.HasSuffix(address, "/test") || strings.HasSuffix(address, "/disconnect") {
				method = http.MethodPost
			}
			got := b.call(method, address, nil).want(t, status)
			if status != 403 {
				continue
			}
			if body := got.problem(t, 403); !strings.HasSuffix(body["type"].(string), "/api/problems/missing-scope") || got.header.Get("RateLimit") == "" {
				t.Errorf("%s %s: %v", scope, address, body)
			}
		}
	}
}

// A POST that is sent again with its Idempotency-Key happens once.
func TestAPIIdempotencyKey(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		path := amy.connect("sandbox", northgate)
		b, other := a.backEnd(amy), a.backEnd(amy)
		tests := func() int {
			return a.count("SELECT coalesce(sum(repeats + 1), 0) FROM events WHERE kind = 'test_passed'")
		}
		first := b.tell(path+"/test", nil, "Idempotency-Key", "a")
		a.clock.Add(10 * time.Second)
		again := b.tell(path+"/test", nil, "Idempotency-Key", `"a"`)
		if first.want(t, 200).body != again.want(t, 200).body || first.header.Get("Idempotency-Replayed") != "" || again.header.Get("Idempotency-Replayed") != "true" || tests() != 1 {
			t.Errorf("first %s, again %s, %d tests", first.body, again.body, tests())
		}
		if again.header.Get("Content-Type") != first.header.Get("Content-Type") || again.header.Get("RateLimit") == "" {
			t.Errorf("%v", again.header)
		}
		b.tell(path+"/test", map[string]any{}, "Idempotency-Key", "a").problem(t, 422)
		b.tell(path+"/disconnect", nil, "Idempotency-Key", "a").problem(t, 422)
		other.tell(path+"/test", nil, "Idempotency-Key", "a").want(t, 200)
		if tests() != 2 {
			t.Errorf("%d tests", tests())
		}
		for _, wrong := range []string{" ", `"a`, "a b", "ü", strings.Repeat("x", 256)} {
			if got := b.tell(path+"/test", nil, "Idempotency-Key", wrong).wrong(t); got != "Idempotency-Key" {
				t.Errorf("%q: %q is named", wrong, got)
			}
		}
		// What was refused is kept too, but not what may work soon.
		nowhere := "/connections/" + uuid.NewString() + "/test"
		for _, replayed := range []string{"", "true"} {
			got := b.tell(nowhere, nil, "Idempotency-Key", "b")
			if got.problem(t, 404); got.header.Get("Idempotency-Replayed") != replayed {
				t.Errorf("a refusal: %v", got.header)
			}
		}
		for range 5 {
			b.tell(path+"/test", nil)
		}
		b.tell(path+"/test", nil, "Idempotency-Key", "c").problem(t, 429)
		a.clock.Add(time.Minute)
		if got := b.tell(path+"/test", nil, "Idempotency-Key", "c").want(t, 200); got.header.Get("Idempotency-Replayed") != "" {
			t.Error("a refusal for now was kept")
		}
		a.clock.Add(24 * time.Hour)
		if got := b.tell(path+"/test", nil, "Idempotency-Key", "a").want(t, 200); got.header.Get("Idempotency-Replayed") != "" {
			t.Error("an answer is kept for more than a day")
		}
	})
}

// Of equal requests at the same time, one is carried out.
func TestAPIIdempotencyKeyAtOnce(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	path := amy.connect("sandbox", northgate)
	b := a.backEnd(amy)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got := b.tell(path+"/test", nil, "Idempotency-Key", "a"); got.status != 200 && got.status != 409 {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
	all.Wait()
	if n := a.count("SELECT coalesce(sum(repeats + 1), 0) FROM events WHERE kind = 'test_passed'"); n != 1 {
		t.Errorf("%d tests", n)
	}
}

// A body that is no JSON, has no end, or is another kind of file is refused.
func TestAPIBodies(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	path := amy.connect("sandbox", northgate)
	b := a.backEnd(amy)
	send := func(kind, body string) answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/api/v1"+path+"/disconnect", bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+b.secret)
		r.Header.Set("Content-Type", kind)
		return b.send(r)
	}
	for body, want := range map[string]int{
		"{": 400, "[]": 400, "null1": 400, `{"a":1,"a":2}`: 400, "{} {}": 400, "\xff": 400, `{"a": ` + strings.Repeat(" ", 70<<10) + "1}": 413,
	} {
		send("application/json", body).problem(t, want)
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/xml", ""} {
		send(kind, "{}").problem(t, 415)
	}
	if got := b.ask(path).json(t); got["state"] != "connected" {
		t.Errorf("got %v", got)
	}
	send("application/json; charset=utf-8", " {} ").want(t, 200)
}
