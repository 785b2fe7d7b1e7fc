package sandbox

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fieldbridge/fieldbridge/static"
)

// Endpoints, as Count, Request and Fault name them.
const (
	PathDiscovery     = "/.well-known/openid-configuration"
	PathAuthorize     = "/connect/authorize"
	PathToken         = "/connect/token"
	PathRevocation    = "/connect/revocation"
	PathBusinessUnits = "/settings/v2/tenant/{tenant}/business-units"

	// pathServerMetadata has the same content as PathDiscovery (RFC 8414,
	// section 3).
	pathServerMetadata = "/.well-known/oauth-authorization-server"
	pathSignIn         = "/signin"
	pathHome           = "/"
	pathRequests       = "/requests"
	pathReset          = "/reset"
	pathControl        = "/control/"
	pathPortal         = "/portal"
	pathTenant         = "/tenant/{tenant}"
)

const (
	// maxBody is the largest request body, in bytes.
	maxBody           = 64 << 10
	defaultAccessLife = 15 * time.Minute
)

// endpoints are those of the authorization server and the API, which faults can
// meet.
func endpoints() []string {
	return []string{PathDiscovery, PathAuthorize, PathToken, PathRevocation, PathBusinessUnits}
}

// Options configures a Sandbox. It has one registered client.
type Options struct {
	// URL is the sandbox's own origin, such as http://127.0.0.1:9090: the issuer
	// and the base of the API. Requests to any other host are refused.
	URL                            string
	ClientID, ClientSecret, AppKey string
	// RedirectURIs are compared character by character.
	RedirectURIs []string
	// Scopes are those that the client may ask for. A refresh token is handed
	// out only where offline_access is among those asked for.
	Scopes []string
	// AccessTokenLife is 15 minutes if zero.
	AccessTokenLife time.Duration
	// RefreshGrace is how long a refresh token that was used stays good, so that
	// a lost answer can be asked for again. Zero means not at all.
	RefreshGrace time.Duration
	// GraceUntilUsed is another kind of grace: a used refresh token stays good until
	// the access token that came after it is first used.
	GraceUntilUsed bool
	// KeepRefreshTokens turns rotation off: a refresh token stays the same however
	// often it is used.
	KeepRefreshTokens bool
	// Tenants are there beside the sample tenants.
	Tenants []Tenant
	// OnReset does what Reset everything asks for, in place of Reset. It is for
	// those who keep something of their own that goes with what is kept here.
	OnReset func(context.Context) error
	// Home is a page of the app beside it, to which the head of every page leads.
	// Without an address there is none.
	Home Link
	// Mailbox turns the mailbox on, which shows what Deliver is given.
	Mailbox bool
	// OnSecret is told every code, token, key, client secret and verifier that is
	// handed out or received. It is for tests, as is Held.
	OnSecret func(secret string)
	// Held is sent a value for each request that a Hold fault keeps waiting, when its
	// work is done.
	Held chan<- struct{}
	Now  func() time.Time
	Log  *slog.Logger
}

// Link is a page that another leads to.
type Link struct{ Label, Address, About string }

// Sandbox stands in for ServiceTitan. It is safe for concurrent use.
type Sandbox struct {
	options Options
	host    string
	// formTargets are the origins to which the answer to a form may redirect, for
	// the content security policy.
	formTargets []string
	// formToken is on the forms that need no sign-in.
	formToken string
	// tenants are those there are: they are replaced, and never changed in place.
	tenants atomic.Pointer[tenants]
	mux     *http.ServeMux
	handler http.Handler
	// paths are those of all routes.
	paths []string

	mu       sync.Mutex
	app      app
	grants   grants
	faults   faults
	ledger   ledger
	settings Settings
	mailbox  mailbox
}

// New returns a sandbox with the sample tenants, some of them added to the app, and
// no grants. It panics if
// Options.URL or a redirect URI is not an absolute URL.
func New(o Options) *Sandbox {
	if o.AccessTokenLife == 0 {
		o.AccessTokenLife = defaultAccessLife
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Sandbox{
		options: o, host: mustParse(o.URL).Host, formToken: rand.Text(), formTargets: []string{"'self'"},
		mux: http.NewServeMux(),
	}
	for _, redirect := range o.RedirectURIs {
		u := mustParse(redirect)
		if origin := u.Scheme + "://" + u.Host; !slices.Contains(s.formTargets, origin) {
			s.formTargets = append(s.formTargets, origin)
		}
	}
	s.clear()

	s.handle("GET /{$}", s.home)
	s.handle("POST /{$}", s.changeHome)
	s.handle("GET "+pathRequests, s.requestList)
	s.handle("POST "+pathReset, s.reset)
	s.handle("GET "+PathDiscovery, s.discover)
	s.handle("GET "+pathServerMetadata, s.discover)
	s.handle("GET "+PathAuthorize, s.authorize)
	s.handle("POST "+PathAuthorize, s.decide)
	s.handle("POST "+pathSignIn, s.signIn)
	s.handle(PathToken, s.token) // any method, since a wrong one is answered like every other error
	s.handle("POST "+PathRevocation, s.revoke)
	s.handle("GET "+PathBusinessUnits, s.businessUnits)
	s.handle("GET "+pathPortal, s.portal)
	s.handle("POST "+pathPortal, s.changePortal)
	s.handle("GET "+pathTenant, s.tenantAdmin)
	s.handle("POST "+pathTenant, s.changeTenant)
	s.handle("GET "+pathTenant+"/review", s.reviewApp)
	s.handleMailbox()
	s.handleControl()
	s.handler = http.NewCrossOriginProtection().Handler(s.mux)
	return s
}

func mustParse(address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.Host == "" {
		panic("sandbox: not an absolute URL: " + address)
	}
	return u
}

// handle registers a handler. ServeHTTP hands every one an answer to fill.
func (s *Sandbox) handle(pattern string, h func(*answer, *http.Request)) {
	s.paths = append(s.paths, pathOf(pattern))
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { h(w.(*answer), r) })
}

// endpoint is the path of the pattern that a request is routed by, or empty.
func (s *Sandbox) endpoint(r *http.Request) string {
	_, pattern := s.mux.Handler(r)
	return pathOf(pattern)
}

// pathOf returns the path of a pattern, or an empty string if it has none.
func pathOf(pattern string) string {
	slash := strings.IndexByte(pattern, '/')
	if slash < 0 {
		return ""
	}
	return strings.TrimSuffix(pattern[slash:], "{$}")
}

// ServeHTTP answers one request. The answer is made whole before any of it is
// sent, so that a fault can spoil it after the work is done.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{header: w.Header()}
	if !strings.EqualFold(r.Host, s.host) {
		// Else a page elsewhere could reach us by a name of its own that resolves
		// to our address (DNS rebinding).
		s.secure(a.header)
		http.Error(a, "This is not the address of the sandbox. Use "+s.options.URL+".", http.StatusMisdirectedRequest)
		a.send(w)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/static/") {
		static.Handler().ServeHTTP(w, r)
		return
	}
	s.secure(a.header)
	formError := parseForm(w, r)
	if s.controls(r) {
		s.work(a, r, formError)
		a.send(w)
		return
	}
	line := s.begin(r)
	sent := false
	defer func() { s.end(line, sent) }()

	met := s.takeFault(r.Method, line)
	if a.skew = met.skew; a.skew != 0 {
		a.header.Set("Date", s.now().Add(a.skew).UTC().Format(http.TimeFormat))
	}
	switch {
	case met.Kind == ResetBefore:
	case met.replaces():
		met.replace(a)
	default:
		if met.Kind.isFlaw() {
			a.asked = met.Kind
		}
		worked := s.work(a, r, formError)
		if !worked || !met.spoil(a) {
			met.Fault = Fault{Kind: a.played}
		}
	}
	s.finish(r.Context(), a, line, met)
	wanted := s.delay(r.Context(), met)
	switch {
	case met.Kind == ResetBefore || met.Kind == ResetAfter:
		reset(w)
	case wanted:
		a.send(w)
		sent = met.Kind != Huge // which a client may leave before its end
	}
}

// controls says that a request is about the sandbox itself and no part of what
// it stands in for. It is not noted and meets no fault.
func (s *Sandbox) controls(r *http.Request) bool {
	endpoint := s.endpoint(r)
	switch endpoint {
	case pathHome, pathRequests, pathReset, pathMailbox, pathLetter, pathLetterHTML:
		return true
	}
	return strings.HasPrefix(endpoint, pathControl)
}

// work lets the request's handler answer, and reports whether it got to it.
func (s *Sandbox) work(a *answer, r *http.Request, formError error) bool {
	if formError != nil {
		refuseForm(a, formError)
		return false
	}
	s.handler.ServeHTTP(a, r)
	return true
}

// secure sets the headers that every answer has.
func (s *Sandbox) secure(h http.Header) {
	h.Set("Content-Security-Policy", s.policy())
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// policy is what pages may load, and where their forms may lead.
func (s *Sandbox) policy() string {
	// A form's answer leads back to the app, and browsers hold redirects against
	// form-action too.
	return "default-src 'none'; style-src 'self'; img-src 'self' data:; " +
		"base-uri 'none'; frame-ancestors 'none'; form-action " + strings.Join(s.formTargets, " ")
}

func parseForm(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return nil
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	return r.ParseForm()
}

func refuseForm(a *answer, err error) {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		http.Error(a, "request body too large", http.StatusRequestEntityTooLarge)
		return
	}
	a.refuse("invalid_request")
}

// Reset forgets every grant, client, version, session, fault, setting, request
// and letter.
func (s *Sandbox) Reset() {
	s.options.Log.Info("sandbox reset")
	s.clear()
}

func (s *Sandbox) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	begun := tenants(append(SampleTenants(), s.options.Tenants...))
	s.tenants.Store(&begun)
	s.app = newApp(s.options.Scopes, begun)
	s.grants = newGrants()
	s.faults.clear()
	s.ledger = newLedger()
	s.settings = s.options.settings()
	s.mailbox.letters = nil
}

// now is the sandbox's clock.
func (s *Sandbox) now() time.Time { return s.options.Now() }
