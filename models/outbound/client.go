package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// Limit is the longest that a request may take, with its answer.
	Limit = 15 * time.Second
	// answerKept is how much of an answer is read.
	answerKept = 1 << 10

	connectLimit   = 10 * time.Second
	mostHeader     = 16 << 10
	idleFor        = 30 * time.Second
	idleForOneHost = 2
	mostIdle       = 100
)

// Client sends requests. Its methods may be called at the same time.
type Client struct {
	rules Rules
	// secure sends https requests, and plain sends http requests, which reach only
	// this machine.
	secure, plain *http.Client
}

// New returns a client that reaches what the rules allow.
func New(rules Rules) *Client {
	return &Client{rules: rules, secure: newHTTPClient(rules, false), plain: newHTTPClient(rules, true)}
}

func newHTTPClient(rules Rules, plain bool) *http.Client {
	dialer := &net.Dialer{Timeout: connectLimit, Control: rules.control(plain)}
	return &http.Client{
		// With HTTP/1.1, closing an answer early closes its connection. With HTTP/2,
		// megabytes of it could already be in memory.
		Transport: &http.Transport{
			Proxy: nil, DialContext: dialer.DialContext, TLSHandshakeTimeout: connectLimit, ResponseHeaderTimeout: Limit,
			DisableCompression: true, MaxResponseHeaderBytes: mostHeader,
			MaxIdleConns: mostIdle, MaxIdleConnsPerHost: idleForOneHost, IdleConnTimeout: idleFor,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       Limit,
	}
}

// Rules returns what the client may reach.
func (c *Client) Rules() Rules { return c.rules }

// Request is a POST request.
type Request struct {
	URL    string
	Header map[string]string
	Body   []byte
}

// Answer is how a receiver answered.
type Answer struct {
	Status int
	// RetryAfter is how long the receiver asks us to wait; 0 if it does not say.
	RetryAfter time.Duration
	// Text is the beginning of the answer, as valid UTF-8 without NUL.
	Text string
}

// Post sends a request. It returns an error if there is no answer within Limit, or if
// the address is not allowed.
func (c *Client) Post(ctx context.Context, r Request) (Answer, error) {
	u, err := c.rules.Check(r.URL)
	if err != nil {
		return Answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, fmt.Errorf("make request: %w", err)
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	client := c.secure
	if u.Scheme == "http" {
		client = c.plain
	}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	// The status counts even if the rest of the answer is lost.
	text, _ := io.ReadAll(io.LimitReader(resp.Body, answerKept))
	return Answer{
		Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()),
		Text: strings.ReplaceAll(strings.ToValidUTF8(string(text), "\uFFFD"), "\x00", "\uFFFD"),
	}, nil
}

// retryAfter reads the header Retry-After (RFC 9110, section 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// Explain says in words why there was no answer. It shows nothing of our network, not
// even which names there are.
func Explain(err error) string {
	var wrong *AddressError
	var dns *net.DNSError
	var network net.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &wrong):
		return "The address " + wrong.Problem + "."
	case errors.Is(err, ErrForbidden), errors.As(err, &dns):
		return "The host name was not found on the public internet."
	case errors.As(err, &network) && network.Timeout():
		return "There was no answer within 15 seconds."
	case isCertificateError(err):
		return "The certificate is not valid for the address."
	case strings.Contains(err.Error(), "connection refused"):
		return "The connection was refused."
	}
	return "The connection failed before there was an answer."
}

func isCertificateError(err error) bool {
	_, found := errors.AsType[*tls.CertificateVerificationError](err)
	return found
}
