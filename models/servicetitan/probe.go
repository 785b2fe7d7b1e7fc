package servicetitan

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Probe is the result of checking an environment with no credential other than the app
// key.
type Probe struct {
	// IssuerErr says why the issuer's metadata cannot be used. It is nil, or an Error of
	// kind Unavailable or Misconfigured.
	IssuerErr error
	// Discovered says that the issuer has metadata. Otherwise the documented endpoints
	// are used.
	Discovered bool
	// PlainPKCE says that the metadata does not announce S256 (RFC 8414, section 2). We
	// use S256 anyway.
	PlainPKCE bool
	// Skew is how far our clock is ahead of the issuer's Date header, which has whole
	// seconds. It is 0 without that header.
	Skew time.Duration
	// APIErr says why the API cannot be used. It is nil if the API answers a request
	// without a token with 401, as it should.
	APIErr error
}

// Probe asks the issuer and the API whether they work.
func (c *Client) Probe(ctx context.Context) Probe {
	var p Probe
	a, err := c.fetchMetadata(ctx)
	if p.IssuerErr = err; err == nil {
		var m metadata
		_, m, p.IssuerErr = c.readMetadata(a)
		p.Discovered = a.status == http.StatusOK
		p.PlainPKCE = p.Discovered && !slices.Contains(m.Challenges, "S256")
		if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
			p.Skew = c.now().Sub(date)
		}
	}
	p.APIErr = c.probeAPI(ctx)
	return p
}

func (c *Client) probeAPI(ctx context.Context) error {
	const op = "probe the API"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.env.APIURL.String()+"/settings/v2/tenant/1/business-units?pageSize=1", nil)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	req.Header.Set("ST-App-Key", c.env.AppKey.Reveal())
	a, err := c.do(req, op)
	if err != nil {
		return err
	}
	if a.status != http.StatusUnauthorized {
		return c.apiError(op, a)
	}
	return nil
}
