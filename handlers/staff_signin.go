package handlers

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"golang.org/x/oauth2"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

const (
	staffSignInPath = "/staff/signin"
	staffReturnPath = "/staff/signin/callback"
)

// staffTrip is what is kept of a trip to the issuer in the session it began in.
type staffTrip struct {
	State, Nonce, Verifier string
	Until                  time.Time
}

// staffRefusal is why a trip let nobody in.
type staffRefusal struct {
	reason string
	err    error // more of it, fit for the log
}

func (r *staffRefusal) Error() string { return "staff sign-in refused: " + r.reason }

// Unwrap lets errors.Is find the cause.
func (r *staffRefusal) Unwrap() error { return r.err }

func refused(reason string, err error) error { return &staffRefusal{reason, err} }

// errStaffTrip is the cause of refusals of what is not this session's trip.
var errStaffTrip = errors.New("not the way back of this session")

// staffSignIn sends one of our staff to their issuer.
func (s *site) staffSignIn(c echo.Context) error {
	if s.StaffIssuer == nil {
		return models.ErrNotFound
	}
	if looksAhead(c) {
		return c.NoContent(http.StatusNoContent)
	}
	ctx := c.Request().Context()
	if in, ok := s.sessions.SignedIn(ctx); ok && in.elsewhere {
		return seeOther(c, home(true))
	}
	metadata, err := s.StaffIssuer.metadata(ctx, s.Now())
	if err != nil {
		return s.staffSignInFailed(c, err)
	}
	if err := s.Accounts.BeginStaffTrip(ctx, address(c)); err != nil {
		return err
	}
	trip := staffTrip{
		State: rand.Text() + rand.Text(), Nonce: rand.Text() + rand.Text(), Verifier: oauth2.GenerateVerifier(),
		Until: s.Now().Add(models.StaffTripLife),
	}
	if err := s.sessions.BeginStaffTrip(ctx, trip); err != nil {
		return err
	}
	return seeOther(c, s.StaffIssuer.oauth(metadata, s.staffReturnURL()).
		AuthCodeURL(trip.State, oidc.Nonce(trip.Nonce), oauth2.S256ChallengeOption(trip.Verifier)))
}

func (s *site) staffReturnURL() string { return s.BaseURL.JoinPath(staffReturnPath).String() }

// staffReturn is the way back. Only who was made staff before gets in, and the
// second factor is the issuer's matter.
func (s *site) staffReturn(c echo.Context) error {
	if s.StaffIssuer == nil {
		return models.ErrNotFound
	}
	if looksAhead(c) {
		return c.NoContent(http.StatusNoContent)
	}
	ctx := c.Request().Context()
	person, err := s.endStaffTrip(c, c.QueryParams())
	if err != nil {
		return s.staffSignInFailed(c, err)
	}
	user, err := s.Accounts.StaffArrived(ctx, person.email, person.name)
	if errors.Is(err, models.ErrNotFound) {
		return s.staffSignInFailed(c, refused("not_staff", nil))
	}
	if err != nil {
		return err
	}
	if err := s.sessions.SignIn(ctx, user, uuid.Nil); err != nil {
		return err
	}
	s.sessions.CameFromElsewhere(ctx)
	s.Log.InfoContext(ctx, "staff signed in", "staff", user.ID, "support_code", supportCode(c))
	return seeOther(c, home(true))
}

// endStaffTrip ends a trip of this session, once, and says whom the issuer
// vouches for.
func (s *site) endStaffTrip(c echo.Context, query url.Values) (issuedPerson, error) {
	ctx := c.Request().Context()
	for _, values := range query {
		if len(values) > 1 { // RFC 6749, section 3.1
			return issuedPerson{}, refused("repeated", errStaffTrip)
		}
	}
	trip, ok := s.sessions.TakeStaffTrip(ctx, query.Get("state"))
	if !ok || s.Now().After(trip.Until) {
		return issuedPerson{}, refused("state", errStaffTrip)
	}
	err := s.Accounts.EndStaffTrip(ctx, servicetitan.NewSecret(trip.State))
	if errors.Is(err, models.ErrUnknownState) {
		return issuedPerson{}, refused("ended_before", errStaffTrip)
	}
	if err != nil {
		return issuedPerson{}, err
	}
	metadata, err := s.StaffIssuer.metadata(ctx, s.Now())
	if err != nil {
		return issuedPerson{}, err
	}
	switch { // RFC 9207, section 2.4; an error has its issuer too
	case query.Has("iss") && query.Get("iss") != s.StaffIssuer.Issuer, !query.Has("iss") && metadata.sendsIss:
		return issuedPerson{}, refused("issuer", errStaffTrip)
	case query.Has("error"):
		return issuedPerson{}, refused("denied", nil)
	case query.Get("code") == "":
		return issuedPerson{}, refused("no_code", nil)
	}
	return s.StaffIssuer.exchange(ctx, metadata, s.staffReturnURL(), query.Get("code"), trip, s.Now)
}

// staffSignInFailed says that nobody was signed in, and writes down why. The page
// is the same for whoever is not one of staff.
func (s *site) staffSignInFailed(c echo.Context, err error) error {
	page := views.StaffSignInFailedPage{SupportCode: supportCode(c), Clock: s.clock()}
	status, reason := http.StatusForbidden, ""
	refusal, ok := errors.AsType[*staffRefusal](err)
	switch {
	case ok:
		reason, err = refusal.reason, refusal.err
		if errors.Is(err, errStaffTrip) {
			status, err = http.StatusBadRequest, nil
		}
	case errors.Is(err, errIssuerAway):
		reason = "issuer_away"
	case errors.Is(err, errIssuerMisconfigured):
		reason = "issuer_misconfigured"
	default:
		return err
	}
	noteEvent(c.Request().Context(), slog.LevelWarn, "staff sign-in refused", slog.String("reason", reason))
	if err != nil {
		noteError(c.Request().Context(), slog.LevelWarn, err)
	}
	if !ok {
		status, page.Away = http.StatusServiceUnavailable, true
		s.setRetryAfter(c.Response().Header(), s.Now().Add(retrySoon))
	}
	return fieldbridge.Render(c, status, views.StaffSignInFailed(page))
}
