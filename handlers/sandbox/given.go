package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Given is access to a tenant that was given without the pages.
type Given struct {
	AccessToken string
	// RefreshToken is empty for a tenant's own client, which has ClientID and
	// ClientSecret.
	RefreshToken           string
	ClientID, ClientSecret string
	ExpiresAt              time.Time
	Scopes                 []string
}

// GiveAccess gives access to a tenant as if its admin had signed in and allowed it.
func (s *Sandbox) GiveAccess(tenantID int64) Given {
	now := s.now()
	s.mu.Lock()
	given := s.give(s.allowedGrant(tenantID, now), now)
	s.mu.Unlock()
	s.record(given.AccessToken, given.RefreshToken)
	return given
}

// GiveClient gives access as if the tenant ID had been added to the app, the tenant's
// admin had allowed it, and a client secret had been generated.
func (s *Sandbox) GiveClient(tenantID int64) (Given, error) {
	if err := s.AddTenant(tenantID); err != nil {
		return Given{}, err
	}
	if err := s.Allow(tenantID); err != nil {
		return Given{}, err
	}
	clientID, secret, err := s.Generate(tenantID, 1)
	if err != nil {
		return Given{}, err
	}
	now := s.now()
	s.mu.Lock()
	of := &grant{clientID: clientID, tenantID: tenantID, scopes: s.app.scopes(s.app.installs[tenantID])}
	given := s.give(of, now)
	s.mu.Unlock()
	given.ClientID, given.ClientSecret = clientID, secret
	s.record(given.AccessToken)
	return given, nil
}

// give makes the tokens of a grant. The caller holds the mutex.
func (s *Sandbox) give(of *grant, now time.Time) Given {
	granted := s.issue(of, of.scopes, tokenRequest{now: now})
	return Given{
		AccessToken: granted.AccessToken, RefreshToken: granted.RefreshToken,
		ExpiresAt: now.Add(s.settings.AccessTokenLife), Scopes: slices.Clone(of.scopes),
	}
}

// ErrRefused says that an authorization request is not one that the consent page would
// show.
var ErrRefused = errors.New("the authorization request was refused")

// Consent answers an authorization request as if a tenant's admin had signed in and chosen
// Allow. It returns the address that leads back to the app.
func (s *Sandbox) Consent(ctx context.Context, address string, tenantID int64) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", fmt.Errorf("consent: %w", err)
	}
	asked, refused := s.readAuthorization(r)
	if refused.code != "" {
		return "", fmt.Errorf("%w: %s", ErrRefused, refused.code)
	}
	if _, known := s.all().byID(tenantID); !known {
		return "", fmt.Errorf("tenant %d: %w", tenantID, ErrNoTenant)
	}
	issued := s.issueCode(asked, tenantID, "")
	s.record(issued)
	return s.callback(asked, url.Values{"code": {issued}}), nil
}
