// Command backend is the whole back end of a marketplace app. It never polls.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func main() {
	hook, err := standardwebhooks.NewWebhook(os.Getenv("WEBHOOK_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("GET /connect", func(w http.ResponseWriter, r *http.Request) {
		session := call("POST", os.Getenv("FIELDBRIDGE")+"/api/v1/connect-sessions", os.Getenv("FIELDBRIDGE_KEY"),
			`{"reference": "4711", "company_name": "Northgate Heating", "return_url": "`+os.Getenv("RETURN_URL")+`"}`)
		http.Redirect(w, r, session["url"].(string), http.StatusSeeOther)
	})
	http.HandleFunc("GET /connected", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "<!doctype html><title>Connected</title><link rel=icon href=data:,>Thank you")
	})
	http.HandleFunc("POST /webhooks", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is missing fails the verification
		var message map[string]any
		if hook.Verify(body, r.Header) != nil || json.Unmarshal(body, &message) != nil {
			http.Error(w, "this is not from Fieldbridge", http.StatusUnauthorized)
			return
		}
		data, _ := message["data"].(map[string]any)
		switch message["type"] {
		case "connection.connected":
			token := call("GET", fmt.Sprint(os.Getenv("FIELDBRIDGE"), "/api/v1/connections/", data["connection_id"], "/token"), os.Getenv("FIELDBRIDGE_KEY"), "")
			units := call("GET", fmt.Sprintf("%s/settings/v2/tenant/%.f/business-units", token["api_base_url"], token["tenant_id"]), token["access_token"].(string), "")
			fmt.Println("connected", data["reference"], "with business units:", len(units["data"].([]any)))
		case "connection.needs_reconnect":
			fmt.Println("withdrawn", data["reason"], data["next_step"])
		}
	})
	log.Fatal(http.ListenAndServe(os.Getenv("LISTEN"), nil))
}

// call sends a request with a bearer token, and returns the answer.
func call(method, address, bearer, body string) (answer map[string]any) {
	r, _ := http.NewRequest(method, address, strings.NewReader(body))
	r.Header = http.Header{"Authorization": {"Bearer " + bearer}, "Content-Type": {"application/json"}, "St-App-Key": {os.Getenv("APP_KEY")}}
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.StatusCode >= 300 {
		log.Panic(address, resp, err)
	}
	defer resp.Body.Close()
	_ = json.NewDecoder(resp.Body).Decode(&answer)
	return answer
}
