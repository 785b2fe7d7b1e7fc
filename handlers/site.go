// Package handlers serves the app: it parses what browsers and back ends send, lets
// models decide, and shows views.
package handlers

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/api"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/failure"
	"github.com/fieldbridge/fieldbridge/models/live"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/models/webhook"
	"github.com/fieldbridge/fieldbridge/static"
	"github.com/fieldbridge/fieldbridge/views"
)

// Options are the parts that the app is made of.
type Options struct {
	BaseURL *url.URL // the address by which browsers reach the app
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	Accounts       *accounts.Accounts
	Sessions       *accounts.Sessions
	Connections    *connect.Connections
	APIKeys        *accounts.APIKeys
	Webhooks       *webhook.Webhooks
	// Answers keeps the API's answers for requests that are sent again.
	Answers *accounts.KeptAnswers
	// ProxyPaths are the paths of ServiceTitan that back ends may call. Budget and Calls
	// hold back and count these calls.
	ProxyPaths []api.CallPath
	Budget     *calls.Budget
	Calls      *calls.Counts
	// Outages knows the outages of ServiceTitan. It may be nil.
	Outages *outage.Monitor
	// Live tells open pages when a connection has changed.
	Live *live.Hub
	// Contact is where people reach support. It may be empty.
	Contact Contact
	// Integration is the software that the connections are for. It may be empty.
	Integration Integration
	// Logo is the integration's logo. It may be nil.
	Logo *Logo
	// Failures keeps failed requests for support. It may be nil.
	Failures *failure.Record
	// Metrics may be nil for new ones.
	Metrics *Metrics
	// StaffIssuer is where staff sign in. It is nil if they sign in with a
	// password.
	StaffIssuer *StaffIssuer
	// Demo holds what only the pages of a demo show. It is nil outside a demo. In a
	// demo, staff are not asked for a second factor.
	Demo *Demo
	// Director gives a demo that arranges itself. It is nil outside a demo, and in one
	// without its sandbox.
	Director *Director
	// Developers lets the owners of companies make API keys and webhooks for their own
	// company.
	Developers bool
	// NoMail says that no mail can be sent. Then nobody can prove an address, and
	// people sign up only with a link from an operator.
	NoMail bool
	// RequestLimit is how long any request may take. Zero means the usual limits.
	RequestLimit time.Duration
	Now          func() time.Time
	Log          *slog.Logger
}

type site struct {
	Options
	sessions *sessions
	api      *api.API
	// operator is what every page knows from the configuration.
	operator *views.Operator
	// passkeys is nil if browsers make no passkeys for the base URL.
	passkeys *accounts.Passkeys
}

// staffSite is the site for handlers of staff pages. They alone reach queries over
// all companies: a handler of a company's page has no way to the support field.
type staffSite struct {
	*site
	support *support.Support
}

// New returns the app's handler. The handlers of staff pages get allCompanies.
func New(o Options, allCompanies *support.Support) http.Handler {
	s := &site{Options: o, sessions: newSessions(o.Sessions, o.BaseURL), passkeys: o.Accounts.PasskeysAt(o.BaseURL)}
	s.api = api.New(api.Options{
		BaseURL: o.BaseURL, APIKeys: o.APIKeys, Answers: o.Answers, Connections: o.Connections, Webhooks: o.Webhooks,
		ProxyPaths: o.ProxyPaths, Budget: o.Budget, Calls: o.Calls, Frame: s.frame, Now: o.Now,
	})
	s.operator = &views.Operator{Contact: o.Contact, Integration: o.Integration}
	s.sessions.scs.ErrorFunc = s.sessionError
	e := echo.New()
	e.HTTPErrorHandler = s.showError
	e.IPExtractor = addressOf(o.TrustedProxies)
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	e.Use(edge(o, s.operator), secure(o.BaseURL.Scheme == "https"), s.sayUnknownProxy(), s.refuseForeignHosts)
	if o.Demo != nil {
		e.Use(s.inDemo)
	}
	e.GET("/static/*", echo.WrapHandler(static.Handler()))
	e.HEAD("/static/*", echo.WrapHandler(static.Handler()))
	if o.Logo != nil {
		e.GET(o.Logo.Path, echo.WrapHandler(o.Logo))
		e.HEAD(o.Logo.Path, echo.WrapHandler(o.Logo))
	}
	origins := http.NewCrossOriginProtection()
	for _, r := range (&staffSite{s, allCompanies}).routes() {
		if r.who == forBackEnds || r.who == forReaders {
			e.Add(r.method, r.path, r.handle, s.deadline(r))
			continue
		}
		e.Add(r.method, r.path, r.handle, s.deadline(r), s.refuseForeignOrigins(origins), s.sessions.middleware, s.namedInDemo)
	}
	return e
}

// refuseForeignOrigins refuses requests that another site's page makes a browser
// send.
func (s *site) refuseForeignOrigins(p *http.CrossOriginProtection) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := p.Check(c.Request()); err != nil {
				return errForeignOrigin
			}
			return next(c)
		}
	}
}

// clock returns the time that pages of staff show, and pages before sign-in.
func (s *site) clock() views.Clock { return views.Clock{Now: s.Now().UTC(), Zone: time.UTC} }

// clockOf returns the time that pages show to a visitor.
func (s *site) clockOf(v accounts.Visitor) views.Clock {
	return views.Clock{Now: s.Now().UTC(), Zone: v.Zone()}
}

// clockIn returns the time that pages show to whoever the context's request comes
// from.
func (s *site) clockIn(ctx context.Context) views.Clock {
	return views.Clock{Now: s.Now().UTC(), Zone: views.ZoneOf(ctx)}
}

// frame adds to a context what all pages show, whoever looks at them.
func (s *site) frame(ctx context.Context) context.Context {
	ctx = views.WithOperator(ctx, s.operator)
	if s.Demo != nil {
		ctx = views.InDemo(ctx, s.Demo, "")
	}
	return ctx
}

// seeOther redirects the browser with a GET.
func seeOther(c echo.Context, path string) error { return c.Redirect(http.StatusSeeOther, path) }
