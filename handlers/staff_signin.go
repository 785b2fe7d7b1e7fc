package handlers

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"golang.org/x/oauth2"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/views"
)

const (
	staffSignInPath = "/staff/signin"
	staffReturnPath = "/staff/signin/callback"
	// staffTripLife is how long a trip to the staff's own issuer may take.
	staffTripLife = 10 * time.Minute
	// issuerTime and issuerAnswer bound each request to the issuer, in time and in
	// bytes.
	issuerTime   = 10 * time.Second
	issuerAnswer = 256 << 10
)

// StaffIssuer is where our staff sign in by OpenID Connect instead of with a
// password of ours.
type StaffIssuer struct {
	Issuer, ClientID string
	ClientSecret     models.Secret

	mu       sync.Mutex
	provider *oidc.Provider
	basic    bool // how the client authenticates at the token endpoint
}

// errStaffSignIn: the issuer's answer lets nobody in.
var errStaffSignIn = errors.New("staff sign-in refused")

// client sends requests within our limits. A redirect would carry the client
// secret to another address.
func (i *StaffIssuer) client(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, &http.Client{
		Timeout: issuerTime, Transport: limited{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
}

// limited cuts answers that are too long.
type limited struct{ http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, issuerAnswer), resp.Body}
	}
	return resp, err
}

// Discover asks the issuer for its metadata until it has answered once, so that
// the app starts while the issuer is down.
func (i *StaffIssuer) Discover() (*oidc.Provider, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.provider != nil {
		return i.provider, nil
	}
	// The provider fetches keys for as long as it lives, so no request's context
	// will do.
	provider, err := oidc.NewProvider(i.client(context.Background()), i.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discover staff issuer: %w", err)
	}
	var metadata struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&metadata); err != nil {
		return nil, fmt.Errorf("read staff issuer's metadata: %w", err)
	}
	// Without a list, the issuer takes client_secret_basic (OpenID Connect
	// Discovery, section 3).
	i.basic = len(metadata.Methods) == 0 || slices.Contains(metadata.Methods, "client_secret_basic")
	i.provider = provider
	return provider, nil
}

func (s *site) staffOAuth(provider *oidc.Provider) *oauth2.Config {
	endpoint := provider.Endpoint()
	if endpoint.AuthStyle = oauth2.AuthStyleInParams; s.StaffIssuer.basic {
		endpoint.AuthStyle = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{
		ClientID: s.StaffIssuer.ClientID, ClientSecret: s.StaffIssuer.ClientSecret.Reveal(), Endpoint: endpoint,
		RedirectURL: s.BaseURL.JoinPath(staffReturnPath).String(), Scopes: []string{oidc.ScopeOpenID, "email"},
	}
}

// staffTrip is what is kept of a trip to the issuer in the session it began in.
type staffTrip struct {
	State, Nonce, Verifier string
	Until                  time.Time
}

// staffSignIn sends one of our staff to their issuer.
func (s *site) staffSignIn(c echo.Context) error {
	if s.StaffIssuer == nil {
		return models.ErrNotFound
	}
	provider, err := s.StaffIssuer.Discover()
	if err != nil {
		return s.staffSignInFailed(c, http.StatusServiceUnavailable, err)
	}
	trip := staffTrip{State: rand.Text() + rand.Text(), Nonce: rand.Text() + rand.Text(), Verifier: oauth2.GenerateVerifier(), Until: s.Now().Add(staffTripLife)}
	if err := s.sessions.BeginStaffTrip(c.Request().Context(), trip); err != nil {
		return err
	}
	return seeOther(c, s.staffOAuth(provider).AuthCodeURL(trip.State, oidc.Nonce(trip.Nonce), oauth2.S256ChallengeOption(trip.Verifier)))
}

// staffReturn is the way back. Only who was made staff before gets in, and the
// second factor is the issuer's matter.
func (s *site) staffReturn(c echo.Context) error {
	if s.StaffIssuer == nil {
		return models.ErrNotFound
	}
	ctx := c.Request().Context()
	trip, ok := s.sessions.TakeStaffTrip(ctx)
	query := c.QueryParams()
	switch {
	case !ok || s.Now().After(trip.Until) || len(query["state"]) != 1 || subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(trip.State)) != 1:
		return s.staffSignInFailed(c, http.StatusBadRequest, fmt.Errorf("%w: state", errStaffSignIn))
	case query.Has("iss") && query.Get("iss") != s.StaffIssuer.Issuer: // RFC 9207, section 2.4
		return s.staffSignInFailed(c, http.StatusBadRequest, fmt.Errorf("%w: issuer", errStaffSignIn))
	case query.Has("error") || len(query["code"]) != 1:
		return s.staffSignInFailed(c, http.StatusForbidden, fmt.Errorf("%w: no code", errStaffSignIn))
	}
	email, err := s.staffEmail(ctx, query.Get("code"), trip)
	if err != nil {
		return s.staffSignInFailed(c, http.StatusForbidden, err)
	}
	user, err := s.Accounts.StaffUser(ctx, email)
	if errors.Is(err, models.ErrNotFound) {
		return s.staffSignInFailed(c, http.StatusForbidden, err)
	}
	if err != nil {
		return err
	}
	if err := s.sessions.SignIn(ctx, user, uuid.Nil); err != nil {
		return err
	}
	s.sessions.FactorPassed(ctx)
	s.Log.InfoContext(ctx, "staff signed in", "staff", user.ID, "support_code", supportCode(c))
	return seeOther(c, home(true))
}

// staffEmail exchanges the code and reads the ID token (OpenID Connect Core,
// section 3.1.3.7).
func (s *site) staffEmail(ctx context.Context, code string, trip staffTrip) (string, error) {
	provider, err := s.StaffIssuer.Discover()
	if err != nil {
		return "", err
	}
	token, err := s.staffOAuth(provider).Exchange(s.StaffIssuer.client(ctx), code, oauth2.VerifierOption(trip.Verifier))
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		// Its own words hold the issuer's whole answer.
		return "", fmt.Errorf("%w: exchange answered %d %s", errStaffSignIn, refused.Response.StatusCode, oauthCode(refused.ErrorCode))
	}
	if err != nil {
		return "", fmt.Errorf("exchange code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	verifier := provider.Verifier(&oidc.Config{ClientID: s.StaffIssuer.ClientID, Now: s.Now})
	id, err := verifier.Verify(s.StaffIssuer.client(ctx), raw)
	if err != nil {
		return "", fmt.Errorf("%w: ID token does not verify", errStaffSignIn)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(trip.Nonce)) != 1 {
		return "", fmt.Errorf("%w: nonce", errStaffSignIn)
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := id.Claims(&claims); err != nil || !claims.Verified {
		return "", fmt.Errorf("%w: email is not verified", errStaffSignIn)
	}
	email, ok := models.ParseEmail(claims.Email)
	if !ok {
		return "", fmt.Errorf("%w: email", errStaffSignIn)
	}
	return email, nil
}

// oauthCode keeps the log to the codes of RFC 6749, section 5.2.
func oauthCode(code string) string {
	if slices.Contains([]string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}, code) {
		return code
	}
	return "with another error"
}

// staffSignInFailed says that nobody was signed in. The page is the same for
// whoever is not one of staff.
func (s *site) staffSignInFailed(c echo.Context, status int, err error) error {
	s.Log.WarnContext(c.Request().Context(), "staff sign-in failed", "support_code", supportCode(c), "error", err)
	return fieldbridge.Render(c, status, views.StaffSignInFailed(supportCode(c), s.clock()))
}
