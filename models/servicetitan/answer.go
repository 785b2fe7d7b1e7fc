package servicetitan

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// defaultLifetime replaces an expires_in that is missing or implausible. It is the
	// lifetime that ServiceTitan documents.
	defaultLifetime = 15 * time.Minute
	minLifetime     = time.Minute
	maxLifetime     = 24 * time.Hour
	// longestToken is the most bytes that a token may have. No real token comes near it.
	longestToken = 32 << 10
)

// tokenTransport checks token answers strictly before the OAuth library reads them. The
// library accepts any token_type and tokens with line breaks, and takes a missing
// expires_in for "never". A tokenTransport serves one request.
type tokenTransport struct {
	client   *Client
	op       string
	lifetime time.Duration
	guessed  bool
	refresh  bool
}

// RoundTrip returns a rewritten 200, or an Error.
func (t *tokenTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	a, err := t.client.do(req, t.op)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, t.client.tokenError(t.op, a)
	}
	body, err := t.read(a)
	if err != nil {
		// The server may have made a grant whose answer is lost.
		return nil, &Error{Op: t.op, Kind: Unavailable, Status: a.status, AnswerLost: true, Err: err}
	}
	return &http.Response{
		StatusCode: http.StatusOK, Request: req, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   io.NopCloser(bytes.NewReader(body)),
	}, nil
}

// tokenAnswer holds the fields of RFC 6749, section 5.1.
type tokenAnswer struct {
	AccessToken  string          `json:"access_token"`
	TokenType    string          `json:"token_type"`
	RefreshToken string          `json:"refresh_token,omitempty"`
	Scope        string          `json:"scope,omitempty"`
	Error        string          `json:"error,omitempty"`
	ExpiresIn    json.RawMessage `json:"expires_in,omitempty"`
}

// parseTokenAnswer accepts exactly one JSON object. Names are case-sensitive and must
// be unique, because encoding/json would ignore case and keep the last value.
func parseTokenAnswer(body []byte) (tokenAnswer, error) {
	var in tokenAnswer
	fields := map[string]any{
		"access_token": &in.AccessToken, "token_type": &in.TokenType, "refresh_token": &in.RefreshToken,
		"scope": &in.Scope, "error": &in.Error, "expires_in": &in.ExpiresIn,
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return in, errNotAnswer
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		name, isName := key.(string)
		if err != nil || !isName || seen[name] {
			return in, errNotAnswer
		}
		seen[name] = true
		var ignored json.RawMessage
		var into any = &ignored
		if field, known := fields[name]; known {
			into = field
		}
		if err := d.Decode(into); err != nil {
			return in, errNotAnswer
		}
	}
	if _, err := d.Token(); err != nil {
		return in, errNotAnswer
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return in, errNotAnswer
	}
	return in, nil
}

var errNotAnswer = errors.New("answer is not a JSON object of the right form")

func (t *tokenTransport) read(a answer) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, errors.New("answer is not JSON")
	}
	in, err := parseTokenAnswer(a.body)
	if err != nil {
		return nil, err
	}
	switch {
	case in.Error != "":
		return nil, errors.New("answer says 200 and holds an error")
	case !goodToken(in.AccessToken):
		return nil, errors.New("access token is missing, too long or has strange characters")
	case in.RefreshToken != "" && !goodToken(in.RefreshToken):
		return nil, errors.New("refresh token is too long or has strange characters")
	case !strings.EqualFold(in.TokenType, "Bearer"):
		return nil, errors.New("token type is not Bearer")
	}
	t.lifetime, t.guessed = lifetime(in.ExpiresIn)
	t.refresh = in.RefreshToken != ""
	in.ExpiresIn = json.RawMessage(strconv.Itoa(int(t.lifetime / time.Second)))
	return json.Marshal(in) // #nosec G117 -- the answer, for the OAuth library to read
}

// goodToken accepts the characters that an Authorization header may have (RFC 6750,
// section 2.1), and other visible ASCII.
func goodToken(s string) bool {
	if s == "" || len(s) > longestToken {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// lifetime reads expires_in. Some servers send it as a string or with a fraction.
func lifetime(raw json.RawMessage) (d time.Duration, guessed bool) {
	text := strings.Trim(string(raw), `"`)
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(seconds) || seconds <= 0 {
		return defaultLifetime, true
	}
	seconds = min(seconds, maxLifetime.Seconds())
	return max(time.Duration(seconds)*time.Second, minLifetime), false
}

// tokenError turns a token answer other than 200 into an Error. It trusts a parsed
// error code only with the statuses that RFC 6749 allows for it.
func (c *Client) tokenError(op string, a answer) *Error {
	e := &Error{Op: op, Kind: Unavailable, Status: a.status}
	switch a.status {
	case http.StatusTooManyRequests:
		e.Kind, e.RetryAfter = RateLimited, retryAfter(a.header, "", c.now())
	case http.StatusServiceUnavailable:
		e.RetryAfter = retryAfter(a.header, "", c.now())
	case http.StatusBadRequest, http.StatusUnauthorized:
		var body struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(a.body, &body) != nil {
			break
		}
		if kind, known := oauthErrors[body.Error]; known {
			e.Kind, e.Code = kind, body.Error
		}
	}
	return e
}

// tenantClaim reads the tenant ID from a JWT, or returns 0. It does not check the
// signature: we fetched the token ourselves, and the claim only tells a person which
// account they signed in to.
func tenantClaim(token string) int64 {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return 0
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return 0
	}
	var claims struct {
		Tenant json.RawMessage `json:"tenant"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return 0
	}
	id, err := strconv.ParseInt(strings.Trim(string(claims.Tenant), `"`), 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}
