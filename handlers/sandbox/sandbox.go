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

// Endpoints, as Count, Request, and Fault name them.
const (
	PathDiscovery     = "/.well-known/openid-configuration"
	PathAuthorize     = "/connect/authorize"
	PathToken         = "/connect/token"
	PathRevocation    = "/connect/revocation"
	PathBusinessUnits = "/settings/v2/tenant/{tenant}/business-units"

	// pathServerMetadata answers the same as PathDiscovery (RFC 8414, section 3).
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

// endpoints returns the endpoints of the authorization server and the API. Faults can
// meet requests to these.
func endpoints() []string {
	all := []string{PathDiscovery, PathAuthorize, PathToken, PathRevocation}
	for _, of := range areas() {
		all = append(all, of.path)
	}
	return all
}

// Options configures a Sandbox. It has one registered client.
type Options struct {
	// URL is the sandbox's own origin, such as http://127.0.0.1:9090. It is the issuer
	// and the base of the API. Requests to any other host are refused.
	URL                            string
	ClientID, ClientSecret, AppKey string
	// RedirectURIs are compared character by character.
	RedirectURIs []string
	// Scopes are the scopes that the client may ask for. A refresh token is issued only
	// if the client asks for offline_access.
	Scopes []string
	// AccessTokenLife is how long access tokens work. Zero means 15 minutes.
	AccessTokenLife time.Duration
	// RefreshGrace is how long a used refresh token still works, so that a client whose
	// answer was lost can ask again. Zero means not at all.
	RefreshGrace time.Duration
	// GraceUntilUsed is another kind of grace. A used refresh token works until the
	// access token that came after it is first used.
	GraceUntilUsed bool
	// KeepRefreshTokens turns rotation off. A refresh token then stays the same, however
	// often it is used.
	KeepRefreshTokens bool
	// Tenants are tenants besides the sample tenants.
	Tenants []Tenant
	// OnReset is called in place of Reset when somebody chooses Reset everything. It is
	// for programs that must also reset something of their own.
	OnReset func(context.Context) error
	// Home is a page of the app that every page links to at the top. Without an address,
	// there is no link.
	Home Link
	// Mailbox turns on the mailbox, which shows the letters given to Deliver.
	Mailbox bool
	// SampleApp turns on the sample marketplace app and its webhook receiver, which
	// SetSampleApp makes known to Fieldbridge.
	SampleApp bool
	// Shows says in which state Fieldbridge shows a tenant's connection, for example
	// "Retrying". It is nil where the sandbox cannot know.
	Shows func(ctx context.Context, tenantID int64) string
	// OnSecret is called with every code, token, key, client secret, and verifier that
	// is issued or received. It is for tests, and so is Held.
	OnSecret func(secret string)
	// Held receives a value for each request that a Hold fault keeps waiting, once its
	// work is done.
	Held chan<- struct{}
	Now  func() time.Time
	Log  *slog.Logger
}

// Link is a link to another page.
type Link struct{ Label, Address, About string }

// Sandbox plays ServiceTitan. It is safe for concurrent use.
type Sandbox struct {
	options Options
	host    string
	// formTargets are the origins that the answer to a form may redirect to, for the
	// content security policy.
	formTargets []string
	// formToken is in the forms that need no sign-in.
	formToken string
	// tenants is replaced as a whole, and never changed in place.
	tenants atomic.Pointer[tenants]
	mux     *http.ServeMux
	handler http.Handler
	// paths are the paths of all routes.
	paths []string

	mu       sync.Mutex
	app      app
	grants   grants
	faults   faults
	ledger   ledger
	settings Settings
	mailbox  mailbox
	receiver receiver
	sample   SampleApp
	// turned holds the switches of the stage that have knobs and are on, and since when.
	turned map[turned]moment
}

// New returns a sandbox with the sample tenants, a few of which are added to the app,
// and with no grants. It panics if Options.URL or a redirect URI is not an absolute
// URL.
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
	s.handle(PathToken, s.token) // any method, because a wrong one gets the same kind of answer as other errors
	s.handle("POST "+PathRevocation, s.revoke)
	s.handleAPI()
	s.handle("GET "+pathPortal, s.portal)
	s.handle("POST "+pathPortal, s.changePortal)
	s.handle("GET "+pathTenant, s.tenantAdmin)
	s.handle("POST "+pathTenant, s.changeTenant)
	s.handle("GET "+pathTenant+"/review", s.reviewApp)
	s.handleMailbox()
	s.handleSampleApp()
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

// handle registers a handler. ServeHTTP gives each handler an answer to fill in.
func (s *Sandbox) handle(pattern string, h func(*answer, *http.Request)) {
	s.paths = append(s.paths, pathOf(pattern))
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { h(w.(*answer), r) })
}

// endpoint returns the path of the pattern that routes a request, or an empty string.
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

// ServeHTTP answers a request. It makes the whole answer before it sends any of it, so
// that a fault can spoil the answer after the work is done.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{header: w.Header()}
	if !strings.EqualFold(r.Host, s.host) {
		// Otherwise a page of another site could reach the sandbox under a name of its
		// own that resolves to our address (DNS rebinding).
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
	end := sync.OnceFunc(func() { s.end(line, sent) })
	defer end()

	met := s.takeFault(r.Method, line)
	if a.skew = met.skew; a.skew != 0 {
		a.header.Set("Date", s.now().Add(a.skew).UTC().Format(http.TimeFormat))
	}
	switch {
	case met.Kind == ResetBefore || met.Kind == NoAnswer:
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
	case met.Kind == ResetBefore || met.Kind == NoAnswer || met.Kind == ResetAfter:
		end()
		reset(w)
	case wanted:
		sent = met.Kind != Huge // clients may stop reading a huge answer
		end()                   // before the client has the answer, and may ask again
		a.send(w)
	}
}

// controls reports whether a request is about the sandbox itself, and not about the
// ServiceTitan that it plays. Such a request is not recorded and meets no fault.
func (s *Sandbox) controls(r *http.Request) bool {
	endpoint := s.endpoint(r)
	switch endpoint {
	case pathHome, pathRequests, pathReset, pathMailbox, pathLetter, pathLetterHTML,
		pathApp, pathAppConnect, pathAppReturn, pathWebhooks, pathWebhookAnswer:
		return true
	}
	return strings.HasPrefix(endpoint, pathControl)
}

// work lets the request's handler answer, and reports whether the handler ran.
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

// policy returns the content security policy: what pages may load, and where their
// forms may lead.
func (s *Sandbox) policy() string {
	// The answer to a form redirects to the app, and browsers apply form-action to
	// redirects too.
	return "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; " +
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

// Reset forgets every grant, client, version, session, fault, setting, request, letter,
// and message.
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
	s.turned = map[turned]moment{}
	s.mailbox.letters = nil
	s.receiver = receiver{answer: takesMessages}
}

// now returns the time of the sandbox's clock.
func (s *Sandbox) now() time.Time { return s.options.Now() }
