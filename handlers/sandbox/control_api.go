package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"
)

// handleControl registers the control API, with which tests of other programs control
// the sandbox.
func (s *Sandbox) handleControl() {
	s.control("GET", "faults", s.controlFaults)
	s.control("POST", "faults", s.controlPlan)
	s.control("DELETE", "faults", func(a *answer, _ *http.Request) {
		s.ClearFaults()
		a.WriteHeader(http.StatusNoContent)
	})
	s.control("DELETE", "faults/{id}", s.controlClear)
	s.control("POST", "outage", s.controlOutage)
	s.control("DELETE", "outage", func(a *answer, _ *http.Request) {
		s.BringBack()
		a.WriteHeader(http.StatusNoContent)
	})
	s.control("GET", "requests", s.controlRequests)
	s.control("GET", "settings", func(a *answer, _ *http.Request) { a.json(http.StatusOK, settingsBody(s.Settings())) })
	s.control("POST", "settings", s.controlSet)
	s.control("POST", "reset", func(a *answer, r *http.Request) {
		if s.beginAgain(a, r) {
			a.WriteHeader(http.StatusNoContent)
		}
	})
	s.control("POST", "tenants", s.controlTenants)
	s.control("POST", "tenants/{tenant}/{action}", s.controlAction)
}

// control registers a handler of the control API. The API is for programs. A request
// from a web page of another site is refused, even if that site is on this machine. The
// content type adds to that: a page cannot send JSON to another site without a
// preflight request.
func (s *Sandbox) control(method, path string, h func(*answer, *http.Request)) {
	s.handle(method+" "+pathControl+path, func(a *answer, r *http.Request) {
		site := r.Header.Get("Sec-Fetch-Site")
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		switch {
		case r.Header.Get("Origin") != "" || (site != "" && site != "none" && site != "same-origin"):
			a.refuseControl(http.StatusForbidden, "the control API is not for web pages")
		case method == http.MethodPost && kind != "application/json":
			a.refuseControl(http.StatusUnsupportedMediaType, "send Content-Type: application/json")
		default:
			h(a, r)
		}
	})
}

func (a *answer) refuseControl(status int, words string) {
	a.json(status, map[string]string{"error": words})
}

// readControl reads a body, which may be empty. It refuses unknown names, because they
// are mistakes.
func readControl(a *answer, r *http.Request, into any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.More() {
		err = errors.New("there is more than one object")
	}
	if err == nil || errors.Is(err, io.EOF) {
		return true
	}
	status := http.StatusBadRequest
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		status = http.StatusRequestEntityTooLarge
	}
	a.refuseControl(status, "the body cannot be read: "+err.Error())
	return false
}

// faultBody is a fault in the control API. Times are in seconds.
type faultBody struct {
	Kind        FaultKind `json:"kind"`
	Path        string    `json:"path,omitempty"`
	Tenant      int64     `json:"tenant,omitempty"`
	Percent     int       `json:"percent,omitempty"`
	Times       int       `json:"times,omitempty"`
	RetryAfter  float64   `json:"retry_after,omitempty"`
	Delay       float64   `json:"delay,omitempty"`
	Skew        float64   `json:"skew,omitempty"`
	Status      int       `json:"status,omitempty"`
	ContentType string    `json:"content_type,omitempty"`
	Body        string    `json:"body,omitempty"`
}

// plannedBody is a fault that is switched on.
type plannedBody struct {
	ID int `json:"id"`
	faultBody
	Outage bool `json:"outage,omitempty"`
	Met    int  `json:"met"`
	Fired  int  `json:"fired"`
}

// seconds converts a number to a duration, and keeps it in range because a float may be
// anything.
func seconds(n float64) time.Duration {
	const most = 1e6
	return time.Duration(min(max(n, -most), most) * float64(time.Second))
}

func (b faultBody) fault() Fault {
	return Fault{
		Kind: b.Kind, Path: b.Path, TenantID: b.Tenant, Percent: b.Percent, Times: b.Times,
		RetryAfter: seconds(b.RetryAfter), Delay: seconds(b.Delay), Skew: seconds(b.Skew), Status: b.Status, ContentType: b.ContentType, Body: b.Body,
	}
}

func (p Planned) body() plannedBody {
	return plannedBody{ID: p.ID, Outage: p.Outage, Met: p.Met, Fired: p.Fired, faultBody: faultBody{
		Kind: p.Kind, Path: p.Path, Tenant: p.TenantID, Percent: p.Percent, Times: p.Times,
		RetryAfter: p.RetryAfter.Seconds(), Delay: p.Delay.Seconds(), Skew: p.Skew.Seconds(), Status: p.Status, ContentType: p.ContentType, Body: p.Body,
	}}
}

func (s *Sandbox) controlFaults(a *answer, _ *http.Request) {
	out := struct {
		Faults []plannedBody     `json:"faults"`
		Fired  map[FaultKind]int `json:"fired"`
	}{[]plannedBody{}, map[FaultKind]int{}}
	for _, p := range s.Faults() {
		out.Faults = append(out.Faults, p.body())
	}
	for _, kind := range FaultKinds() {
		out.Fired[kind] = s.Fired(kind)
	}
	a.json(http.StatusOK, out)
}

func (s *Sandbox) controlPlan(a *answer, r *http.Request) {
	var b faultBody
	if !readControl(a, r, &b) {
		return
	}
	planned, err := s.PlanFault(b.fault())
	if err != nil {
		a.refuseControl(http.StatusUnprocessableEntity, err.Error())
		return
	}
	a.json(http.StatusCreated, planned.body())
}

// controlOutage takes the environment down. Without a body, everything answers 503.
func (s *Sandbox) controlOutage(a *answer, r *http.Request) {
	b := struct {
		Kind    FaultKind `json:"kind"`
		Path    string    `json:"path"`
		Percent int       `json:"percent"`
	}{Kind: Status503}
	if !readControl(a, r, &b) {
		return
	}
	planned, err := s.TakeDown(Fault{Kind: b.Kind, Path: b.Path, Percent: b.Percent})
	if err != nil {
		a.refuseControl(http.StatusUnprocessableEntity, err.Error())
		return
	}
	a.json(http.StatusCreated, planned.body())
}

func (s *Sandbox) controlClear(a *answer, r *http.Request) {
	id, _ := strconv.Atoi(r.PathValue("id")) // 0 is no fault
	if !s.ClearFault(id) {
		a.refuseControl(http.StatusNotFound, "there is no such fault, or it has come as often as it should")
		return
	}
	a.WriteHeader(http.StatusNoContent)
}

// requestBody is a request in the control API.
type requestBody struct {
	Time       time.Time   `json:"time"`
	Method     string      `json:"method"`
	Path       string      `json:"path"`
	Parameters []Parameter `json:"parameters"`
	Tenant     int64       `json:"tenant,omitempty"`
	Status     int         `json:"status"`
	Error      string      `json:"error,omitempty"`
	Fault      FaultKind   `json:"fault,omitempty"`
	Millis     float64     `json:"took_ms"`
}

func (s *Sandbox) controlRequests(a *answer, _ *http.Request) {
	out := struct {
		Requests []requestBody  `json:"requests"`
		Counts   map[string]int `json:"counts"`
	}{[]requestBody{}, map[string]int{}}
	for _, q := range s.newest(requestsShown) {
		b := requestBody{
			Time: q.Time.UTC(), Method: q.Method, Path: q.Path, Parameters: q.Parameters, Tenant: q.TenantID,
			Status: q.Status, Error: q.Error, Fault: q.Fault, Millis: float64(q.took().Microseconds()) / 1000,
		}
		if b.Parameters == nil {
			b.Parameters = []Parameter{}
		}
		out.Requests = append(out.Requests, b)
	}
	for _, path := range endpoints() {
		out.Counts[path] = s.Count(path)
	}
	a.json(http.StatusOK, out)
}

// settingsJSON holds the settings in the control API. Times are in seconds.
type settingsJSON struct {
	AccessTokenLife float64 `json:"access_token_life"`
	RefreshGrace    float64 `json:"refresh_grace"`
	GraceUntilUsed  bool    `json:"grace_until_used"`
	Rotation        bool    `json:"rotation"`
}

func settingsBody(now Settings) settingsJSON {
	return settingsJSON{now.AccessTokenLife.Seconds(), now.RefreshGrace.Seconds(), now.GraceUntilUsed, !now.KeepRefreshTokens}
}

// controlSet changes the settings that the body names, and answers with all settings.
func (s *Sandbox) controlSet(a *answer, r *http.Request) {
	b := settingsBody(s.Settings())
	if !readControl(a, r, &b) {
		return
	}
	to := Settings{AccessTokenLife: seconds(b.AccessTokenLife), RefreshGrace: seconds(b.RefreshGrace), GraceUntilUsed: b.GraceUntilUsed, KeepRefreshTokens: !b.Rotation}
	if err := s.Set(to); err != nil {
		a.refuseControl(http.StatusUnprocessableEntity, err.Error())
		return
	}
	a.json(http.StatusOK, settingsBody(to))
}

// controlTenants makes as many tenants as the body asks for, and answers with them.
func (s *Sandbox) controlTenants(a *answer, r *http.Request) {
	b := struct {
		Count int `json:"count"`
	}{}
	if !readControl(a, r, &b) {
		return
	}
	made, err := s.MakeTenants(b.Count)
	if err != nil {
		a.refuseControl(http.StatusUnprocessableEntity, err.Error())
		return
	}
	type tenantJSON struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	}
	list := make([]tenantJSON, len(made))
	for i, t := range made {
		list[i] = tenantJSON{t.ID, t.Name}
	}
	a.json(http.StatusCreated, map[string]any{"tenants": list})
}

// controlAction performs an action on a tenant, or on "all". Besides the control page's
// actions, it knows a few that prepare a test.
func (s *Sandbox) controlAction(a *answer, r *http.Request) {
	var tenantID int64
	if id := r.PathValue("tenant"); id != "all" {
		if tenantID = s.all().known(id); tenantID == 0 {
			a.refuseControl(http.StatusNotFound, ErrNoTenant.Error())
			return
		}
	}
	b := struct {
		Scope string `json:"scope"`
	}{Scope: s.spareScope()}
	if !readControl(a, r, &b) {
		return
	}
	out := struct {
		Count        int    `json:"count"`
		ClientID     string `json:"client_id,omitempty"`
		ClientSecret string `json:"client_secret,omitempty"`
		RefreshToken string `json:"refresh_token,omitempty"`
	}{Count: 1}
	var err error
	switch action := r.PathValue("action"); action {
	case "grant", "allow":
		if tenantID == 0 {
			err = errors.New("this is done to one tenant")
			break
		}
		switch action {
		case "grant":
			out.RefreshToken = s.NewGrant(tenantID)
		case "allow":
			if err = s.AddTenant(tenantID); err == nil {
				err = s.Allow(tenantID)
			}
		}
	default:
		var done Done
		done, err = s.do(Action(action), tenantID, b.Scope)
		out.Count, out.ClientID, out.ClientSecret = done.Count, done.ClientID, done.ClientSecret
	}
	if err != nil {
		a.refuseControl(http.StatusUnprocessableEntity, err.Error())
		return
	}
	a.json(http.StatusOK, out)
}
