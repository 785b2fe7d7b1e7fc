package handlers

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

const (
	// issuerTime and issuerAnswer limit each request to the issuer, in time and in
	// bytes.
	issuerTime   = 10 * time.Second
	issuerAnswer = 256 << 10
	// issuerKept is how long the issuer's metadata is valid. issuerRetry is how
	// soon we ask again after the issuer did not answer.
	issuerKept  = time.Hour
	issuerRetry = 5 * time.Second
)

// StaffIssuer is where staff sign in by OpenID Connect instead of with a password
// of ours.
type StaffIssuer struct {
	Issuer, ClientID string
	ClientSecret     secret.Value
	// ACR lists authentication context classes. A sign-in must have one of them. If
	// the list is empty, any class will do (OpenID Connect Core, section 2).
	ACR []string

	mu    sync.Mutex
	known *issuerMetadata
	err   error
	until time.Time
}

// issuerMetadata is an issuer's description of itself.
type issuerMetadata struct {
	provider *oidc.Provider
	// basic says that the client authenticates at the token endpoint with
	// client_secret_basic.
	basic bool
	// sendsIss says that every callback names the issuer (RFC 9207, section 3).
	sendsIss bool
}

var (
	errIssuerAway          = errors.New("staff issuer does not answer")
	errIssuerMisconfigured = errors.New("staff issuer's metadata is wrong")
)

// client returns a context whose requests keep our limits and follow no redirects.
// A redirect would send the client secret to another address.
func (*StaffIssuer) client(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, &http.Client{
		Timeout: issuerTime, Transport: limited{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
}

// limited refuses answers that are too long.
type limited struct{ http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, issuerAnswer)
	}
	return resp, err
}

// Discover asks the issuer for its metadata and remembers it. The app thus starts
// while the issuer is down, and keeps working when it goes down later.
func (i *StaffIssuer) Discover(ctx context.Context, now time.Time) error {
	_, err := i.metadata(ctx, now)
	return err
}

func (i *StaffIssuer) metadata(ctx context.Context, now time.Time) (*issuerMetadata, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if now.Before(i.until) {
		return i.known, i.err
	}
	// Everyone who waits gets this answer, even if the request that asked is
	// canceled.
	known, err := i.discover(context.WithoutCancel(ctx))
	switch {
	case err == nil:
		i.known, i.err, i.until = known, nil, now.Add(issuerKept)
	case errors.Is(err, errIssuerAway) && i.known != nil:
		i.until = now.Add(issuerRetry)
	default:
		i.known, i.err, i.until = nil, err, now.Add(issuerRetry)
	}
	return i.known, i.err
}

func (i *StaffIssuer) discover(ctx context.Context) (*issuerMetadata, error) {
	provider, err := oidc.NewProvider(i.client(ctx), i.Issuer)
	if _, ok := errors.AsType[*oidc.IssuerMismatchError](err); ok {
		return nil, fmt.Errorf("%w: it names another issuer", errIssuerMisconfigured)
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return nil, fmt.Errorf("%w: %w", errIssuerAway, failed.Err)
	}
	if err != nil {
		// The error contains the issuer's whole answer.
		return nil, fmt.Errorf("%w with its metadata", errIssuerAway)
	}
	var m struct {
		Keys     string   `json:"jwks_uri"`
		Methods  []string `json:"token_endpoint_auth_methods_supported"`
		SendsIss bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := provider.Claims(&m); err != nil {
		return nil, fmt.Errorf("%w: it cannot be read", errIssuerMisconfigured)
	}
	endpoint := provider.Endpoint()
	for name, address := range map[string]string{"authorization endpoint": endpoint.AuthURL, "token endpoint": endpoint.TokenURL, "keys": m.Keys} {
		if !i.trusts(address) {
			return nil, fmt.Errorf("%w: the address of the %s is not https", errIssuerMisconfigured, name)
		}
	}
	return &issuerMetadata{
		provider: provider, sendsIss: m.SendsIss,
		// An issuer without a list supports client_secret_basic (OpenID Connect
		// Discovery, section 3).
		basic: len(m.Methods) == 0 || slices.Contains(m.Methods, "client_secret_basic"),
	}, nil
}

// trusts says whether secrets and staff may be sent to an address. It must use
// https, or the issuer's own scheme, which is http on this machine only.
func (i *StaffIssuer) trusts(address string) bool {
	to, err := url.Parse(address)
	if err != nil || to.Host == "" {
		return false
	}
	issuer, err := url.Parse(i.Issuer)
	return to.Scheme == "https" || (err == nil && to.Scheme == issuer.Scheme && to.Host == issuer.Host)
}

// oauth returns the configuration of an authorization at the issuer.
func (i *StaffIssuer) oauth(m *issuerMetadata, redirectURI string) *oauth2.Config {
	endpoint := m.provider.Endpoint()
	// With automatic detection, the library would send the code twice.
	if endpoint.AuthStyle = oauth2.AuthStyleInParams; m.basic {
		endpoint.AuthStyle = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{
		ClientID: i.ClientID, ClientSecret: i.ClientSecret.Reveal(), Endpoint: endpoint,
		RedirectURL: redirectURI, Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
}

// authURL returns the address where an authorization begins.
func (i *StaffIssuer) authURL(m *issuerMetadata, redirectURI string, trip staffTrip) string {
	options := []oauth2.AuthCodeOption{oidc.Nonce(trip.Nonce), oauth2.S256ChallengeOption(trip.Verifier)}
	if len(i.ACR) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(i.ACR, " ")))
	}
	return i.oauth(m, redirectURI).AuthCodeURL(trip.State, options...)
}

// exchange sends the code and checks the ID token (OpenID Connect Core, section
// 3.1.3.7).
func (i *StaffIssuer) exchange(ctx context.Context, m *issuerMetadata, redirectURI, code string, trip staffTrip, now func() time.Time) (accounts.IssuedPerson, error) {
	token, err := i.oauth(m, redirectURI).Exchange(i.client(ctx), code, oauth2.VerifierOption(trip.Verifier))
	if err != nil {
		return accounts.IssuedPerson{}, exchangeRefused(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := m.provider.Verifier(&oidc.Config{ClientID: i.ClientID, Now: now}).Verify(i.client(ctx), raw)
	if err != nil {
		return accounts.IssuedPerson{}, refused("id_token", nil)
	}
	var claims struct {
		Party    string `json:"azp"`
		ACR      string `json:"acr"`
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := id.Claims(&claims); err != nil {
		return accounts.IssuedPerson{}, refused("id_token", nil)
	}
	email, ok := accounts.ParseEmail(claims.Email)
	switch {
	case (claims.Party != "" || len(id.Audience) > 1) && claims.Party != i.ClientID:
		return accounts.IssuedPerson{}, refused("authorized_party", nil)
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(trip.Nonce)) != 1:
		return accounts.IssuedPerson{}, refused("nonce", nil)
	case len(i.ACR) > 0 && !slices.Contains(i.ACR, claims.ACR):
		return accounts.IssuedPerson{}, refused("acr", nil)
	case !claims.Verified:
		return accounts.IssuedPerson{}, refused("email_not_verified", nil)
	case !ok:
		return accounts.IssuedPerson{}, refused("email", nil)
	case id.Subject == "" || len(id.Subject) > 255: // OpenID Connect Core, section 2
		return accounts.IssuedPerson{}, refused("subject", nil)
	}
	var profile struct {
		Name string `json:"name"`
	}
	_ = id.Claims(&profile) // the profile is optional
	person := accounts.IssuedPerson{Issuer: i.Issuer, Subject: id.Subject, Email: email}
	person.Name, _ = accounts.ParseName(profile.Name)
	return person, nil
}

// exchangeRefused distinguishes a refusal from an issuer that does not answer. The
// library's error texts contain parts of the answer, so they are not used.
func exchangeRefused(err error) error {
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok && answer.Response.StatusCode < http.StatusInternalServerError {
		return refused("exchange_refused", fmt.Errorf("status %d, %s", answer.Response.StatusCode, oauthCode(answer.ErrorCode)))
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%w: %w", errIssuerAway, failed.Err)
	}
	return fmt.Errorf("%w with a token", errIssuerAway)
}

// oauthCode limits the log to the codes of RFC 6749, section 5.2.
func oauthCode(code string) string {
	if slices.Contains([]string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}, code) {
		return code
	}
	return "another error"
}
