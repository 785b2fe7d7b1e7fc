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
	// Refresh is zero where the answer had none: the old one stays good
	// (RFC 6749, section 6).
	Refresh secret.Value
	// ExpiresAt is when the access token lapses.
	ExpiresAt time.Time
	// GuessedExpiry says that the answer did not say when in a way to be believed.
	GuessedExpiry bool
	// Scopes is nil where the answer did not say; then they are as asked.
	Scopes []string
	// TenantID is the token's own word for which tenant it is; 0 if it has none.
	TenantID int64
}

// AuthorizeRequest is one trip of a browser to the authorization endpoint.
type AuthorizeRequest struct {
	State       secret.Value
	Verifier    secret.Value // of PKCE (RFC 7636)
	RedirectURI string
	TenantID    int64 // a hint which tenant to offer
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
			// Left to guess, the library sends a failed request a second time, and
			// with it a code or refresh token that is good only once.
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

// AuthorizeURL is where the browser is sent (RFC 6749, section 4.1.1), with
// PKCE S256 always.
func (c *Client) AuthorizeURL(ctx context.Context, r AuthorizeRequest) (string, error) {
	endpoints, err := c.Endpoints(ctx)
	if err != nil {
		return "", err
	}
	return c.config(endpoints, r.RedirectURI).AuthCodeURL(r.State.Reveal(),
		oauth2.S256ChallengeOption(r.Verifier.Reveal()),
		oauth2.SetAuthURLParam("acr_values", "tenant:"+strconv.FormatInt(r.TenantID, 10))), nil
}

// Exchange trades a code for tokens (RFC 6749, section 4.1.3). One call is one
// request.
func (c *Client) Exchange(ctx context.Context, code, verifier secret.Value, redirectURI string) (Tokens, error) {
	return c.tokens(ctx, "exchange code", redirectURI, func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		return config.Exchange(ctx, code.Reveal(), oauth2.VerifierOption(verifier.Reveal()))
	})
}

// Refresh renews access (RFC 6749, section 6). One call is one request.
func (c *Client) Refresh(ctx context.Context, refresh secret.Value) (Tokens, error) {
	return c.tokens(ctx, "refresh access", "", func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		return config.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh.Reveal()}).Token()
	})
}

// OwnClient is a client ID and secret that a tenant's admin has made for us in
// ServiceTitan; not the app's registration.
type OwnClient struct {
	ID     string
	Secret secret.Value
}

// IsZero says that there is none.
func (o OwnClient) IsZero() bool { return o.ID == "" && o.Secret.IsZero() }

// ClientCredentials gets access in the name of a tenant's own client (RFC 6749,
// section 4.4). No scope is sent, since ServiceTitan then grants all that the
// admin allowed. A refresh token does not belong in the answer, and is dropped.
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
		// Not the library's words: they may quote the answer.
		return Tokens{}, &Error{Op: op, Kind: Unavailable, AnswerLost: true, Err: errors.New("answer was not understood")}
	}
	granted := Tokens{
		Access:        secret.New(token.AccessToken),
		ExpiresAt:     began.Add(transport.lifetime).UTC(),
		GuessedExpiry: transport.guessed,
		TenantID:      tenantClaim(token.AccessToken),
	}
	// The library hands the old refresh token back where the answer has none.
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

// Revoke withdraws a refresh token and with it the grant (RFC 7009, section
// 2.1). That the issuer does not know the token counts as done.
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
