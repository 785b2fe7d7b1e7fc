package handlers

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/api"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/views"
)

// maxBody is the largest request body, in bytes. Every form is far smaller.
const maxBody = 64 << 10

// edge is the outermost middleware. It gives the request its support code, logs and
// counts it after the answer, keeps it for support if it failed, and turns a panic into
// an error page. It makes every page
// know its operator, also error pages.
func edge(o Options, operator *views.Operator) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			began := time.Now()
			record := &request.Record{SupportCode: models.NewSupportCode()}
			r := c.Request()
			ctx := request.WithRecord(r.Context(), record)
			if !api.Answers(r.URL.Path) {
				ctx = views.WithOperator(ctx, operator)
			}
			r = r.WithContext(ctx)
			if r.Body != http.NoBody {
				r.Body = http.MaxBytesReader(c.Response(), r.Body, largestBody(c))
			}
			c.SetRequest(r)
			defer func() { // runs even if the connection breaks during the answer
				took := time.Since(began)
				o.Metrics.observe(c, took)
				record.Line(c, o.Log, took)
				if f, ok := record.Failed(c, took); ok {
					o.Failures.Add(f, request.Address(c))
				}
			}()
			answer(c, next)
			return nil
		}
	}
}

// largestBody returns the limit of a request's body. Calls that are passed on to
// ServiceTitan may be larger than forms.
func largestBody(c echo.Context) int64 {
	if c.Path() == api.ProxyRoute {
		return api.ProxyBody
	}
	return maxBody
}

func answer(c echo.Context, next echo.HandlerFunc) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if err, ok := r.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(r)
		}
		// The panic's message may contain values. Its stack contains none.
		request.NoteEvent(c.Request().Context(), slog.LevelError, "panic", slog.String("stack", string(debug.Stack())))
		c.Error(echo.NewHTTPError(http.StatusInternalServerError))
	}()
	if err := next(c); err != nil {
		c.Error(err)
	}
}

// secure sets the headers of every answer. Scripts are files of ours.
func secure(https bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			setSecure(c.Response().Header(), https)
			return next(c)
		}
	}
}

// setSecure sets the headers. It has one array for their values, because each Set would
// allocate one. The names are in the spelling that Set would give them.
func setSecure(h http.Header, https bool) {
	values := []string{
		policy, "nosniff", "no-referrer", "same-origin", "same-origin", "no-store", "max-age=31536000; includeSubDomains",
	}
	h["Content-Security-Policy"] = values[0:1:1]
	h["X-Content-Type-Options"] = values[1:2:2]
	h["Referrer-Policy"] = values[2:3:3] // the address of a callback contains a code
	h["Cross-Origin-Opener-Policy"] = values[3:4:4]
	h["Cross-Origin-Resource-Policy"] = values[4:5:5]
	h["Cache-Control"] = values[5:6:6]
	if https {
		h["Strict-Transport-Security"] = values[6:7:7]
	}
}

// policy is the content security policy without other form targets.
const policy = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; base-uri 'none'; " +
	"object-src 'none'; frame-ancestors 'none'; form-action 'self'"

// setPolicy sets the content security policy. formTargets are the origins, besides
// our own, to which the answer to a form may redirect: browsers check the whole
// chain of redirects against form-action.
func setPolicy(h http.Header, formTargets string) {
	h.Set("Content-Security-Policy", strings.TrimSpace(policy+" "+formTargets))
}

// addressOf returns a function that finds a browser's address. It is the peer's
// address, or the one that the proxies we trust report.
func addressOf(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range trusted {
		_, network, err := net.ParseCIDR(p.String())
		if err == nil {
			options = append(options, echo.TrustIPRange(network))
		}
	}
	return echo.ExtractIPFromXFFHeader(options...)
}
