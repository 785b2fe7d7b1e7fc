package servicetitan

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// Tokens is what a token endpoint grants.
type Tokens struct {
	Access secret.Value
	// Refresh is zero if the answer had no refresh token. Then the old one stays valid
	// (RFC 6749, section 6).
	Refresh secret.Value
	// ExpiresAt is when the access token expires.
	ExpiresAt time.Time
	// GuessedExpiry says that the answer gave no plausible lifetime, so ExpiresAt is a
	// guess.
	GuessedExpiry bool
	// Scopes is nil if the answer did not name them. Then they are the scopes that were
	// asked for.
	Scopes []string
	// TenantID is the tenant that the token names, or 0 if it names none.
	TenantID int64
}

// AuthorizeRequest is one authorization request, which a browser takes to the
// authorization endpoint.
type AuthorizeRequest struct {
	State       secret.Value
	Verifier    secret.Value // of PKCE (RFC 7636)
	RedirectURI string
	TenantID    int64 // a hint about which tenant to offer
}

// NewState returns 256 random bits for a state parameter.
func NewState() secret.Value { return secret.New(oauth2.GenerateVerifier()) }

// NewVerifier returns a PKCE code verifier of 256 random bits (RFC 7636,
// section 4.1).
func NewVerifier() secret.Value { return secret.New(oauth2.GenerateVerifier()) }

func (c *Client) config(endpoints Endpoints, redirectURI string) *oauth2.Config {
	return &oauth2.Config{
		ClientID:     c.env.ClientID,
		ClientSecret: c.env.ClientSecret.Reveal(),
		RedirectURL:  redirectURI,
		Scopes:       c.env.Scopes,
		Endpoint: oauth2.Endpoint{
			AuthURL:  endpoints.Authorize,
			TokenURL: endpoints.Token,
			// By default the library sends a failed request a second time. It would also
			// send a code or refresh token again that works only once.
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

// AuthorizeURL returns the address to send the browser to (RFC 6749, section 4.1.1).
// The request always uses PKCE with S256.
func (c *Client) AuthorizeURL(ctx context.Context, r AuthorizeRequest) (string, error) {
	endpoints, err := c.Endpoints(ctx)
	if err != nil {
		return "", err
	}
	return c.config(endpoints, r.RedirectURI).AuthCodeURL(r.State.Reveal(),
		oauth2.S256ChallengeOption(r.Verifier.Reveal()),
		oauth2.SetAuthURLParam("acr_values", "tenant:"+strconv.FormatInt(r.TenantID, 10))), nil
}

// Exchange trades a code for tokens (RFC 6749, section 4.1.3). Each call sends one
// request.
func (c *Client) Exchange(ctx context.Context, code, verifier secret.Value, redirectURI string) (Tokens, error) {
	return c.tokens(ctx, "exchange code", redirectURI, func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		return config.Exchange(ctx, code.Reveal(), oauth2.VerifierOption(verifier.Reveal()))
	})
}

// Refresh renews access (RFC 6749, section 6). Each call sends one request.
func (c *Client) Refresh(ctx context.Context, refresh secret.Value) (Tokens, error) {
	return c.tokens(ctx, "refresh access", "", func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		return config.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh.Reveal()}).Token()
	})
}

// OwnClient is a client ID and secret that a tenant's admin made for us in
// ServiceTitan. It is not the app's own registration.
type OwnClient struct {
	ID     string
	Secret secret.Value
}

// IsZero reports whether there is no client.
func (o OwnClient) IsZero() bool { return o.ID == "" && o.Secret.IsZero() }

// ClientCredentials gets access for a tenant's own client (RFC 6749, section 4.4). It
// sends no scope, because ServiceTitan then grants everything that the admin allowed. A
// refresh token has no place in this answer, and is dropped.
func (c *Client) ClientCredentials(ctx context.Context, own OwnClient) (Tokens, error) {
	granted, err := c.tokens(ctx, "get access", "", func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		client := clientcredentials.Config{
			ClientID: own.ID, ClientSecret: own.Secret.Reveal(),
			TokenURL: config.Endpoint.TokenURL, AuthStyle: config.Endpoint.AuthStyle,
		}
		return client.Token(ctx)
	})
	granted.Refresh = secret.Value{}
	return granted, err
}

func (c *Client) tokens(ctx context.Context, op, redirectURI string, ask func(context.Context, *oauth2.Config) (*oauth2.Token, error)) (Tokens, error) {
	endpoints, err := c.Endpoints(ctx)
	if err != nil {
		return Tokens{}, err
	}
	began := c.now()
	transport := &tokenTransport{client: c, op: op}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: transport})
	token, err := ask(ctx, c.config(endpoints, redirectURI))
	if e, ok := errors.AsType[*Error](err); ok {
		return Tokens{}, e
	}
	if err != nil {
		// The library's error may quote the answer, so it is not included.
		return Tokens{}, &Error{Op: op, Kind: Unavailable, AnswerLost: true, Err: errors.New("answer was not understood")}
	}
	granted := Tokens{
		Access:        secret.New(token.AccessToken),
		ExpiresAt:     began.Add(transport.lifetime).UTC(),
		GuessedExpiry: transport.guessed,
		TenantID:      tenantClaim(token.AccessToken),
	}
	// If the answer has no refresh token, the library returns the old one.
	if transport.refresh {
		granted.Refresh = secret.New(token.RefreshToken)
	}
	if scope, ok := token.Extra("scope").(string); ok && scope != "" {
		granted.Scopes = strings.Fields(scope)
	}
	return granted, nil
}

// ErrNoRevocation says that the issuer has no revocation endpoint.
var ErrNoRevocation = errors.New("issuer has no revocation endpoint")

// Revoke revokes a refresh token, and its grant with it (RFC 7009, section 2.1). If the
// issuer does not know the token, Revoke succeeds.
func (c *Client) Revoke(ctx context.Context, refresh secret.Value) error {
	const op = "revoke access"
	endpoints, err := c.Endpoints(ctx)
	if err != nil {
		return err
	}
	if endpoints.Revocation == "" {
		return ErrNoRevocation
	}
	form := url.Values{
		"token": {refresh.Reveal()}, "token_type_hint": {"refresh_token"},
		"client_id": {c.env.ClientID}, "client_secret": {c.env.ClientSecret.Reveal()},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoints.Revocation, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := c.do(req, op)
	if err != nil {
		return err
	}
	if a.status == http.StatusOK {
		return nil
	}
	if a.status == http.StatusNotFound {
		return ErrNoRevocation
	}
	return c.tokenError(op, a)
}
