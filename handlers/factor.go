package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/boombuler/barcode/qr"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/views"
)

const (
	factorPath       = "/staff/factor"
	factorChangePath = "/staff/factor/change"
)

// factorForm asks for the second factor, or sets one up.
func (s *site) factorForm(c echo.Context) error { return s.showFactor(c, http.StatusOK, false) }

func (s *site) showFactor(c echo.Context, status int, wrong bool) error {
	ctx, page := c.Request().Context(), views.FactorPage{Staff: staffMember(c), Wrong: wrong}
	has, err := s.Accounts.HasFactor(ctx, page.Staff.UserID)
	if err != nil {
		return err
	}
	if !has {
		enrolment, err := s.Accounts.BeginFactor(ctx, page.Staff)
		if err != nil {
			return err
		}
		page.Enrolment = &enrolment
		if page.QR, page.QRSize, err = outline(enrolment.URL.Reveal()); err != nil {
			return err
		}
	}
	return fieldbridge.Render(c, status, views.Factor(page))
}

// passFactor checks the code and lets the person in. The first right code ends
// the set-up.
func (s *site) passFactor(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx, member := c.Request().Context(), staffMember(c)
	has, err := s.Accounts.HasFactor(ctx, member.UserID)
	if err != nil {
		return err
	}
	var codes []models.Secret
	var left int64
	if has {
		left, err = s.Accounts.PassFactor(ctx, member.UserID, f.Raw("code"))
	} else {
		codes, err = s.Accounts.ConfirmFactor(ctx, member.UserID, f.Raw("code"))
	}
	if errors.Is(err, models.ErrWrongCode) {
		s.Log.InfoContext(ctx, "second factor refused", "staff", member.UserID, "support_code", supportCode(c))
		return s.showFactor(c, http.StatusUnprocessableEntity, true)
	}
	if err != nil {
		return err
	}
	if err := s.sessions.PassFactor(ctx); err != nil {
		return err
	}
	if len(codes) > 0 {
		return fieldbridge.Render(c, http.StatusOK, views.Recovery(views.RecoveryPage{Staff: member, Codes: codes}))
	}
	s.Log.InfoContext(ctx, "staff signed in", "staff", member.UserID, "recovery_codes_left", left, "support_code", supportCode(c))
	return seeOther(c, home(true))
}

func (s *site) factorSettings(c echo.Context) error {
	return fieldbridge.Render(c, http.StatusOK, views.FactorSettings(views.FactorSettingsPage{Staff: staffMember(c)}))
}

// changeFactor makes new recovery codes, or begins with another phone.
func (s *site) changeFactor(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx, member := c.Request().Context(), staffMember(c)
	var codes []models.Secret
	switch f.Line("do") {
	case "codes":
		codes, err = s.Accounts.NewRecoveryCodes(ctx, member.UserID, f.Raw("code"))
	case "device":
		if _, err = s.Accounts.PassFactor(ctx, member.UserID, f.Raw("code")); err == nil {
			err = s.Accounts.ForgetFactor(ctx, member.UserID)
		}
	default:
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	if errors.Is(err, models.ErrWrongCode) {
		s.Log.InfoContext(ctx, "second factor refused", "staff", member.UserID, "support_code", supportCode(c))
		return fieldbridge.Render(c, http.StatusUnprocessableEntity, views.FactorSettings(views.FactorSettingsPage{Staff: member, Wrong: true}))
	}
	if err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "second factor changed", "staff", member.UserID, "what", f.Line("do"), "support_code", supportCode(c))
	if len(codes) > 0 {
		return fieldbridge.Render(c, http.StatusOK, views.Recovery(views.RecoveryPage{Staff: member, Codes: codes}))
	}
	s.sessions.AskFactor(ctx)
	return seeOther(c, factorPath)
}

// outline draws a QR code as one path, with the quiet zone around it that
// scanners need (ISO/IEC 18004 wants four modules), and says how wide it is.
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
