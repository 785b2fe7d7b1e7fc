package sandbox

import (
	"context"
	"encoding/json"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// hugeBody is the least number of bytes of a Huge answer. Clients that limit answers to
// 64 KiB do not read all of it.
const hugeBody = 72 << 10

// replaces reports whether the fault comes instead of the work.
func (f Fault) replaces() bool {
	return f.Kind == Garbage || f.Kind == CustomToken || f.Kind.status() != 0
}

// replace writes the fault's answer.
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
	_, _ = a.Write([]byte(f.Body)) // a buffer never fails
}

// spoil changes the answer after the work. It reports whether there was something to
// spoil: a refusal, for example, has no expires_in to remove.
func (f Fault) spoil(a *answer) bool {
	if f.Kind.isFlaw() {
		return a.played == f.Kind
	}
	switch f.Kind {
	case ResetAfter, Hold, Slow:
		return true
	case MissingExpiresIn:
		return a.rewrite(func(fields map[string]json.RawMessage) bool {
			_, has := fields["expires_in"]
			delete(fields, "expires_in")
			return has
		})
	case Huge:
		return a.rewrite(func(fields map[string]json.RawMessage) bool {
			fields["padding"] = json.RawMessage(`"` + strings.Repeat("p", hugeBody) + `"`)
			return true
		})
	case WrongType:
		if !strings.Contains(a.header.Get("Content-Type"), "json") {
			return false
		}
		a.header.Set("Content-Type", "text/html")
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

// rewrite changes the fields of a JSON object that was answered with 200. It reports
// whether there was one and change changed it.
func (a *answer) rewrite(change func(fields map[string]json.RawMessage) bool) bool {
	var fields map[string]json.RawMessage
	if (a.status != http.StatusOK && a.status != 0) || json.Unmarshal(a.body.Bytes(), &fields) != nil || !change(fields) {
		return false
	}
	a.body.Reset()
	a.jsonAs(a.header.Get("Content-Type"), http.StatusOK, fields)
	return true
}

// delay delays an answer as the fault says. It reports whether the client still waits.
func (s *Sandbox) delay(ctx context.Context, met metFault) bool {
	switch met.Kind {
	case Hold:
		return s.hold(ctx, met.released)
	case Slow:
		return wait(ctx, met.Delay, met.released)
	case NoAnswer:
		return wait(ctx, longestDelay, met.released)
	}
	return true
}

// hold holds an answer until it is released.
func (s *Sandbox) hold(ctx context.Context, released <-chan struct{}) bool {
	select {
	case s.options.Held <- struct{}{}: // never, without a channel
	case <-released:
	case <-ctx.Done():
	}
	select {
	case <-released:
		return true
	case <-ctx.Done():
		return false
	}
}

// wait delays an answer, or until it is released.
func wait(ctx context.Context, delay time.Duration, released <-chan struct{}) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-released:
		return true
	case <-ctx.Done():
		return false
	}
}

// reset drops the connection, with a TCP reset if possible.
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
