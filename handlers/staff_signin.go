package handlers

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"
	"golang.org/x/oauth2"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/failure"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

const (
	staffSignInPath = "/staff/signin"
	staffReturnPath = "/staff/signin/callback"
)

// staffTrip is an authorization at the staff's issuer.
type staffTrip struct{ State, Nonce, Verifier string }

// staffRefusal says why an authorization did not sign anybody in.
type staffRefusal struct {
	reason string
	err    error  // details that are fit for the log
	email  string // of the person that the issuer vouches for, if it is known
}

func (r *staffRefusal) Error() string { return "staff sign-in refused: " + r.reason }

// Unwrap lets errors.Is find the cause.
func (r *staffRefusal) Unwrap() error { return r.err }

func refused(reason string, err error) error { return &staffRefusal{reason: reason, err: err} }

func refusedPerson(reason, email string) error { return &staffRefusal{reason: reason, email: email} }

// errStaffTrip is the cause of refusing a callback that does not belong to this
// session.
var errStaffTrip = errors.New("the callback does not belong to an authorization of this session")

// staffSignIn sends a staff member to their issuer.
func (s *site) staffSignIn(c echo.Context) error {
	if s.StaffIssuer == nil {
		return database.ErrNotFound
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
	if err := s.Accounts.BeginStaffAuthorization(ctx, request.Address(c)); err != nil {
		s.recordRefusal(c, accounts.ActionStaffIssuer, "", err)
		return err
	}
	trip := staffTrip{State: rand.Text() + rand.Text(), Nonce: rand.Text() + rand.Text(), Verifier: oauth2.GenerateVerifier()}
	sealed, err := s.Accounts.SealStaffAuthorization(secret.New(trip.State), trip.Nonce, trip.Verifier)
	if err != nil {
		return err
	}
	s.sessions.BeginStaffTrip(ctx, keptTrip{State: stateName(trip.State), Sealed: sealed, Until: s.Now().Add(accounts.StaffAuthorizationLife)})
	return seeOther(c, s.StaffIssuer.authURL(metadata, s.staffReturnURL(), trip))
}

func (s *site) staffReturnURL() string { return s.BaseURL.JoinPath(staffReturnPath).String() }

// staffReturn receives the browser when it returns from the issuer. It signs in
// only people who already have a staff account. The second factor is up to the
// issuer.
func (s *site) staffReturn(c echo.Context) error {
	if s.StaffIssuer == nil {
		return database.ErrNotFound
	}
	if looksAhead(c) {
		return c.NoContent(http.StatusNoContent)
	}
	ctx := c.Request().Context()
	person, err := s.endStaffTrip(c, c.QueryParams())
	if err != nil {
		return s.staffSignInFailed(c, err)
	}
	user, err := s.Accounts.StaffArrived(ctx, person)
	switch {
	case errors.Is(err, database.ErrNotFound):
		return s.staffSignInFailed(c, refusedPerson("not_staff", person.Email))
	case errors.Is(err, accounts.ErrOtherIdentity):
		return s.staffSignInFailed(c, refusedPerson("other_identity", person.Email))
	}
	if err != nil {
		return err
	}
	if err := s.begin(c, accounts.SignedIn{User: user}); err != nil {
		return err
	}
	s.sessions.CameFromElsewhere(ctx)
	s.recordSignIn(c, "staff signed in", accounts.SignInEvent{Action: accounts.ActionStaffIssuer, Outcome: accounts.OutcomeOK, UserID: user.ID, Staff: true})
	return seeOther(c, home(true))
}

// endStaffTrip ends an authorization of this session, which works only once. It
// returns the person that the issuer vouches for.
func (s *site) endStaffTrip(c echo.Context, query url.Values) (accounts.IssuedPerson, error) {
	ctx := c.Request().Context()
	for _, values := range query {
		if len(values) > 1 { // RFC 6749, section 3.1
			return accounts.IssuedPerson{}, refused("repeated", errStaffTrip)
		}
	}
	trip := staffTrip{State: query.Get("state")}
	kept, ok := s.sessions.TakeStaffTrip(ctx, stateName(trip.State))
	if !ok || s.Now().After(kept.Until) {
		return accounts.IssuedPerson{}, refused("state", errStaffTrip)
	}
	if trip.Nonce, trip.Verifier, ok = s.Accounts.OpenStaffAuthorization(secret.New(trip.State), kept.Sealed); !ok {
		return accounts.IssuedPerson{}, refused("state", errStaffTrip)
	}
	err := s.Accounts.EndStaffAuthorization(ctx, secret.New(trip.State))
	if errors.Is(err, accounts.ErrUnknownState) {
		return accounts.IssuedPerson{}, refused("ended_before", errStaffTrip)
	}
	if err != nil {
		return accounts.IssuedPerson{}, err
	}
	metadata, err := s.StaffIssuer.metadata(ctx, s.Now())
	if err != nil {
		return accounts.IssuedPerson{}, err
	}
	switch { // RFC 9207, section 2.4; error responses name their issuer too
	case query.Has("iss") && query.Get("iss") != s.StaffIssuer.Issuer, !query.Has("iss") && metadata.sendsIss:
		return accounts.IssuedPerson{}, refused("issuer", errStaffTrip)
	case query.Has("error"):
		return accounts.IssuedPerson{}, refused("denied", nil)
	case query.Get("code") == "":
		return accounts.IssuedPerson{}, refused("no_code", nil)
	}
	return s.StaffIssuer.exchange(ctx, metadata, s.staffReturnURL(), query.Get("code"), trip, s.Now)
}

// staffSignInFailed says that nobody was signed in, and logs the reason. All people
// without a staff account get the same page.
func (s *site) staffSignInFailed(c echo.Context, err error) error {
	request.NoteFailure(c.Request().Context(), failure.StaffSignIn, nil)
	page := staff.SignInFailedPage{SupportCode: request.SupportCode(c), Clock: s.clock()}
	status, reason, email := http.StatusForbidden, "", ""
	refusal, ok := errors.AsType[*staffRefusal](err)
	switch {
	case ok:
		reason, err, email = refusal.reason, refusal.err, refusal.email
		page.OtherIdentity = reason == "other_identity"
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
	if err != nil {
		request.NoteError(c.Request().Context(), slog.LevelWarn, err)
	}
	var more []slog.Attr
	if page.OtherIdentity {
		more = append(more, slog.String("remedy", "if the person has a new account at the issuer, run: fieldbridge staff add EMAIL"))
	}
	s.recordSignIn(c, "staff sign-in refused", accounts.SignInEvent{Action: accounts.ActionStaffIssuer, Outcome: reason, Email: email, Staff: true}, more...)
	if !ok {
		status, page.Away = http.StatusServiceUnavailable, true
		request.SetRetryAfter(c.Response().Header(), s.Now().Add(request.RetrySoon), s.Now())
	}
	return fieldbridge.Render(c, status, staff.SignInFailed(page))
}
