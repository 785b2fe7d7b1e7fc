package handlers

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// passkeySignInOptions begins a sign-in with a passkey.
func (s *site) passkeySignInOptions(c echo.Context) error {
	if s.passkeys == nil {
		return database.ErrNotFound
	}
	if err := readJSON(c, &struct{}{}); err != nil {
		return err
	}
	ctx := c.Request().Context()
	ceremony, err := s.passkeys.BeginSignIn(ctx, request.Address(c))
	s.recordRefusal(c, accounts.ActionPasskey, "", err)
	if err != nil {
		return err
	}
	s.sessions.KeepCeremony(ctx, ceremony.Kept)
	return c.JSON(http.StatusOK, told{Options: ceremony.Options})
}

// passkeySignIn signs in the person whose passkey answered. The device has verified
// the person, so no code is asked for.
func (s *site) passkeySignIn(c echo.Context) error {
	if s.passkeys == nil {
		return database.ErrNotFound
	}
	var answer struct {
		Next       string          `json:"next"`
		Credential json.RawMessage `json:"credential"`
	}
	if err := readJSON(c, &answer); err != nil {
		return err
	}
	ctx := c.Request().Context()
	in, err := s.passkeys.SignIn(ctx, s.sessions.TakeCeremony(ctx), answer.Credential, s.StaffIssuer != nil)
	if errors.Is(err, accounts.ErrPasskeyRefused) {
		return s.refusePasskey(c, accounts.SignInEvent{Action: accounts.ActionPasskey, UserID: in.User.ID, Staff: in.User.StaffRole != ""}, err)
	}
	if err != nil {
		return err
	}
	if err := s.begin(c, in); err != nil {
		return err
	}
	s.sessions.UsedPasskey(ctx)
	s.sessions.Confirm(ctx, s.Now().Add(confirmedFor))
	s.recordSignIn(c, "signed in", accounts.SignInEvent{Action: accounts.ActionPasskey, Outcome: accounts.OutcomeOK, UserID: in.User.ID, Staff: in.User.StaffRole != ""})
	return c.JSON(http.StatusOK, told{Next: destination(in.User.StaffRole != "", answer.Next)})
}

// refusePasskey records why a passkey was refused, and says what to do.
func (s *site) refusePasskey(c echo.Context, e accounts.SignInEvent, err error) error {
	problem := ""
	switch {
	case errors.Is(err, accounts.ErrPasskeyCopied):
		e.Outcome, problem = outcomePasskeyCopied, "There seem to be two copies of this passkey, so it was refused. Sign in another way and remove it in your settings."
	case errors.Is(err, accounts.ErrPasskeyLate):
		e.Outcome, problem = outcomePasskeyLate, "This took too long. Try again."
	default:
		e.Outcome, problem = outcomePasskeyRefused, "This passkey was refused. If you removed it here, also remove it from your device, and use another way."
	}
	request.NoteError(c.Request().Context(), slog.LevelInfo, err)
	s.recordSignIn(c, "passkey refused", e)
	return c.JSON(http.StatusUnprocessableEntity, told{Problem: problem})
}
