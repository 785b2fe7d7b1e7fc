package servicetitan

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// requestLimit is the total time that a request to ServiceTitan may take. A
	// renewal's lease must last longer.
	requestLimit = 10 * time.Second
	// answerLimit is the most bytes that are read of an answer.
	answerLimit = 64 << 10
	// ProblemRead is how much of a problem's body is worth reading, in bytes.
	ProblemRead = 16 << 10
	// LongestWait is the longest Retry-After that we follow.
	LongestWait = time.Hour
	userAgent   = "Fieldbridge/1"
)

// Client talks to one environment. It is safe for concurrent use.
type Client struct {
	env    Environment
	http   *http.Client
	now    func() time.Time
	issuer issuer
}

// NewClient returns a client that sends requests through the transport, which is
// usually from NewTransport.
func NewClient(env Environment, transport http.RoundTripper, now func() time.Time) *Client {
	return &Client{env: env, now: now, http: &http.Client{
		Transport: transport,
		// A redirected token request would send secrets to another address.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// NewTransport returns a transport with its own limits. It does not ask for compressed
// answers, so that the size limit counts what is read.
func NewTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true
	t.MaxResponseHeaderBytes = 64 << 10
	t.MaxIdleConnsPerHost = 64
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return t
}

// Environment returns the environment that the client was made for.
func (c *Client) Environment() Environment { return c.env }

// answer is a response that was read completely.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request and reads the answer within the limits. Its errors are of type
// Error and kind Unavailable.
func (c *Client) do(req *http.Request, op string) (answer, error) {
	ctx, cancel := context.WithTimeout(req.Context(), requestLimit)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) { sent.Store(info.Err == nil) },
	})
	req.Header.Set("User-Agent", userAgent)
	resp, err := c.http.Do(req.WithContext(ctx)) // #nosec G704 -- addresses come from the configuration alone
	if err != nil {
		return answer{}, &Error{Op: op, Kind: Unavailable, AnswerLost: sent.Load(), Err: errors.Unwrap(err)}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit+1))
	if err == nil && len(body) > answerLimit {
		err = fmt.Errorf("answer is longer than %d bytes", answerLimit)
	}
	if err != nil {
		return answer{}, &Error{Op: op, Kind: Unavailable, Status: resp.StatusCode, AnswerLost: true, Err: err}
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// WaitOf reads how long an answer with status 429 asks to wait. Without the header, it
// reads the problem in the body, of which it needs at most the first ProblemRead bytes.
// It is at least a second.
func WaitOf(h http.Header, body []byte, now time.Time) time.Duration {
	var problem struct {
		Title string `json:"title"`
	}
	if h.Get("Retry-After") == "" {
		_ = json.Unmarshal(body, &problem) // without a title, the least wait remains
	}
	return max(retryAfter(h, problem.Title, now), time.Second)
}

// retryAfter reads how long to wait from the header, in seconds or as a date (RFC 9110,
// section 10.2.3). Without one, it reads the number in a problem's title, which ends in
// "try again in N seconds".
func retryAfter(h http.Header, title string, now time.Time) time.Duration {
	var wait time.Duration
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	} else if words := strings.Fields(title); len(words) > 2 {
		if seconds, err := strconv.ParseInt(words[len(words)-2], 10, 32); err == nil {
			wait = time.Duration(seconds) * time.Second
		}
	}
	return min(max(wait, 0), LongestWait)
}
