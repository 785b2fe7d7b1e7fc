package sandbox

import (
	"encoding/json"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// FaultKind names a fault.
type FaultKind string

// Faults that come instead of the answer; no work is done. The first three are
// about the API unless the fault says otherwise.
const (
	Status401 FaultKind = "status_401"
	Status403 FaultKind = "status_403"
	Status404 FaultKind = "status_404"
	Status429 FaultKind = "status_429" // with Retry-After, and the wait in the title
	Status500 FaultKind = "status_500"
	Status503 FaultKind = "status_503" // with Retry-After
	// Garbage is a 200 with a web page where JSON should be.
	Garbage FaultKind = "garbage"
	// CustomToken is Fault's Status, ContentType and Body, as they are.
	CustomToken FaultKind = "custom_token"
	// ResetBefore drops the connection.
	ResetBefore FaultKind = "reset_before"
)

// Faults that let the work be done and then spoil the answer. The last two are
// about what the browser brings back from the authorization endpoint.
const (
	// ResetAfter drops the connection, so that the answer is lost.
	ResetAfter FaultKind = "reset_after"
	// Hold keeps the answer back until Release.
	Hold FaultKind = "hold"
	// MissingExpiresIn takes expires_in out of a token response.
	MissingExpiresIn FaultKind = "missing_expires_in"
	// WrongIssuer names another issuer (RFC 9207).
	WrongIssuer FaultKind = "wrong_issuer"
	// NoIssuer names none, although the metadata announces it.
	NoIssuer FaultKind = "no_issuer"
)

// Fault is a planned fault.
type Fault struct {
	Kind FaultKind
	// Path is the endpoint, one of the Path constants. Empty means the one that
	// the kind is about, which mostly is PathToken.
	Path string
	// TenantID limits the fault to requests that concern a tenant; 0 means all.
	TenantID int64
	// Times is how many requests it meets; 0 means until ClearFaults. One whose
	// answer has nothing to spoil is met too, but does not count as fired.
	Times int
	// RetryAfter goes with Status429 and Status503, in whole seconds, at least
	// one.
	RetryAfter time.Duration
	// Status, ContentType and Body are the answer of a CustomToken.
	Status            int
	ContentType, Body string

	released <-chan struct{}
}

// status is the error status that a kind answers with, or 0.
func (k FaultKind) status() int {
	switch k {
	case Status401:
		return http.StatusUnauthorized
	case Status403:
		return http.StatusForbidden
	case Status404:
		return http.StatusNotFound
	case Status429:
		return http.StatusTooManyRequests
	case Status500:
		return http.StatusInternalServerError
	case Status503:
		return http.StatusServiceUnavailable
	}
	return 0
}

// path is the endpoint that a kind is about.
func (k FaultKind) path() string {
	switch k {
	case Status401, Status403, Status404:
		return PathBusinessUnits
	case WrongIssuer, NoIssuer:
		return PathAuthorize
	}
	return PathToken
}

func (k FaultKind) aboutIssuer() bool { return k == WrongIssuer || k == NoIssuer }

// replaces says that the fault comes instead of the work.
func (f Fault) replaces() bool {
	return f.Kind == Garbage || f.Kind == CustomToken || f.Kind.status() != 0
}

// replace makes the answer.
func (f Fault) replace(a *answer) {
	wait := max(1, int(math.Ceil(f.RetryAfter.Seconds())))
	switch f.Kind {
	case Garbage:
		f = Fault{Status: http.StatusOK, ContentType: "text/html", Body: "<html><body>Please stand by</body></html>"}
	case CustomToken:
	case Status429:
		a.header.Set("Retry-After", strconv.Itoa(wait))
		a.problem(http.StatusTooManyRequests, "Rate limit is exceeded, try again in "+strconv.Itoa(wait)+" seconds", nil)
		return
	case Status503:
		a.header.Set("Retry-After", strconv.Itoa(wait))
		fallthrough
	default:
		a.problem(f.Kind.status(), http.StatusText(f.Kind.status()), nil)
		return
	}
	a.header.Set("Content-Type", f.ContentType)
	a.WriteHeader(f.Status)
	_, _ = a.Write([]byte(f.Body)) // a buffer takes everything
}

// spoil changes the answer after the work, and reports whether there was
// something to spoil: a refusal has no expires_in to take out.
func (f Fault) spoil(a *answer) bool {
	switch f.Kind {
	case ResetAfter, Hold:
		return true
	case MissingExpiresIn:
		var tokens map[string]json.RawMessage
		if a.status != http.StatusOK || json.Unmarshal(a.body.Bytes(), &tokens) != nil {
			return false
		}
		delete(tokens, "expires_in")
		a.body.Reset()
		a.json(http.StatusOK, tokens)
		return true
	case WrongIssuer, NoIssuer:
		u, err := url.Parse(a.header.Get("Location"))
		if err != nil || !u.Query().Has("iss") {
			return false
		}
		q := u.Query()
		q.Del("iss")
		if f.Kind == WrongIssuer {
			q.Set("iss", "https://issuer.example")
		}
		u.RawQuery = q.Encode()
		a.header.Set("Location", u.String())
		return true
	}
	return false
}

// reset drops the connection with a TCP reset where the connection has one.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the server drops the connection for us
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// faults are those planned, in the order in which they were set.
type faults struct {
	planned  []*Fault
	released chan struct{}
}

func (f *faults) clear() {
	f.release()
	f.planned = nil
}

// release lets held answers go, and plans no more to be held.
func (f *faults) release() {
	if f.released != nil {
		close(f.released)
	}
	f.released = make(chan struct{})
	f.planned = slices.DeleteFunc(f.planned, func(p *Fault) bool { return p.Kind == Hold })
}

// SetFault plans a fault. A request meets at most one: the first set of those
// that fit it. It panics if the fault names no endpoint of ours, since it
// could never fire.
func (s *Sandbox) SetFault(f Fault) {
	if f.Path == "" {
		f.Path = f.Kind.path()
	}
	if !slices.Contains([]string{PathDiscovery, PathAuthorize, PathToken, PathRevocation, PathBusinessUnits}, f.Path) {
		panic("sandbox: no endpoint " + f.Path)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.planned = append(s.faults.planned, &f)
}

// ClearFaults takes all planned faults back and releases what is held.
func (s *Sandbox) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.clear()
}

// Held yields a value for each request that a Hold fault keeps waiting, when
// its work is done.
func (s *Sandbox) Held() <-chan struct{} { return s.held }

// Release sends the answers that are held, and takes the Hold faults back.
func (s *Sandbox) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.release()
}

// takeFault returns the fault that a request meets, or none: the zero Fault.
func (s *Sandbox) takeFault(method string, line *Request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults.planned {
		fits := f.Path == line.Path && (f.TenantID == 0 || f.TenantID == line.TenantID) &&
			(!f.Kind.aboutIssuer() || method == http.MethodPost)
		if !fits {
			continue
		}
		met := *f
		met.released = s.faults.released
		if f.Times--; f.Times == 0 {
			s.faults.planned = slices.Delete(s.faults.planned, i, i+1)
		}
		return met
	}
	return Fault{}
}
