package handlers

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/boombuler/barcode/qr"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

const (
	factorPath       = "/staff/factor"
	factorChangePath = "/staff/factor/change"
)

// factorForm asks for the second factor, or sets one up.
func (s *site) factorForm(c echo.Context, m staffAtFactor) error {
	return s.showFactor(c, m, http.StatusOK, false)
}

func (s *site) showFactor(c echo.Context, m staffAtFactor, status int, wrong bool) error {
	ctx, page := c.Request().Context(), staff.FactorPage{Staff: m.Staff, Wrong: wrong}
	var err error
	if page.Enrolment, err = s.Accounts.Enroll(ctx, page.Staff.Person(), s.sessions.Enrolment(ctx)); err != nil {
		return err
	}
	if page.Enrolment != nil {
		s.sessions.KeepEnrolment(ctx, page.Enrolment.Kept)
		if page.QR, page.QRSize, err = outline(page.Enrolment.URL.Reveal()); err != nil {
			return err
		}
	}
	return fieldbridge.RenderSecret(c, status, staff.Factor(page))
}

// passFactor checks the code and signs the staff member in. A correct code
// completes an enrollment.
func (s *site) passFactor(c echo.Context, m staffAtFactor) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	kept := s.sessions.Enrolment(ctx)
	enrolment, err := s.Accounts.Enroll(ctx, m.Person(), kept)
	if err != nil {
		return err
	}
	if enrolment != nil {
		return s.confirmFactor(c, m, kept, f.Raw("code"))
	}
	passed, err := s.Accounts.PassFactor(ctx, m.UserID, f.Raw("code"))
	if err != nil {
		return s.refuseCode(c, factorEvent(m.Staff, ""), err, func() error { return s.showFactor(c, m, http.StatusUnprocessableEntity, true) })
	}
	if err := s.sessions.PassFactor(ctx); err != nil {
		return err
	}
	s.recordSignIn(c, "staff signed in", factorEvent(m.Staff, accounts.OutcomeOK), slog.Bool("recovery_code", passed.Recovery))
	if passed.Recovery && passed.Left <= accounts.FewRecoveryCodes {
		return fieldbridge.Render(c, http.StatusOK, staff.FewRecoveryCodes(passed.Left))
	}
	return seeOther(c, home(true))
}

// confirmFactor completes an enrollment and signs the staff member in.
func (s *site) confirmFactor(c echo.Context, m staffAtFactor, kept, code string) error {
	ctx := c.Request().Context()
	enrolled, err := s.Accounts.ConfirmFactor(ctx, m.Person(), kept, code)
	if err != nil {
		return s.refuseCode(c, factorEvent(m.Staff, ""), err, func() error { return s.showFactor(c, m, http.StatusUnprocessableEntity, true) })
	}
	if err := s.sessions.PassFactor(ctx); err != nil {
		return err
	}
	s.sessions.GoOn(ctx, enrolled.Epoch)
	s.recordSignIn(c, "second factor enrolled", factorEvent(m.Staff, accounts.OutcomeOK))
	return fieldbridge.RenderSecret(c, http.StatusOK, views.RecoveryCodes(enrolled.Codes, home(true)))
}

// refuseCode logs why a code was refused, but never the code. After a wrong code,
// it shows the form again.
func (s *site) refuseCode(c echo.Context, e accounts.SignInEvent, err error, again func() error) error {
	switch _, throttled := errors.AsType[*accounts.ThrottledError](err); {
	case throttled:
		e.Outcome = outcomeThrottled
	case errors.Is(err, accounts.ErrUsedCode):
		e.Outcome = outcomeUsedCode
	case errors.Is(err, accounts.ErrWrongCode):
		e.Outcome = outcomeWrongCode
	case errors.Is(err, accounts.ErrSignedOut):
		return s.endSession(c)
	default:
		return err
	}
	s.recordSignIn(c, "second factor refused", e)
	if e.Outcome == outcomeThrottled {
		return err
	}
	return again()
}

// factorSettings shows where staff manage their second factor, if it is one of
// ours.
func (s *site) factorSettings(c echo.Context, m accounts.Staff) error {
	if !m.Factor {
		return database.ErrNotFound
	}
	return s.showFactorSettings(c, m, http.StatusOK, false)
}

func (s *site) showFactorSettings(c echo.Context, m accounts.Staff, status int, wrong bool) error {
	page := staff.FactorSettingsPage{Staff: m, Wrong: wrong}
	var err error
	if page.Left, err = s.Accounts.RecoveryCodesLeft(c.Request().Context(), page.Staff.UserID); err != nil {
		return err
	}
	return fieldbridge.RenderSecret(c, status, staff.FactorSettings(page))
}

// changeFactor makes new recovery codes, or starts the setup of another phone.
func (s *site) changeFactor(c echo.Context, m accounts.Staff) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if !m.Factor {
		return database.ErrNotFound
	}
	var codes []secret.Value
	var enrolment *accounts.Enrollment
	switch f.Line("do") {
	case "codes":
		codes, err = s.Accounts.NewRecoveryCodes(ctx, m.UserID, f.Raw("code"))
	case "device":
		enrolment, err = s.Accounts.ReplaceFactor(ctx, m.Person(), f.Raw("code"))
	default:
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	if err != nil {
		return s.refuseCode(c, factorEvent(m, ""), err, func() error { return s.showFactorSettings(c, m, http.StatusUnprocessableEntity, true) })
	}
	request.NoteEvent(ctx, slog.LevelInfo, "second factor changed", slog.Any("staff", m.UserID), slog.String("what", f.Line("do")))
	if enrolment != nil {
		s.sessions.AskFactor(ctx)
		s.sessions.KeepEnrolment(ctx, enrolment.Kept)
		return seeOther(c, factorPath)
	}
	return fieldbridge.RenderSecret(c, http.StatusOK, views.RecoveryCodes(codes, home(true)))
}

func factorEvent(m accounts.Staff, outcome string) accounts.SignInEvent {
	return accounts.SignInEvent{Action: accounts.ActionSecondFactor, Outcome: outcome, UserID: m.UserID, Staff: true}
}

// outline draws a QR code as one path and returns its width. It includes the quiet
// zone that scanners need (ISO/IEC 18004 requires four modules).
func outline(text string) (path, size string, err error) {
	const quiet = 4
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", "", fmt.Errorf("draw QR code: %w", err)
	}
	var b strings.Builder
	bounds := code.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	return b.String(), strconv.Itoa(bounds.Dx() + 2*quiet), nil
}
