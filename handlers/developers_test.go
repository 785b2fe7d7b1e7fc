package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// secretOnPage finds the secret that a page shows once.
var secretOnPage = regexp.MustCompile(`id="secret"[^>]* value="([^"]+)"`)

func (a answer) secret(t *testing.T) string {
	t.Helper()
	found := secretOnPage.FindStringSubmatch(a.body)
	if found == nil {
		t.Fatalf("%s shows no secret:\n%s", a.request, a.body)
	}
	return found[1]
}

// An owner makes a key, which is shown once, opens their own company's connections, and
// does what its scopes say. They roll and revoke it.
func TestDeveloperKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al, bob := a.signUp("Northgate", "Al"), a.signUp("Blue Sky", "Bob")
		own, foreign := al.connect("sandbox", northgate), bob.connect("sandbox", south)
		al.get("/developers").want(a, 200, "There is no API key yet.")
		al.post("/developers/keys", "name", "", "expires", "30").want(a, 422, "Enter a name", "Choose at least one thing")
		al.post("/developers/keys", "name", "Sync", "scope-tokens:read", "yes", "expires", "soon").want(a, 422, "Choose when the key expires.")
		al.post("/developers/keys", "name", "Sync", "scope-tokens:read", "yes", "expires", "30", "return_urls", "https://app.example/ok\r\nhttp://app.example/no").
			want(a, 422, "with https, or with http on your own computer: http://app.example/no")
		made := al.post("/developers/keys", "name", "Sync", "scope-tokens:read", "yes", "expires", "30", "company", a.companyOf(bob).String(),
			"caller", "Northgate Sync", "return_urls", "https://app.example/ok").want(a, 200)
		key := &backEnd{browser: a.newBrowser(), secret: made.secret(t)}
		id := a.lookup("SELECT id FROM api_keys WHERE name = 'Sync'")
		for _, page := range []string{"/developers", "/developers/keys/" + id} {
			if body := al.get(page).want(a, 200, "Sync").body; strings.Contains(body, key.secret) || strings.Contains(body, key.secret[4:20]) {
				t.Errorf("%s shows the key again", page)
			}
		}
		al.get("/developers/keys/"+id).want(a, 200, "Northgate Sync", "https://app.example/ok")
		key.ask(own+"/token").want(a, 200)
		key.ask(foreign+"/token").want(a, 404)
		if key.ask("/connections").problem(t, 403)["scope"] != "connections:read" {
			t.Error("the problem does not name the scope")
		}
		bob.get("/developers/keys/"+id).want(a, 404)
		bob.post("/developers/keys/"+id+"/roll", "overlap", "0", "expires", "never").want(a, 404)
		bob.post("/developers/keys/"+id+"/revoke").want(a, 404)
		al.post("/developers/keys/"+id, "name", "Sync", "scope-connections:read", "yes").want(a, 303)
		key.ask("/connections").want(a, 200)
		key.ask(own+"/token").problem(t, 403)
		rolled := &backEnd{browser: a.newBrowser(), secret: al.post("/developers/keys/"+id+"/roll", "overlap", "1", "expires", "never").want(a, 200).secret(t)}
		rolled.ask("/connections").want(a, 200)
		key.ask("/connections").want(a, 200)
		al.get("/developers/keys/"+id).want(a, 200, "Two secrets", "End the old secret now")
		al.post("/developers/keys/"+id+"/end-old").want(a, 303)
		key.ask("/connections").want(a, 401)
		rolled.ask("/connections").want(a, 200)
		al.get("/developers/keys/"+id+"/revoke").want(a, 200, "Revoke this key?")
		al.post("/developers/keys/"+id+"/revoke").want(a, 303)
		rolled.ask("/connections").want(a, 401)
		al.get("/developers").want(a, 200, "There is no API key yet.")
		al.get("/developers?state=ended").want(a, 200, "Sync", "Revoked")
		al.get("/developers/keys/"+id+"/roll").want(a, 404)
		al.get("/activity").want(a, 200, "Created an API key", "Rolled an API key", "Ended the old secret of an API key", "Revoked an API key", "Sync")
	})
}

// Staff make keys for one company or all, and see the keys of companies.
func TestStaffDeveloperKeys(t *testing.T) {
	a := newApp(t)
	al, ada := a.signUp("Northgate", "Al"), a.staff("Ada", accounts.Admin)
	own := al.connect("sandbox", northgate)
	al.post("/developers/keys", "name", "Their own", "scope-proxy", "yes", "expires", "never").want(a, 200)
	ada.post("/staff/developers/keys", "name", "Ours", "scope-tokens:read", "yes", "expires", "never", "company", "1").want(a, 422, "There is no company with this ID.")
	ada.post("/staff/developers/keys", "name", "Ours", "scope-tokens:read", "yes", "expires", "never", "company", uuid.Max.String()).want(a, 422, "There is no company with this ID.")
	all := &backEnd{browser: a.newBrowser(), secret: ada.post("/staff/developers/keys", "name", "For all", "scope-tokens:read", "yes", "expires", "never").want(a, 200).secret(t)}
	all.ask(own+"/token").want(a, 200)
	ada.post("/staff/developers/keys", "name", "For one", "scope-tokens:read", "yes", "expires", "never", "company", a.companyOf(al).String()).want(a, 200)
	ada.get("/staff/developers").want(a, 200, "Their own", "For all", "For one", "All companies", "Northgate")
	page := al.get("/developers").want(a, 200, "Their own", "For one").body
	if strings.Contains(page, "For all") {
		t.Error("an owner sees a key of the operator")
	}
	theirs := a.lookup("SELECT id FROM api_keys WHERE name = 'Their own'")
	ada.post("/staff/developers/keys/"+theirs+"/revoke").want(a, 303)
	ada.get("/staff/team").want(a, 200, "API key created", "API key revoked")
	forAll := a.lookup("SELECT id FROM api_keys WHERE name = 'For all'")
	al.get("/developers/keys/"+forAll).want(a, 404)
	al.post("/developers/keys/"+forAll+"/revoke").want(a, 404)
}

// A mistyped key reaches no table, wherever the mistake is.
func TestMistypedKeyIsRefusedWithoutQuery(t *testing.T) {
	a := newApp(t)
	al := a.signUp("Northgate", "Al")
	own, right := al.connect("sandbox", northgate), a.keyOf(a.companyOf(al))
	wrong := visitorOf{name: "key", browser: a.newBrowser()}
	for at := range right {
		wrong.key = right[:at] + string("a7"[(right[at]&1)^1]) + right[at+1:]
		if wrong.key == right {
			wrong.key = right[:at] + "m" + right[at+1:]
		}
		for _, path := range []string{"/connections", own + "/token"} {
			if n, _ := wrong.queriesOf("/api/v1" + path); n != 0 {
				t.Errorf("character %d: %d queries for %s", at, n, path)
			}
		}
	}
}

// The pages are there only if the operator allows it.
func TestDevelopersAreOffUnlessAllowed(t *testing.T) {
	a := newApp(t)
	al := a.signUp("Northgate", "Al")
	amy := al.colleague("Amy", accounts.Member)
	if body := al.get("/connections").body; !strings.Contains(body, `href="/developers"`) {
		t.Error("the owner's menu does not lead there")
	}
	if body := amy.get("/connections").body; strings.Contains(body, `href="/developers"`) {
		t.Error("the member's menu leads there")
	}
	amy.get("/developers").want(a, 403)
	for _, r := range handlers.RoutesWithoutDevelopers() {
		if strings.HasPrefix(r.Path, "/developers") {
			t.Errorf("%s is there", r)
		}
	}
}

// An owner adds an endpoint, whose secret is shown once, and sends a test. Another
// company neither sees nor changes any of it.
func TestDeveloperWebhooks(t *testing.T) {
	a := newApp(t)
	al, bob := a.signUp("Northgate", "Al"), a.signUp("Blue Sky", "Bob")
	got := make(chan http.Header, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header.Clone()
		_, _ = w.Write([]byte("Thank you <b>very</b> much"))
	}))
	defer receiver.Close()
	a.runWebhooks()
	al.get("/developers/webhooks").want(a, 200, "There is no endpoint yet.")
	al.post("/developers/webhooks", "url", "ftp://x").want(a, 422, "The address must begin with https://.")
	secret := al.post("/developers/webhooks", "url", receiver.URL, "description", "Our sync", "type-connection.connected", "yes").want(a, 200).secret(t)
	if !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("the secret is %q", secret)
	}
	id := a.lookup("SELECT id FROM webhook_endpoints")
	at := "/developers/webhooks/" + id
	if body := al.get(at).want(a, 200, "Our sync").body; strings.Contains(body, secret) {
		t.Error("the secret is shown again")
	}
	delivery := al.post(at+"/test").want(a, 303).location
	select {
	case h := <-got:
		if h.Get("Webhook-Signature") == "" {
			t.Error("the test is not signed")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the test does not arrive")
	}
	arrives := func(delivery string) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); !strings.Contains(al.get(delivery).body, "answered 200"); {
			if time.Now().After(deadline) {
				t.Fatal("the page does not show the attempt")
			}
		}
	}
	arrives(delivery)
	if body := al.get(delivery).want(a, 200, "Delivered", "ping").body; !strings.Contains(body, "Thank you &lt;b&gt;very&lt;/b&gt; much") {
		t.Error("the page does not show what the receiver answered")
	}
	al.get("/developers/deliveries?type=ping&state=delivered&endpoint="+id).want(a, 200, delivery)
	al.get("/developers/deliveries?state=failed").want(a, 200, "No delivery matches.")
	al.get("/developers/deliveries?connection=x").want(a, 200, "No delivery matches.")
	again := al.post(delivery+"/replay").want(a, 303).location
	if again == delivery {
		t.Error("nothing is sent again")
	}
	if header := <-got; header.Get("Webhook-Id") == "" {
		t.Error("the replay has no ID")
	}
	arrives(again)
	if rotated := al.post(at+"/rotate").want(a, 200).secret(t); rotated == secret {
		t.Error("the secret is the same")
	}
	since := a.clock.Now().UTC().Add(-time.Hour).Format("2006-01-02T15:04")
	al.get(at+"/replay?since=yesterday").want(a, 422, "Enter a date and a time")
	al.get(at+"/replay?since="+since).want(a, 200, "Tests do not count")
	a.exec("UPDATE webhook_deliveries SET type = 'connection.connected'")
	al.get(at+"/replay?since="+since).want(a, 200, "will be sent again")
	al.post(at+"/replay", "since", since).want(a, 303)

	bob.get("/developers/webhooks").want(a, 200, "There is no endpoint yet.")
	bob.get("/developers/deliveries").want(a, 200, "Nothing was sent yet.")
	bob.get(delivery).want(a, 404)
	bob.post(delivery+"/replay").want(a, 404)
	for _, page := range []string{"", "/rotate", "/replay", "/remove"} {
		bob.get(at+page).want(a, 404)
	}
	for _, form := range []string{"/rotate", "/test", "/resume", "/remove"} {
		bob.post(at+form).want(a, 404)
	}
	bob.post(at+"/replay", "since", since).want(a, 404)
	bob.post(at, "url", "https://evil.example.com/").want(a, 404)
	bob.get("/developers/deliveries?endpoint="+id).want(a, 200, "No delivery matches.")

	// Our staff see that it is there, and no more.
	ada := a.staff("Ada", accounts.Admin)
	ada.get("/staff/developers/webhooks").want(a, 200, "There is no endpoint yet.", "Northgate", receiver.URL)
	ada.get("/staff"+at).want(a, 404)
	ada.get("/staff"+delivery).want(a, 404)
	ada.post("/staff"+at+"/remove").want(a, 404)

	a.exec("UPDATE webhook_endpoints SET paused_at = ?, failing_since = ?", a.clock.Now().UTC(), a.clock.Now().UTC())
	al.get("/developers/webhooks").want(a, 200, "Sending is paused", "Paused")
	al.get(at).want(a, 200, "Resume")
	al.post(at+"/resume").want(a, 303)
	al.get(at).want(a, 200, "Works")
	al.post(at+"/remove").want(a, 303)
	al.get("/developers/webhooks").want(a, 200, "There is no endpoint yet.")
	al.get("/activity").want(a, 200, "Added a webhook endpoint", "Removed a webhook endpoint")
}
