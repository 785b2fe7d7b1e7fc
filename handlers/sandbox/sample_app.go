package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	pathApp        = "/app"
	pathAppConnect = pathApp + "/connect"
	pathAppReturn  = pathApp + "/return"

	sampleAppName = "Acme Scheduling"
	// appWait is how long the sample app waits for Fieldbridge.
	appWait = 10 * time.Second
	// appReads is the most that it reads of an answer, in bytes.
	appReads = 1 << 20
)

// SampleApp is what the sample marketplace app knows about Fieldbridge.
type SampleApp struct {
	// Fieldbridge is the address of the API, and Key is the app's key there.
	Fieldbridge, Key string
	// WebhookSecret verifies the messages that it gets.
	WebhookSecret string
	// Customers are the companies that use the app.
	Customers []SampleCustomer
}

// SampleCustomer is a company that uses the sample app.
type SampleCustomer struct {
	// Reference is the app's own ID of the company.
	Reference, Name string
	TenantID        int64
}

// SampleAppReturn returns where people come back to the sample app of a sandbox.
func SampleAppReturn(box *url.URL) string { return box.JoinPath(pathAppReturn).String() }

// SampleAppWebhooks returns where the sample app of a sandbox gets webhooks.
func SampleAppWebhooks(box *url.URL) string { return box.JoinPath(pathWebhooks).String() }

// SetSampleApp gives the sample app what it knows about Fieldbridge.
func (s *Sandbox) SetSampleApp(app SampleApp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sample = app
}

func (s *Sandbox) sampleApp() SampleApp {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sample
}

// handleSampleApp registers the sample app, if there is one.
func (s *Sandbox) handleSampleApp() {
	if !s.options.SampleApp {
		return
	}
	s.handle("GET "+pathApp, s.appPage)
	s.handle("POST "+pathAppConnect, s.appConnect)
	s.handle("GET "+pathAppReturn, s.appReturn)
	s.handle("GET "+pathWebhooks, s.webhookList)
	s.handle("POST "+pathWebhooks, s.receive)
	s.handle("POST "+pathWebhookAnswer, s.chooseAnswer)
}

// appConnection and appSession have the fields of the API's answers that the app shows.
type (
	appConnection struct {
		ID          string `json:"id"`
		TenantID    int64  `json:"tenant_id"`
		TenantName  string `json:"tenant_name"`
		Environment string `json:"environment"`
		State       string `json:"state"`
	}
	appSession struct {
		ID           string `json:"id"`
		URL          string `json:"url"`
		Status       string `json:"status"`
		NextStep     string `json:"next_step"`
		Reference    string `json:"reference"`
		ConnectionID string `json:"connection_id"`
	}
)

// ask sends a request to Fieldbridge, and reads the answer. With a body, it is a POST.
func (app SampleApp) ask(ctx context.Context, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, appWait)
	defer cancel()
	method, sent := http.MethodGet, []byte(nil)
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return fmt.Errorf("ask Fieldbridge: %w", err)
		}
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, app.Fieldbridge+"/api/v1"+path, bytes.NewReader(sent)) // #nosec G704 -- the demo itself gives the address
	if err != nil {
		return fmt.Errorf("ask Fieldbridge: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+app.Key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req) // #nosec G704 -- the demo itself gives the address
	if err != nil {
		return fmt.Errorf("ask Fieldbridge: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(io.LimitReader(resp.Body, appReads))
	if err != nil {
		return fmt.Errorf("read Fieldbridge's answer: %w", err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		var problem struct{ Title, Detail string }
		_ = json.Unmarshal(got, &problem) // without a title, the status has to do
		return errors.New(problem.Title + " (" + strconv.Itoa(resp.StatusCode) + "). " + problem.Detail)
	}
	return json.Unmarshal(got, into)
}

// connections returns the connections of a customer.
func (app SampleApp) connections(ctx context.Context, reference string) ([]appConnection, error) {
	var page struct {
		Data []appConnection `json:"data"`
	}
	err := app.ask(ctx, "/connections?reference="+url.QueryEscape(reference), nil, &page)
	return page.Data, err
}

// businessUnits reads the names of a tenant's business units, through Fieldbridge.
func (app SampleApp) businessUnits(ctx context.Context, c appConnection) ([]string, error) {
	var page struct {
		Data []struct{ Name string } `json:"data"`
	}
	err := app.ask(ctx, fmt.Sprintf("/connections/%s/servicetitan/settings/v2/tenant/%d/business-units", url.PathEscape(c.ID), c.TenantID), nil, &page)
	names := make([]string, len(page.Data))
	for i, unit := range page.Data {
		names[i] = unit.Name
	}
	return names, err
}

// appView is the page of the app.
type appView struct {
	formToken, problem string
	customers          []appCustomer
	// last is the newest message; nil if there is none.
	last *message
}

// appCustomer is a customer with its connections.
type appCustomer struct {
	SampleCustomer
	connections []appConnection
}

// waits says whether the customer has to connect, and for which connection. That is
// empty for a new one.
func (c appCustomer) waits() (connectionID string, waits bool) {
	for _, known := range c.connections {
		switch known.State {
		case "connected", "degraded":
			return "", false
		case "reconnect_needed", "disconnected":
			connectionID = known.ID
		}
	}
	return connectionID, true
}

func (s *Sandbox) appPage(a *answer, r *http.Request) { s.showApp(a, r, http.StatusOK, nil) }

func (s *Sandbox) showApp(a *answer, r *http.Request, status int, problem error) {
	app, view := s.sampleApp(), appView{formToken: s.formToken}
	for _, customer := range app.Customers {
		connections, err := app.connections(r.Context(), customer.Reference)
		if problem == nil {
			problem = err
		}
		view.customers = append(view.customers, appCustomer{customer, connections})
	}
	if problem != nil {
		view.problem = problem.Error()
	}
	if messages, _ := s.received(); len(messages) > 0 {
		view.last = &messages[0]
	}
	a.page(r.Context(), status, s.sampleAppPage(view))
}

// appConnect opens a connect session for a customer, and sends the browser there.
func (s *Sandbox) appConnect(a *answer, r *http.Request) {
	if !same(r.PostForm.Get("token"), s.formToken) {
		http.Error(a, "the form is too old; load the page again", http.StatusForbidden)
		return
	}
	app, box := s.sampleApp(), mustParse(s.options.URL)
	for _, customer := range app.Customers {
		if customer.Reference != r.PostForm.Get("reference") {
			continue
		}
		asked := map[string]any{
			"reference": customer.Reference, "company_name": customer.Name, "return_url": SampleAppReturn(box),
			"environment": "sandbox", "tenant_id": customer.TenantID, "ways": []string{"sign_in"},
		}
		if id := r.PostForm.Get("connection"); id != "" {
			asked = map[string]any{"connection_id": id, "return_url": SampleAppReturn(box)}
		}
		var session appSession
		if err := app.ask(r.Context(), "/connect-sessions", asked, &session); err != nil {
			s.showApp(a, r, http.StatusBadGateway, err)
			return
		}
		a.seeOther(session.URL)
		return
	}
	s.showApp(a, r, http.StatusNotFound, errors.New("there is no such customer"))
}

// returnView is the page to which people come back.
type returnView struct {
	// said is the status in the address. Anybody can write one there, so the app asks
	// Fieldbridge.
	said, problem string
	session       appSession
	connection    appConnection
	units         []string
}

func (s *Sandbox) appReturn(a *answer, r *http.Request) {
	app, view := s.sampleApp(), returnView{said: r.URL.Query().Get("status")}
	err := app.ask(r.Context(), "/connect-sessions/"+url.PathEscape(r.URL.Query().Get("session")), nil, &view.session)
	if err == nil && view.session.ConnectionID != "" {
		err = app.ask(r.Context(), "/connections/"+url.PathEscape(view.session.ConnectionID), nil, &view.connection)
	}
	if err == nil && view.connection.State == "connected" {
		view.units, err = app.businessUnits(r.Context(), view.connection)
	}
	if err != nil {
		view.problem = err.Error()
	}
	a.page(r.Context(), http.StatusOK, s.sampleReturnPage(view))
}
