package handlers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// An owner makes a key and sees it once, adds an endpoint, sends it a test, and reads
// how that went. Every page can be used by keyboard and with a screen reader.
func TestBrowserDevelopers(t *testing.T) {
	a := newApp(t)
	a.runWebhooks()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"received": true}`))
	}))
	defer receiver.Close()
	c := a.contractor(t)
	c.signUp("Northgate Heating & Plumbing")
	c.Click("Developers", "There is no API key yet.")
	c.inspect("developers-empty")
	c.Click("Create a key", "Create an API key")
	c.inspect("developers-new-key")
	c.Expect("422")
	c.Type("name", "https://example.com")
	c.Value(`(document.querySelector("details").open = true, "")`)
	c.Type("return_urls", "http://app.example.com/back")
	c.Click("Create the key", "Please check this")
	c.inspect("developers-key-problem")
	c.Type("name", "Booking sync")
	c.Type("return_urls", "https://app.example.com/back")
	c.Click("Create the key", "It is shown only this once.")
	key := c.Value(`document.getElementById("secret").value`)
	if !strings.HasPrefix(key, "fbk_") {
		t.Errorf("the key is %q", key)
	}
	c.inspect("developers-key-secret")
	c.Click("Done", "Booking sync")
	c.inspect("developers-key")
	if strings.Contains(c.Value("document.documentElement.outerHTML"), key) {
		t.Error("the key is shown again")
	}
	c.Click("Roll", "Roll this key?")
	c.inspect("developers-roll")
	c.Click("Roll the key", "This is the new secret.")
	c.Click("Done", "Two secrets")
	c.inspect("developers-key-rolled")
	c.Click("Revoke", "Revoke this key?")
	c.inspect("developers-revoke")
	c.Click("Keep it", "Two secrets")
	c.Click("API keys", "Booking sync")
	c.inspect("developers-keys")

	c.Click("Webhooks", "There is no endpoint yet.")
	c.inspect("developers-webhooks-empty")
	c.Click("Add an endpoint", "Which messages?")
	c.inspect("developers-new-endpoint")
	c.Type("url", receiver.URL+"/hooks")
	c.Type("description", "Staging")
	c.Click("Add the endpoint", "Signing secret")
	c.inspect("developers-endpoint-secret")
	c.Click("Done", "Send a test")
	c.inspect("developers-endpoint")
	c.Click("Send a test", "Attempts")
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(c.Value("document.body.innerText"), "answered 200"); c.Reload() {
		if time.Now().After(deadline) {
			t.Fatal("the test does not arrive")
		}
	}
	c.Value(`(document.querySelector("details").open = true, "")`)
	c.inspect("developers-delivery")
	c.Click("Deliveries", "Any state")
	c.inspect("developers-deliveries")
	c.Click("Webhooks", "Staging")
	a.exec("UPDATE webhook_endpoints SET paused_at = ?, failing_since = ?", a.clock.Now().UTC(), a.clock.Now().UTC())
	c.Reload()
	c.See("Sending is paused")
	c.inspect("developers-webhooks-paused")
	c.Click("See why", "Resume")
	c.inspect("developers-endpoint-paused")
	c.Click("Replace", "Replace the secret?")
	c.inspect("developers-rotate")
	c.Click("Keep it", "Send messages again")
	a.exec("UPDATE webhook_deliveries SET type = 'connection.connected'") // tests are not sent again
	c.Click("Choose", "Count them")
	c.inspect("developers-replay")
	c.Click("Count them", "will be sent again")
	c.inspect("developers-replay-count")
	c.Click("Back to the endpoint", "Remove this endpoint")
	c.Click("Remove", "Remove this endpoint?")
	c.inspect("developers-remove")
	c.Click("Remove", "The endpoint is removed.")

	ada := a.staffAt(t, "Ada", accounts.Admin)
	ada.Click("Developers", "Booking sync")
	ada.inspect("staff-developers")
	ada.Click("Create a key", "Company ID")
	ada.inspect("staff-developers-new-key")
	ada.Click("API keys", "Booking sync")
	ada.Click("Webhooks", "Endpoints of companies")
	ada.inspect("staff-developers-webhooks")
}

// runWebhooks sends what is queued until the test ends.
func (a *app) runWebhooks() {
	a.Helper()
	ctx, stop := context.WithCancel(a.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.webhooks.Run(ctx)
	}()
	a.Cleanup(func() {
		stop()
		<-ended
	})
}
