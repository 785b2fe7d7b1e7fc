package sandbox

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// requestsKept is how many requests are remembered. requestsShown is how many of them
// keep their parameters.
const (
	requestsKept  = 20_000
	requestsShown = 100
)

// Request is a request that the sandbox received.
type Request struct {
	Time   time.Time
	Method string
	// Path is the endpoint's path, one of the Path constants. For a request that reached
	// no endpoint, it is the part of the address that is safe to show.
	Path string
	// GrantType is the grant type of a token request, if RFC 6749 defines it.
	GrantType string
	// TenantID is the tenant that the request is about, if there is such a tenant.
	TenantID int64
	// About is a made-up name for the code, grant, or tenant's client of a token
	// request. It tells them apart without revealing them.
	About string
	// Status is 0 until the answer is made, and for ResetBefore and NoAnswer.
	Status int
	// Fault is the fault that fired, or empty.
	Fault FaultKind
	// Error is the OAuth error code of the answer, or empty.
	Error string
	// Ended is when the request was answered or given up. It is zero until then.
	Ended time.Time
	// Sent says that the answer was sent, and that it was not one that clients stop
	// reading.
	Sent bool
	// BeganAs and EndedAs number the beginnings and ends of all requests in their order,
	// because times may be equal. EndedAs is 0 until the end.
	BeganAs, EndedAs int
	// Parameters are the request's parameters in a form that is safe to show. Older
	// requests have none.
	Parameters []Parameter
}

// ledger records the requests.
type ledger struct {
	lines []*Request
	// moments counts the beginnings and ends of requests.
	moments int
	reached map[string]int
	fired   map[FaultKind]int
	actions map[Action]int
	// happened says when people have done something last.
	happened map[Happening]time.Time
}

func newLedger() ledger {
	return ledger{reached: map[string]int{}, fired: map[FaultKind]int{}, actions: map[Action]int{}, happened: map[Happening]time.Time{}}
}

// Requests returns the last requests, oldest first. It leaves out static files, the
// control page and API, and requests to another host.
func (s *Sandbox) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.ledger.last(requestsKept)
	requests := make([]Request, len(lines))
	for i, line := range lines {
		requests[i] = *line
	}
	return requests
}

func (l *ledger) last(n int) []*Request { return l.lines[max(0, len(l.lines)-n):] }

// Count returns how many requests have reached an endpoint, which is one of the Path
// constants. A request counts when it arrives.
func (s *Sandbox) Count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.reached[path]
}

// Fired returns how often faults of a kind have fired.
func (s *Sandbox) Fired(kind FaultKind) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.fired[kind]
}

// begin notes a request when it arrives.
func (s *Sandbox) begin(r *http.Request) *Request {
	endpoint := s.endpoint(r)
	line := &Request{Time: s.now(), Method: r.Method, Path: endpoint}
	if endpoint == "" {
		line.Path = s.knownPath(r.URL.Path)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.describe(line, endpoint, r)
	s.ledger.moments++
	line.BeganAs = s.ledger.moments
	if endpoint != "" {
		s.ledger.reached[endpoint]++
	}
	// The oldest are removed now and then, not each time.
	if len(s.ledger.lines) >= 2*requestsKept {
		s.ledger.lines = slices.Clone(s.ledger.last(requestsKept))
	}
	s.ledger.lines = append(s.ledger.lines, line)
	if older := len(s.ledger.lines) - 1 - requestsShown; older >= 0 {
		s.ledger.lines[older].Parameters = nil
	}
	return line
}

// knownPath returns the path of a request that reached no endpoint, in a form that is
// safe to show. A part that belongs to no route may be a secret.
func (s *Sandbox) knownPath(path string) string {
	if slices.Contains(s.paths, path) { // the route exists, but not with this method
		return path
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if slices.ContainsFunc(s.paths, func(known string) bool { return strings.HasPrefix(known, "/"+first+"/") }) {
		return "/" + first + "/" + unknown
	}
	return unknown
}

// describe notes what a request is about. The caller holds the mutex.
func (s *Sandbox) describe(line *Request, endpoint string, r *http.Request) {
	line.Parameters = s.parameters(endpoint, r)
	switch endpoint {
	case PathToken:
		switch grantType := r.PostForm.Get("grant_type"); grantType {
		case grantCode:
			line.GrantType, line.TenantID = grantType, s.grants.tenantOfCode(r.PostForm.Get("code"))
			line.About = nickname(r.PostForm.Get("code"))
		case grantRefresh:
			line.GrantType, line.TenantID = grantType, s.grants.tenantOfRefresh(r.PostForm.Get("refresh_token"))
			line.About = nickname(familyName(r.PostForm.Get("refresh_token")))
		case grantClient:
			line.GrantType, line.TenantID = grantType, s.app.clients[clientOf(r)]
			line.About = nickname(clientOf(r))
		}
	case PathRevocation:
		line.TenantID = s.grants.tenantOfRefresh(r.PostForm.Get("token"))
	case PathAuthorize:
		line.TenantID = s.all().known(r.PostForm.Get("tenant"))
	default:
		if isAPI(endpoint) {
			_, after, _ := strings.Cut(r.URL.Path, "/tenant/")
			id, _, _ := strings.Cut(after, "/")
			line.TenantID = s.all().known(id)
		}
	}
}

// nickname returns a name for something. The thing itself cannot be found out from the
// name.
func nickname(of string) string {
	if of == "" {
		return ""
	}
	h := hash(of)
	return hex.EncodeToString(h[:6])
}

// clientOf returns the client ID that a token request names.
func clientOf(r *http.Request) string {
	if user, _, ok := r.BasicAuth(); ok {
		if id, err := url.QueryUnescape(user); err == nil {
			return id
		}
	}
	return r.PostForm.Get("client_id")
}

// finish notes the answer and the fault that fired, before the client can see the
// answer.
func (s *Sandbox) finish(ctx context.Context, a *answer, line *Request, met metFault) {
	s.mu.Lock()
	line.Status, line.Error = a.status, a.oauthError
	if met.clock != nil {
		s.fire(line, ClockSkew, met.clock)
	}
	if met.Kind != "" {
		s.fire(line, met.Kind, met.plan)
	}
	done := *line
	s.mu.Unlock()
	s.options.Log.LogAttrs(ctx, slog.LevelDebug, "sandbox request",
		slog.String("method", done.Method), slog.String("path", done.Path), slog.String("grant_type", done.GrantType),
		slog.Int64("tenant", done.TenantID), slog.Int("status", done.Status),
		slog.String("fault", string(done.Fault)), slog.String("error", done.Error))
}

// fire counts a fault. A fault that was chosen on the consent page has no plan.
func (s *Sandbox) fire(line *Request, kind FaultKind, plan *Planned) {
	line.Fault = kind
	s.ledger.fired[kind]++
	if plan != nil {
		plan.Fired++
	}
}

// end notes that a request is over.
func (s *Sandbox) end(line *Request, sent bool) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger.moments++
	line.Ended, line.Sent, line.EndedAs = now, sent, s.ledger.moments
}

func (s *Sandbox) record(secrets ...string) {
	if s.options.OnSecret == nil {
		return
	}
	for _, secret := range secrets {
		s.options.OnSecret(secret)
	}
}

// outcome says how a request ended, for the front page.
func (q Request) outcome() string {
	words := "waiting"
	if q.Status != 0 {
		words = strconv.Itoa(q.Status)
	}
	if q.Fault == ResetBefore || q.Fault == NoAnswer {
		words = "no answer"
	}
	if q.Error != "" {
		words += ", " + q.Error
	}
	if q.Fault != "" {
		words += ", fault: " + strings.ToLower(q.Fault.words().name)
	}
	return words
}

// took returns how long a request took, including a delay of its answer. It is 0 while
// the request is under way.
func (q Request) took() time.Duration {
	if q.Ended.IsZero() {
		return 0
	}
	return q.Ended.Sub(q.Time)
}

// duration returns took for the pages.
func (q Request) duration() string {
	switch took := q.took(); {
	case q.Ended.IsZero():
		return ""
	case took >= time.Second:
		return strconv.FormatFloat(took.Seconds(), 'f', 1, 64) + " s"
	default:
		return strconv.FormatFloat(float64(took.Microseconds())/1000, 'f', 1, 64) + " ms"
	}
}
