package handlers

import (
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views"
)

const (
	codePath         = "/signin/code"
	codeSettingsPath = "/settings/passkeys/code"
)

// codeForm asks a member for a code after the password.
func (s *site) codeForm(c echo.Context, m memberAtCode) error {
	return s.showCode(c, m, http.StatusOK, views.CodePage{Next: c.QueryParam("next")})
}

func (s *site) showCode(c echo.Context, m memberAtCode, status int, page views.CodePage) error {
	if destination(false, page.Next) == home(false) {
		page.Next = "" // an unknown page name leads nowhere
	}
	page.Email = m.Email
	return fieldbridge.Render(c, status, views.Code(page))
}

// passCode checks the code, and lets the session open the company's pages.
func (s *site) passCode(c echo.Context, m memberAtCode) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx, me := c.Request().Context(), selfOf(m.Visitor)
	passed, err := s.Accounts.PassFactor(ctx, m.UserID, f.Raw("code"))
	if err != nil {
		return s.refuseCode(c, me.event(accounts.ActionSecondFactor, ""), err, func() error {
			return s.showCode(c, m, http.StatusUnprocessableEntity, views.CodePage{Next: f.Raw("next"), Wrong: true})
		})
	}
	if err := s.sessions.PassFactor(ctx); err != nil {
		return err
	}
	s.recordSignIn(c, "signed in", me.event(accounts.ActionSecondFactor, accounts.OutcomeOK), slog.Bool("recovery_code", passed.Recovery))
	if passed.Recovery && passed.Left <= accounts.FewRecoveryCodes {
		return fieldbridge.Render(c, http.StatusOK, views.FewCodes(passed.Left))
	}
	return seeOther(c, destination(false, f.Raw("next")))
}

// codeSettings is where a member sets up a second factor, or changes the one that
// they have.
func (s *site) codeSettings(c echo.Context, v accounts.Visitor) error {
	return s.showCodeSettings(c, v, http.StatusOK, false)
}

func (s *site) showCodeSettings(c echo.Context, v accounts.Visitor, status int, wrong bool) error {
	ctx, me, page := c.Request().Context(), selfOf(v), views.CodeSettingsPage{Email: v.Email, Wrong: wrong}
	var err error
	if v.HasFactor {
		if page.Left, err = s.Accounts.RecoveryCodesLeft(ctx, v.UserID); err != nil {
			return err
		}
		return fieldbridge.RenderSecret(c, status, views.CodeSettings(page))
	}
	if !s.confirmed(c) {
		return seeOther(c, me.askToConfirm(forCode))
	}
	if page.Enrolment, err = s.Accounts.Enroll(ctx, me.Person, s.sessions.Enrolment(ctx)); err != nil {
		return err
	}
	if page.Enrolment == nil { // it was turned on in the meantime
		return seeOther(c, passkeysPath)
	}
	s.sessions.KeepEnrolment(ctx, page.Enrolment.Kept)
	if page.QR, page.QRSize, err = outline(page.Enrolment.URL.Reveal()); err != nil {
		return err
	}
	return fieldbridge.RenderSecret(c, status, views.CodeSettings(page))
}

// changeCode turns a member's second factor on or off, or makes new recovery codes.
func (s *site) changeCode(c echo.Context, v accounts.Visitor) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx, me := c.Request().Context(), selfOf(v)
	var codes []secret.Value
	event := me.event(accounts.ActionSecondFactor, "")
	switch do := f.Line("do"); {
	case do == "on" && !v.HasFactor:
		if !s.confirmed(c) {
			return seeOther(c, me.askToConfirm(forCode))
		}
		event.Action = accounts.ActionSecondStepOn
		var enrolled accounts.Enrolled
		if enrolled, err = s.Accounts.ConfirmFactor(ctx, me.Person, s.sessions.Enrolment(ctx), f.Raw("code")); err != nil {
			break
		}
		if err := s.sessions.PassFactor(ctx); err != nil {
			return err
		}
		s.sessions.GoOn(ctx, enrolled.Epoch)
		codes = enrolled.Codes
	case do == "codes" && v.HasFactor:
		codes, err = s.Accounts.NewRecoveryCodes(ctx, v.UserID, f.Raw("code"))
	case do == "off" && v.HasFactor:
		event.Action = accounts.ActionSecondStepOff
		var epoch int
		if epoch, err = s.Accounts.TurnOffFactor(ctx, me.Person, f.Raw("code")); err != nil {
			break
		}
		s.sessions.GoOn(ctx, epoch)
	default: // the form is of an earlier moment
		return seeOther(c, codeSettingsPath)
	}
	if err != nil {
		return s.refuseCode(c, event, err, func() error { return s.showCodeSettings(c, v, http.StatusUnprocessableEntity, true) })
	}
	event.Outcome = accounts.OutcomeOK
	s.recordSignIn(c, "second factor changed", event, slog.String("what", f.Line("do")))
	if codes == nil {
		return seeOther(c, passkeysPath)
	}
	return fieldbridge.RenderSecret(c, http.StatusOK, views.RecoveryCodes(codes, passkeysPath))
}
