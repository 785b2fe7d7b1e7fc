package sandbox_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// fieldbridge plays the API that the sample app uses. It notes what is asked.
type fieldbridge struct {
	answers map[string]string
	asked   []string
}

func (f *fieldbridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.asked = append(f.asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
	if r.Header.Get("Authorization") != "Bearer fbk_sample" {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"title":"No valid API key","detail":"Send one."}`)
		return
	}
	answer, ok := f.answers[r.Method+" "+r.URL.RequestURI()]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		answer = `{"title":"Not found"}`
	}
	_, _ = io.WriteString(w, answer)
}

// The sample app lists its customers' connections, sends a browser to connect, and shows
// what comes back. What the address says counts only if the API says so too.
func TestSampleApp(t *testing.T) {
	t.Parallel()
	s := start(t, withSampleApp)
	f := &fieldbridge{answers: map[string]string{
		"GET /api/v1/connections?reference=acme-101":                                   `{"data":[]}`,
		"GET /api/v1/connections?reference=acme-102":                                   `{"data":[{"id":"c-2","tenant_id":7,"tenant_name":"Copper","state":"connected"}]}`,
		"GET /api/v1/connections?reference=acme-103":                                   `{"data":[{"id":"c-3","tenant_id":8,"tenant_name":"Tin","state":"reconnect_needed"}]}`,
		"POST /api/v1/connect-sessions":                                                `{"id":"s-1","url":"http://localhost:8080/c/secret"}`,
		"GET /api/v1/connect-sessions/s-1":                                             `{"id":"s-1","status":"connected","reference":"acme-101","connection_id":"c-1","next_step":"Nothing."}`,
		"GET /api/v1/connect-sessions/s-2":                                             `{"id":"s-2","status":"open","reference":"acme-101","connection_id":null,"next_step":"Wait."}`,
		"GET /api/v1/connections/c-1":                                                  `{"id":"c-1","tenant_id":9,"tenant_name":"Bright","state":"connected"}`,
		"GET /api/v1/connections/c-1/servicetitan/settings/v2/tenant/9/business-units": `{"data":[{"name":"Drains"}]}`,
	}}
	api := httptest.NewServer(f)
	t.Cleanup(api.Close)
	app := sandbox.SampleApp{Fieldbridge: api.URL, Key: "fbk_sample"}
	for i, name := range []string{"Bright Sky", "Copper Basin", "Tin Cup"} {
		app.Customers = append(app.Customers, sandbox.SampleCustomer{Reference: fmt.Sprintf("acme-10%d", i+1), Name: name, TenantID: 9})
	}
	s.SetSampleApp(app)
	wantWords(t, s.get("/").body, `<a href="/app">Acme Scheduling</a>`)
	page := s.get("/app").body
	wantWords(t, page, "Bright Sky", "Copper", "connected", "None yet.", `value="c-3"`)
	if strings.Count(page, "Connect ServiceTitan</button>") != 2 {
		t.Error("a customer who is connected is offered to connect, or another one is not")
	}

	_, fields := s.form(page)
	fields.Set("reference", "acme-101")
	fields.Set("connection", "")
	if got := s.post("/app/connect", fields); got.status != 303 || got.header.Get("Location") != "http://localhost:8080/c/secret" {
		t.Errorf("connecting leads to %d %s", got.status, got.header.Get("Location"))
	}
	want := `POST /api/v1/connect-sessions {"company_name":"Bright Sky","environment":"sandbox","reference":"acme-101","return_url":"` + s.url + `/app/return","tenant_id":9,"ways":["sign_in"]}`
	if !slices.Contains(f.asked, want) {
		t.Errorf("asked %q, want %s", f.asked, want)
	}
	fields.Set("reference", "acme-103")
	fields.Set("connection", "c-3")
	s.post("/app/connect", fields)
	if want := `POST /api/v1/connect-sessions {"connection_id":"c-3","return_url":"` + s.url + `/app/return"}`; !slices.Contains(f.asked, want) {
		t.Errorf("asked %q, want %s", f.asked, want)
	}
	fields.Set("reference", "somebody else's")
	if got := s.post("/app/connect", fields); got.status != 404 {
		t.Errorf("a customer that does not exist: %d", got.status)
	}
	fields.Set("token", "guessed")
	if got := s.post("/app/connect", fields); got.status != 403 {
		t.Errorf("a form of another page: %d", got.status)
	}

	wantWords(t, s.get("/app/return?session=s-1&status=connected").body, "acme-101", "c-1", "Bright", "Drains")
	lie := s.get("/app/return?session=s-2&status=connected").body
	wantWords(t, lie, "Wait.", "<code>open</code>")
	if strings.Contains(lie, "Drains") {
		t.Error("the page believes the address")
	}
	wantWords(t, s.get("/app/return?session=..%2Fx&status=connected").body, "Not found (404)")
	app.Key = "fbk_old"
	s.SetSampleApp(app)
	wantWords(t, s.get("/app").body, "No valid API key (401). Send one.")
}
