package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// A back end sees what was sent to its endpoints, and has it sent again.
func TestAPIDeliveries(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
		t.Cleanup(receiver.Close)
		endpoint, _, err := a.webhooks.AddEndpoint(t.Context(), accounts.CommandLine("root"), nil, webhook.NewEndpoint{URL: receiver.URL})
		if err != nil {
			t.Fatal(err)
		}
		path := amy.connect("sandbox", northgate)
		b, own, id := a.backEnd(nil), a.backEnd(amy), strings.TrimPrefix(path, "/connections/")
		list := b.ask("/deliveries?connection_id="+id).want(t, 200).json(t)["data"].([]any)
		if len(list) != 1 {
			t.Fatalf("%d deliveries", len(list))
		}
		first := list[0].(map[string]any)
		if first["type"] != "connection.connected" || first["subject_id"] != id || first["endpoint_id"] != endpoint.ID.String() {
			t.Errorf("got %v", first)
		}
		address := "/deliveries/" + first["id"].(string)
		if first["state"] == "pending" {
			b.tell(address+"/replay", nil).problem(t, 409)
		}
		whole := b.ask(address).want(t, 200).json(t)
		data := whole["message"].(map[string]any)["data"].(map[string]any)
		if data["connection_id"] != id || data["state"] != "connected" {
			t.Errorf("got %v", whole)
		}
		a.exec("UPDATE webhook_deliveries SET state = 'failed', ended_at = created_at")
		if again := b.tell(address+"/replay", nil).want(t, 201).json(t); again["webhook_id"] != first["webhook_id"] || again["id"] == first["id"] {
			t.Errorf("got %v", again)
		}
		if n := len(b.ask("/deliveries?state=pending&type=connection.connected&endpoint_id=" + endpoint.ID.String()).json(t)["data"].([]any)); n != 1 {
			t.Errorf("%d are pending", n)
		}
		// A company's key sees the endpoints of its company only.
		if n := len(own.ask("/deliveries").json(t)["data"].([]any)); n != 0 {
			t.Errorf("a company's key lists %d deliveries of the operator", n)
		}
		own.ask(address).problem(t, 404)
		own.tell(address+"/replay", nil).problem(t, 404)
		b.ask("/deliveries/"+uuid.NewString()).problem(t, 404)
		for query, want := range map[string]string{"type=x": "type", "state=x": "state", "endpoint_id=1": "endpoint_id", "after=x": "after", "limit=1": "limit"} {
			if got := b.ask("/deliveries?" + query).wrong(t); got != want {
				t.Errorf("%s: %q is named", query, got)
			}
		}
	})
}
