package handlers

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// The outcomes of refused sign-ins.
const (
	outcomeWrongCredentials = "wrong_credentials" // #nosec G101 -- a word for the log
	outcomeWrongCode        = "wrong_code"
	outcomeUsedCode         = "used_before"
	outcomeThrottled        = "throttled"
	outcomeBusy             = "busy"
	outcomeEmailTaken       = "email_taken"
	outcomeLinkSpent        = "link_spent"
	outcomePasskeyRefused   = "passkey_refused"
	outcomePasskeyLate      = "passkey_late"
	outcomePasskeyCopied    = "passkey_copied"
)

// recordSignIn records a sign-in or a similar action for staff. It also notes the
// action, the outcome, and the person on the request's log line. An email is noted
// as a keyed hash.
func (s *site) recordSignIn(c echo.Context, message string, e accounts.SignInEvent, more ...slog.Attr) {
	e.Address, e.SupportCode = request.Address(c), request.SupportCode(c)
	s.Accounts.RecordSignIn(e)
	ctx := c.Request().Context()
	attrs := []slog.Attr{slog.String("action", string(e.Action)), slog.String("outcome", e.Outcome)}
	switch {
	case e.UserID != uuid.Nil:
		attrs = append(attrs, slog.Any("user", e.UserID))
	case e.Email != "":
		hash, err := s.Accounts.EmailHash(ctx, e.Email)
		if err != nil {
			request.NoteError(ctx, slog.LevelWarn, fmt.Errorf("hash an email for the log: %w", err))
		}
		if hash != "" {
			attrs = append(attrs, slog.String("email_hash", hash))
		}
	}
	level := slog.LevelInfo
	if e.Action == accounts.ActionStaffIssuer && e.Outcome != accounts.OutcomeOK {
		level = slog.LevelWarn // the issuer may be misconfigured
	}
	request.NoteEvent(ctx, level, message, append(attrs, more...)...)
}

// recordRefusal records a refused sign-in or a similar refusal. It records no
// errors of ours, which the request's log line has.
func (s *site) recordRefusal(c echo.Context, action accounts.SignInAction, email string, err error) {
	e := accounts.SignInEvent{Action: action, Email: email, Staff: action == accounts.ActionStaffIssuer}
	_, throttled := errors.AsType[*accounts.ThrottledError](err)
	_, busy := errors.AsType[*accounts.BusyError](err)
	switch {
	case throttled:
		e.Outcome = outcomeThrottled
	case busy:
		e.Outcome = outcomeBusy
	case errors.Is(err, accounts.ErrWrongCredentials):
		e.Outcome = outcomeWrongCredentials
	case errors.Is(err, accounts.ErrEmailTaken):
		e.Outcome = outcomeEmailTaken
	default:
		return
	}
	s.recordSignIn(c, "sign-in refused", e)
}
