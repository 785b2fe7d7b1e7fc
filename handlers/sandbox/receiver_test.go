package sandbox_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

func withSampleApp(o *sandbox.Options) { o.SampleApp = true }

// webhookSecret is the secret of the sample app's endpoint.
var webhookSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("a secret of thirty-two characters"))

// webhook sends a message that is signed with a secret, and returns the status.
func (s *stand) webhook(secret, id, body string) int {
	s.Helper()
	hook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		s.Fatal(err)
	}
	now := time.Now() // the specification's library knows no other clock
	signature, err := hook.Sign(id, now, []byte(body))
	if err != nil {
		s.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.url+"/webhooks", strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(standardwebhooks.HeaderWebhookID, id)
	r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, fmt.Sprint(now.Unix()))
	r.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return s.send(r).status
}

// The receiver shows each message, and whether it is genuine. It answers as somebody
// chose, and a reset empties it.
func TestWebhookReceiver(t *testing.T) {
	t.Parallel()
	s := start(t, withSampleApp)
	if status := s.webhook(webhookSecret, "msg_0", "{}"); status != 401 {
		t.Errorf("without a secret to verify with: %d", status)
	}
	s.SetSampleApp(sandbox.SampleApp{WebhookSecret: webhookSecret})
	if status := s.webhook(webhookSecret, "msg_1", `{"type":"connection.connected","data":{"reason":"<b>"}}`); status != 204 {
		t.Errorf("a genuine message: %d", status)
	}
	page := s.get("/webhooks").body
	wantWords(t, page, "connection.connected", "Verified", "msg_1", "answered 204", "&lt;b&gt;", "Not verified")
	if strings.Contains(page, "Sent again") {
		t.Error("a first message counts as sent again")
	}
	if status := s.webhook(webhookSecret, "msg_1", "{}"); status != 204 {
		t.Errorf("a message that is sent again: %d", status)
	}
	wantWords(t, s.get("/webhooks").body, "Sent again")
	other := "whsec_" + base64.StdEncoding.EncodeToString([]byte("another secret"))
	if status := s.webhook(other, "msg_2", "{}"); status != 401 {
		t.Errorf("a forged message: %d", status)
	}
	wantWords(t, s.get("/webhooks").body, "no matching signature found")

	_, fields := s.form(s.get("/webhooks").body)
	for answer, want := range map[string]int{"fails": 500, "gone": 410, "takes": 204, "made up": 204} {
		fields.Set("answer", answer)
		if got := s.post("/webhooks/answer", fields); got.status != 303 {
			t.Errorf("choosing %s: %d", answer, got.status)
		}
		if status := s.webhook(webhookSecret, "msg_"+answer, "{}"); answer != "made up" && status != want {
			t.Errorf("%s: %d, want %d", answer, status, want)
		}
	}
	if got := s.post("/webhooks/answer", url.Values{"answer": {"gone"}}); got.status != 403 {
		t.Errorf("a form of another page: %d", got.status)
	}
	for i := range 101 {
		s.webhook(webhookSecret, fmt.Sprintf("msg_many_%d", i), "{}")
	}
	page = s.get("/webhooks").body
	if strings.Contains(page, "msg_many_0<") || !strings.Contains(page, "msg_many_100<") || strings.Index(page, "msg_many_100<") > strings.Index(page, "msg_many_99<") {
		t.Error("the page does not have the last 100, newest first")
	}
	if live := s.get("/webhooks?live=1"); live.header.Get("Refresh") != "3" {
		t.Error("the list is not kept current")
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests are noted", n)
	}
	s.Reset()
	wantWords(t, s.get("/webhooks").body, "No message yet")
}

// Without the sample app, there is no receiver.
func TestNoSampleApp(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/app", "/app/return", "/webhooks"} {
		if got := s.get(path); got.status != 404 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}
