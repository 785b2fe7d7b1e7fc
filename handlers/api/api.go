package api

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// Prefix starts the path of every address of the API.
const Prefix = "/api/"

// Options are the parts that the API is made of.
type Options struct {
	BaseURL     *url.URL // the address by which back ends reach the app
	APIKeys     *accounts.APIKeys
	Answers     *accounts.KeptAnswers
	Connections *connect.Connections
	Webhooks    *webhook.Webhooks
	// ProxyPaths are the paths of ServiceTitan that back ends may call. Budget and Calls
	// hold back and count these calls.
	ProxyPaths []CallPath
	Budget     *calls.Budget
	Calls      *calls.Counts
	// Frame adds to a context what all pages of the app show. It may be nil.
	Frame func(context.Context) context.Context
	Now   func() time.Time
}

// API answers back ends.
type API struct {
	Options
	// apiURLs has the address of ServiceTitan's API in each environment.
	apiURLs map[servicetitan.EnvironmentName]string
	proxy   *proxy
	// What is published is made when somebody asks for it first.
	publishedDocument func() *published
	publishedPage     func() (*published, error)
}

// New returns the API.
func New(o Options) *API {
	a := &API{Options: o, apiURLs: make(map[servicetitan.EnvironmentName]string), proxy: newProxy(o)}
	a.publishedDocument = sync.OnceValue(func() *published { return publish("application/yaml", a.ownDocument()) })
	a.publishedPage = sync.OnceValues(a.makePage)
	if o.Connections == nil { // in a test of the table of routes
		return a
	}
	for _, e := range o.Connections.Environments() {
		a.apiURLs[e.Name] = e.APIURL.String()
	}
	return a
}

// Route is one address of the API: its method, its path, and who answers.
type Route struct {
	Method, Path string
	// Scope is what the key needs.
	Scope accounts.Scope
	// Parameters are those of the query. Others are refused.
	Parameters []string
	// Idempotent says that the address accepts an Idempotency-Key.
	Idempotent bool
	// Handle answers a back end whose key was admitted.
	Handle func(echo.Context, accounts.APIKey) error
	// anyQuery says that the query is for ServiceTitan, so that no parameter is refused.
	anyQuery bool
	// enter replaces the admission, and Handle. It is nil for most routes.
	enter echo.HandlerFunc
}

// Routes lists every address of the API.
func (a *API) Routes() []Route {
	const get, post = http.MethodGet, http.MethodPost
	const read, write, webhooks = accounts.ScopeConnectionsRead, accounts.ScopeConnectWrite, accounts.ScopeWebhooksWrite
	token := tokenRoute
	token.enter = a.readToken
	routes := []Route{
		{Method: get, Path: "/api/v1/connections", Scope: read, Parameters: listParameters, Handle: a.listConnections},
		{Method: get, Path: "/api/v1/connections/:id", Scope: read, Handle: withID(a.readConnection)},
		token,
		{Method: post, Path: "/api/v1/connections/:id/test", Scope: write, Idempotent: true, Handle: withID(a.testConnection)},
		{Method: post, Path: "/api/v1/connections/:id/disconnect", Scope: write, Idempotent: true, Handle: withID(a.disconnect)},
		{Method: post, Path: "/api/v1/connect-sessions", Scope: write, Idempotent: true, Handle: a.createSession},
		{Method: get, Path: "/api/v1/connect-sessions/:id", Scope: write, Handle: withID(a.readSession)},
		{Method: get, Path: "/api/v1/deliveries", Scope: webhooks, Parameters: deliveryParameters, Handle: a.listDeliveries},
		{Method: get, Path: "/api/v1/deliveries/:id", Scope: webhooks, Handle: withID(a.readDelivery)},
		{Method: post, Path: "/api/v1/deliveries/:id/replay", Scope: webhooks, Idempotent: true, Handle: withID(a.replayDelivery)},
	}
	for _, method := range callMethods {
		call := callRoute
		call.Method, call.enter = method, a.callServiceTitan
		routes = append(routes, call)
	}
	return routes
}
