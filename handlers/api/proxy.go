package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// ProxyRoute is the address of the proxy.
	ProxyRoute = "/api/v1/connections/:id/servicetitan/*"
	// ProxyBody is the largest body of a call, in bytes.
	ProxyBody = 10 << 20
	// proxyAnswer is the largest body of an answer of ServiceTitan, in bytes.
	proxyAnswer = 50 << 20
	// proxyWait is how long ServiceTitan may take to begin its answer.
	proxyWait = 30 * time.Second
	// proxyLimit is how long a call may take in total.
	proxyLimit = 5 * time.Minute
	// statusCallerGone is the status in the log of a call whose caller has gone away. Only
	// the log has it.
	statusCallerGone = 499
	// proxyBuffer is how much of an answer is passed on at a time.
	proxyBuffer = 32 << 10
)

// callRoute is the address of calls, which has several methods.
var callRoute = Route{Path: ProxyRoute, Scope: accounts.ScopeProxy, anyQuery: true}

// callMethods are the methods of calls.
var callMethods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// Errors of the proxy.
var (
	errProxyOff       = errors.New("no path of ServiceTitan is allowed")
	errPathNotAllowed = errors.New("path of ServiceTitan is not allowed")
	errWrongTenant    = errors.New("path names another tenant than the connection's")
	errCallerGone     = errors.New("caller has gone away")
	errCallAgain      = errors.New("ServiceTitan has refused a token that was renewed since")
	errAnswerTooLarge = errors.New("answer of ServiceTitan is too large")
)

// unreachableError says that ServiceTitan could not be asked, or did not answer in time.
type unreachableError struct {
	err  error
	late bool
}

func (e *unreachableError) Error() string { return "call ServiceTitan: " + e.err.Error() }
func (e *unreachableError) Unwrap() error { return e.err }

// late says whether ServiceTitan did not answer in time.
func late(err error) bool {
	e, ok := errors.AsType[*unreachableError](err)
	return ok && e.late
}

// proxy passes calls on to ServiceTitan.
type proxy struct {
	paths     []CallPath
	budget    *calls.Budget
	counts    *calls.Counts
	transport http.RoundTripper
	// limit is how long a call may take in total, and largest is the largest answer.
	limit   time.Duration
	largest int64
	buffers sync.Pool // of *[proxyBuffer]byte
}

// newProxy returns a proxy with the usual limits.
func newProxy(o Options) *proxy {
	transport := servicetitan.NewTransport()
	transport.ResponseHeaderTimeout = proxyWait
	return &proxy{
		paths: o.ProxyPaths, budget: o.Budget, counts: o.Calls,
		transport: transport, limit: proxyLimit, largest: proxyAnswer, buffers: sync.Pool{New: func() any { return new([proxyBuffer]byte) }},
	}
}

// proxyCall is a call that may be passed on.
type proxyCall struct {
	connection models.Connection
	// base is the API of the connection's environment, and address is what is called
	// there.
	base, address *url.URL
	appKey        string
	access        keeper.Access
}

// tenant returns whose budget the call is taken from.
func (c proxyCall) tenant() calls.Tenant {
	return calls.Tenant{Environment: c.connection.Environment, ID: c.connection.TenantID}
}

// callServiceTitan passes a call on to ServiceTitan, and its answer back. ServiceTitan
// sees neither the API key nor the caller, and the caller sees neither the access token
// nor the app key.
func (a *API) callServiceTitan(c echo.Context) error {
	c.Response().Header().Set(answerHeader, answeredByUs)
	ctx, cancel := context.WithTimeout(c.Request().Context(), a.proxy.limit)
	defer cancel()
	c.SetRequest(c.Request().WithContext(ctx))
	err := a.withAccess(c, callRoute, func(_ uuid.UUID, connection models.Connection, access keeper.Access) error {
		if err := a.proxy.openStreams(c.Response()); err != nil {
			return err
		}
		call, err := a.newCall(c, connection, access)
		if err != nil {
			return err
		}
		return a.pass(c, call)
	})
	if errors.Is(err, errCallerGone) {
		request.NoteError(ctx, slog.LevelInfo, err)
		c.Response().Status = statusCallerGone
		panic(http.ErrAbortHandler)
	}
	return err
}

// openStreams replaces the server's own limits, which are for pages and forms, and lets
// both bodies be under way at the same time. Only callers whose key was admitted get
// that: nobody else can hold a connection for longer.
func (p *proxy) openStreams(w http.ResponseWriter) error {
	control, until := http.NewResponseController(w), time.Now().Add(p.limit)
	for _, err := range []error{control.SetReadDeadline(until), control.SetWriteDeadline(until), control.EnableFullDuplex()} {
		if err != nil && !errors.Is(err, http.ErrNotSupported) { // a test's own writer may not support it
			return fmt.Errorf("open streams of call: %w", err)
		}
	}
	return nil
}

// newCall checks a call, and takes it from the tenant's budget.
func (a *API) newCall(c echo.Context, connection models.Connection, access keeper.Access) (proxyCall, error) {
	environment, ok := a.Connections.Environment(connection.Environment)
	if !ok {
		return proxyCall{}, &models.ReasonError{Reason: models.ReasonUnavailable, Err: database.ErrUnavailable}
	}
	_, sent, _ := strings.Cut(c.Request().URL.EscapedPath(), "/servicetitan/")
	path, err := a.proxy.checkPath(sent, connection.TenantID)
	if err != nil {
		return proxyCall{}, err
	}
	if c.Request().ContentLength > ProxyBody {
		return proxyCall{}, &http.MaxBytesError{Limit: ProxyBody}
	}
	address, err := url.Parse(environment.APIURL.String() + path)
	if err != nil {
		return proxyCall{}, fmt.Errorf("address of call: %w", err)
	}
	address.RawQuery = c.Request().URL.RawQuery
	call := proxyCall{connection: connection, base: environment.APIURL, address: address, appKey: environment.AppKey.Reveal(), access: access}
	return call, a.take(c.Request().Context(), call)
}

// take takes a call from the tenant's budget, and counts it.
func (a *API) take(ctx context.Context, call proxyCall) error {
	err := a.proxy.budget.Take(ctx, call.tenant())
	if _, spent := errors.AsType[*calls.SpentError](err); spent {
		a.proxy.counts.Refused(call.connection.ID)
	} else if err == nil {
		a.proxy.counts.Passed(call.connection.ID)
	}
	return err
}

// pass passes a call on, and the answer back. If ServiceTitan refuses the access token,
// it is renewed. The call is repeated only if that is safe and there is no body, which
// cannot be sent twice.
func (a *API) pass(c echo.Context, call proxyCall) error {
	ctx, began := c.Request().Context(), time.Now()
	answer, err := a.proxy.send(c.Request(), call)
	if err != nil {
		return err
	}
	if answer.StatusCode == http.StatusUnauthorized {
		_ = answer.Body.Close()
		if call.access, err = a.Connections.InPlaceOf(ctx, call.access, call.connection); err != nil {
			return err
		}
		if !repeatable(c.Request()) {
			return errCallAgain
		}
		if err := a.take(ctx, call); err != nil {
			return err
		}
		if answer, err = a.proxy.send(c.Request(), call); err != nil {
			return err
		}
		if answer.StatusCode == http.StatusUnauthorized {
			_ = answer.Body.Close()
			return connect.ErrTokenRefused
		}
	}
	defer func() { _ = answer.Body.Close() }()
	request.NoteEvent(ctx, slog.LevelInfo, "call passed on", slog.Any("connection", call.connection.ID),
		slog.Float64("servicetitan_ms", float64(time.Since(began).Microseconds())/1000))
	if answer.StatusCode == http.StatusTooManyRequests {
		if err := a.heed(ctx, call, answer); err != nil {
			return err
		}
	}
	return a.proxy.answer(c, call, answer)
}

// repeatable says whether a request can be sent a second time (RFC 9110, section 9.2.2).
func repeatable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return r.Body == nil || r.Body == http.NoBody
	}
	return false
}

// send sends a call once.
func (p *proxy) send(r *http.Request, call proxyCall) (*http.Response, error) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, call.address.String(), r.Body)
	if err != nil {
		return nil, fmt.Errorf("make call: %w", err)
	}
	req.ContentLength = r.ContentLength
	pick(req.Header, r.Header, sentHeaders)
	req.Header.Set("Authorization", "Bearer "+call.access.Token.Reveal())
	req.Header.Set("ST-App-Key", call.appKey)
	req.Header.Set("User-Agent", proxyUserAgent)
	answer, err := p.transport.RoundTrip(req) // unlike a client, it follows no redirect
	if err == nil {
		return answer, nil
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, err
	}
	if errors.Is(r.Context().Err(), context.Canceled) {
		return nil, errCallerGone
	}
	e := &unreachableError{err: err}
	if timeout, ok := errors.AsType[net.Error](err); ok {
		e.late = timeout.Timeout()
	}
	return nil, e
}

// heed makes all instances wait as long as ServiceTitan asks.
func (a *API) heed(ctx context.Context, call proxyCall, answer *http.Response) error {
	begin, err := io.ReadAll(io.LimitReader(answer.Body, servicetitan.ProblemRead))
	if err != nil {
		return &unreachableError{err: err}
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(begin), answer.Body), answer.Body}
	now := a.Now()
	wait := servicetitan.WaitOf(answer.Header, begin, now)
	request.SetRetryAfter(answer.Header, now.Add(wait), now)
	return a.proxy.budget.Close(ctx, call.tenant(), wait)
}

// answer passes an answer back while it arrives. If it ends early, or is too large, the
// connection to the caller breaks, so that nobody takes a part for the whole.
func (p *proxy) answer(c echo.Context, call proxyCall, answer *http.Response) error {
	if answer.ContentLength > p.largest && c.Request().Method != http.MethodHead {
		return errAnswerTooLarge
	}
	w := c.Response()
	p.setAnswerHeaders(w.Header(), answer, call)
	if length := answer.Header.Get("Content-Length"); length != "" {
		w.Header().Set("Content-Length", length)
	}
	w.WriteHeader(answer.StatusCode)
	if err := p.copy(w, answer.Body); err != nil {
		request.NoteError(c.Request().Context(), slog.LevelInfo, err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// copy passes on each part of a body as soon as it is there.
func (p *proxy) copy(w *echo.Response, body io.Reader) error {
	buffer := p.buffers.Get().(*[proxyBuffer]byte)
	defer p.buffers.Put(buffer)
	for passed := int64(0); ; {
		n, err := body.Read(buffer[:])
		if passed += int64(n); passed > p.largest {
			return errAnswerTooLarge
		}
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return fmt.Errorf("pass answer on: %w", err)
			}
			w.Flush()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read answer of ServiceTitan: %w", err)
		}
	}
}
