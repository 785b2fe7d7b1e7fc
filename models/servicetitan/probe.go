package servicetitan

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Probe is what a look at an environment finds, without any credential but the
// app key.
type Probe struct {
	// IssuerErr is why the issuer's metadata cannot be used: nil, or an Error of
	// kind Unavailable or Misconfigured.
	IssuerErr error
	// Discovered says that the issuer has metadata; else the documented
	// endpoints count.
	Discovered bool
	// PlainPKCE says that the metadata does not announce S256 (RFC 8414, section
	// 2). It is used all the same.
	PlainPKCE bool
	// Skew is by how much our clock is ahead of the issuer's Date header, which
	// has whole seconds; 0 without one.
	Skew time.Duration
	// APIErr is why the API cannot be used; nil if it answers as it does to
	// somebody without a token, with 401.
	APIErr error
}

// Probe asks the issuer and the API for a sign of life.
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
