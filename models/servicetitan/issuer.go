package servicetitan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	metadataKept  = time.Hour
	metadataRetry = time.Minute
)

// Endpoints holds the addresses of an issuer's endpoints.
type Endpoints struct {
	Authorize string
	Token     string
	// Revocation is empty where the issuer has none.
	Revocation string
	// AnnouncesIssuer says that every answer to an authorization request names
	// its issuer (RFC 9207, section 3).
	AnnouncesIssuer bool
}

// issuer caches an issuer's metadata for a while.
type issuer struct {
	mu        sync.Mutex
	endpoints Endpoints
	err       error
	until     time.Time
	// flights makes concurrent callers share one discovery.
	flights singleflight.Group
}

// metadata holds the fields that we read of RFC 8414, section 2.
type metadata struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Revocation    string `json:"revocation_endpoint"`
	SendsIss      bool   `json:"authorization_response_iss_parameter_supported"`
	// Challenges are the code challenge methods (RFC 8414, section 2).
	Challenges []string `json:"code_challenge_methods_supported"`
}

// Endpoints returns the issuer's endpoints from its metadata. If the issuer has no
// metadata, Endpoints returns the ones that ServiceTitan documents. For metadata that
// names another issuer or another host, it returns an Error of kind Misconfigured.
//
// Concurrent callers share one discovery. Each waits as long as its own context lasts.
// The discovery continues when one of them gives up.
func (c *Client) Endpoints(ctx context.Context) (Endpoints, error) {
	if endpoints, known, err := c.knownEndpoints(); known {
		return endpoints, err
	}
	answer := c.issuer.flights.DoChan("", func() (any, error) {
		if endpoints, known, err := c.knownEndpoints(); known {
			return endpoints, err // another call has just found them
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestLimit)
		defer cancel()
		return c.learnEndpoints(c.discover(ctx))
	})
	select {
	case <-ctx.Done():
		return Endpoints{}, &Error{Op: opDiscover, Kind: Unavailable, Err: context.Cause(ctx)}
	case got := <-answer:
		endpoints, _ := got.Val.(Endpoints)
		return endpoints, got.Err
	}
}

// knownEndpoints returns the cached result of a recent discovery, if there is one.
func (c *Client) knownEndpoints() (endpoints Endpoints, known bool, err error) {
	c.issuer.mu.Lock()
	defer c.issuer.mu.Unlock()
	return c.issuer.endpoints, c.now().Before(c.issuer.until), c.issuer.err
}

// learnEndpoints caches the result of a discovery for a while.
func (c *Client) learnEndpoints(endpoints Endpoints, err error) (Endpoints, error) {
	c.issuer.mu.Lock()
	defer c.issuer.mu.Unlock()
	now := c.now()
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == Unavailable {
		// The issuer did not answer. Keep the known endpoints, and try again soon.
		c.issuer.until = now.Add(metadataRetry)
		if c.issuer.endpoints == (Endpoints{}) {
			c.issuer.endpoints, c.issuer.err = c.defaultEndpoints(), nil
		}
		return c.issuer.endpoints, c.issuer.err
	}
	c.issuer.endpoints, c.issuer.err, c.issuer.until = endpoints, err, now.Add(metadataKept)
	if err != nil {
		c.issuer.until = now.Add(metadataRetry)
	}
	return endpoints, err
}

func (c *Client) defaultEndpoints() Endpoints {
	base := c.env.AuthURL.String()
	return Endpoints{
		Authorize:  base + "/connect/authorize",
		Token:      base + "/connect/token",
		Revocation: base + "/connect/revocation",
	}
}

const opDiscover = "discover endpoints"

func (c *Client) discover(ctx context.Context) (Endpoints, error) {
	a, err := c.fetchMetadata(ctx)
	if err != nil {
		return Endpoints{}, err
	}
	endpoints, _, err := c.readMetadata(a)
	return endpoints, err
}

func (c *Client) fetchMetadata(ctx context.Context) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.env.AuthURL.String()+"/.well-known/openid-configuration", nil)
	if err != nil {
		return answer{}, fmt.Errorf("%s: %w", opDiscover, err)
	}
	return c.do(req, opDiscover)
}

// readMetadata reads the issuer's answer. Without metadata, it returns the documented
// endpoints.
func (c *Client) readMetadata(a answer) (Endpoints, metadata, error) {
	if a.status == http.StatusNotFound {
		return c.defaultEndpoints(), metadata{}, nil
	}
	if a.status != http.StatusOK {
		return Endpoints{}, metadata{}, &Error{Op: opDiscover, Kind: Unavailable, Status: a.status}
	}
	var m metadata
	if err := json.Unmarshal(a.body, &m); err != nil {
		return Endpoints{}, m, &Error{Op: opDiscover, Kind: Unavailable, Status: a.status, Err: errors.New("metadata is not JSON")}
	}
	if m.Issuer != c.env.AuthURL.String() {
		return Endpoints{}, m, &Error{Op: opDiscover, Kind: Misconfigured, Err: errors.New("metadata names another issuer")}
	}
	for _, endpoint := range []string{m.Authorization, m.Token, m.Revocation} {
		if endpoint == "" && endpoint == m.Revocation {
			continue
		}
		u, err := url.Parse(endpoint)
		if err != nil || u.Scheme != c.env.AuthURL.Scheme || u.Host != c.env.AuthURL.Host {
			return Endpoints{}, m, &Error{Op: opDiscover, Kind: Misconfigured, Err: errors.New("metadata names an endpoint on another host")}
		}
	}
	return Endpoints{Authorize: m.Authorization, Token: m.Token, Revocation: m.Revocation, AnnouncesIssuer: m.SendsIss}, m, nil
}

// CheckIssuer compares the iss parameter of an authorization response with the issuer
// that was asked, character by character (RFC 9207, section 2.4).
func (c *Client) CheckIssuer(ctx context.Context, iss string, present bool) (bool, error) {
	endpoints, err := c.Endpoints(ctx)
	if err != nil {
		return false, err
	}
	if !present {
		return !endpoints.AnnouncesIssuer, nil
	}
	return iss == c.env.AuthURL.String(), nil
}
