package handlers

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/a-h/templ"
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
	passkeysPath      = "/settings/passkeys"
	staffPasskeysPath = "/staff/passkeys"
)

// confirmedFor is how long people may change how they sign in after they have
// confirmed that it is them.
const confirmedFor = 10 * time.Minute

// self is a signed-in person who manages how they sign in. Members of companies and
// staff have the same pages, in different frames.
type self struct {
	accounts.Person
	staff bool
	// at is the address of the list of passkeys. The other pages are below it.
	at string
	// list shows the list of passkeys.
	list func(views.PasskeysPage) templ.Component
}

// memberSelf admits members of a company to what is their own.
func (s *site) memberSelf(handle func(echo.Context, self) error) entrance {
	return s.member(func(c echo.Context, v accounts.Visitor) error { return handle(c, selfOf(v)) })
}

func selfOf(v accounts.Visitor) self {
	return self{Person: v.Person(), at: passkeysPath, list: func(p views.PasskeysPage) templ.Component { return views.SignInSettings(v, p) }}
}

// staffSelf admits staff to what is their own. Staff who sign in at their own issuer
// have nothing of the kind here.
func (s *site) staffSelf(handle func(echo.Context, self) error) entrance {
	return s.staffMember(func(c echo.Context, m accounts.Staff) error {
		if s.StaffIssuer != nil {
			return database.ErrNotFound
		}
		return handle(c, self{Person: m.Person(), staff: true, at: staffPasskeysPath, list: func(p views.PasskeysPage) templ.Component { return staff.Passkeys(m, p) }})
	})
}

// event returns the record of what the person did.
func (me self) event(action accounts.SignInAction, outcome string) accounts.SignInEvent {
	return accounts.SignInEvent{Action: action, Outcome: outcome, UserID: me.UserID, Staff: me.staff}
}

// The pages to which a confirmation may lead, besides the page of a passkey.
const (
	forAdding = "add"
	forCode   = "code"
)

// confirmed reports whether the person may change how they sign in. In a demo, whose
// passwords nobody knows, everybody may.
func (s *site) confirmed(c echo.Context) bool {
	return s.Demo != nil || s.sessions.Confirmed(c.Request().Context(), s.Now())
}

// askToConfirm returns the address of the page that asks for the password or a
// passkey. aim names the page that comes next.
func (me self) askToConfirm(aim string) string {
	return me.at + "/confirm?" + url.Values{"for": {aim}}.Encode()
}

// afterConfirming returns the address of the page that was aimed at.
func (me self) afterConfirming(aim string) string {
	switch aim {
	case forAdding:
		return me.at + "/add"
	case forCode:
		if !me.staff {
			return codeSettingsPath
		}
	}
	if id, ok := request.ParseID(aim); ok {
		return me.at + "/" + id.String() + "/remove"
	}
	return me.at
}

// confirmForm asks the person to confirm that it is them.
func (s *site) confirmForm(c echo.Context, me self) error {
	if s.confirmed(c) {
		return seeOther(c, me.afterConfirming(c.QueryParam("for")))
	}
	return s.showConfirm(c, me, http.StatusOK, views.ConfirmPage{For: c.QueryParam("for")})
}

func (s *site) showConfirm(c echo.Context, me self, status int, page views.ConfirmPage) error {
	ctx := c.Request().Context()
	if me.afterConfirming(page.For) == me.at {
		page.For = "" // an unknown page leads nowhere
	}
	page.At, page.Email = me.at, me.Email
	var err error
	if page.Password, err = s.Accounts.HasPassword(ctx, me.UserID); err != nil {
		return err
	}
	passkeys, err := s.Accounts.PasskeysOf(ctx, me.UserID)
	if err != nil {
		return err
	}
	page.Passkey = s.passkeys != nil && len(passkeys) > 0
	return fieldbridge.Render(c, status, views.Confirm(page))
}

// confirmWithPassword checks the password of the signed-in person.
func (s *site) confirmWithPassword(c echo.Context, me self) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	err = s.Accounts.ConfirmPassword(ctx, me.UserID, secret.New(f.Raw("password")))
	if errors.Is(err, accounts.ErrWrongCredentials) {
		return s.showConfirm(c, me, http.StatusUnprocessableEntity, views.ConfirmPage{For: f.Raw("for"), Wrong: "This is not your password. Check it and try again."})
	}
	if err != nil {
		return err
	}
	s.sessions.Confirm(ctx, s.Now().Add(confirmedFor))
	return seeOther(c, me.afterConfirming(f.Raw("for")))
}

// confirmOptions asks the browser for one of the person's passkeys.
func (s *site) confirmOptions(c echo.Context, me self) error {
	if s.passkeys == nil {
		return database.ErrNotFound
	}
	if err := readJSON(c, &struct{}{}); err != nil {
		return err
	}
	ceremony, err := s.passkeys.BeginConfirming(c.Request().Context(), me.Person)
	if err != nil {
		return err
	}
	s.sessions.KeepCeremony(c.Request().Context(), ceremony.Kept)
	return c.JSON(http.StatusOK, told{Options: ceremony.Options})
}

// confirmWithPasskey checks one of the signed-in person's passkeys.
func (s *site) confirmWithPasskey(c echo.Context, me self) error {
	if s.passkeys == nil {
		return database.ErrNotFound
	}
	var answer struct {
		For        string          `json:"for"`
		Credential json.RawMessage `json:"credential"`
	}
	if err := readJSON(c, &answer); err != nil {
		return err
	}
	ctx := c.Request().Context()
	err := s.passkeys.Confirm(ctx, me.Person, s.sessions.TakeCeremony(ctx), answer.Credential)
	if errors.Is(err, accounts.ErrPasskeyRefused) {
		return s.refusePasskey(c, me.event(accounts.ActionPasskey, ""), err)
	}
	if err != nil {
		return err
	}
	s.sessions.Confirm(ctx, s.Now().Add(confirmedFor))
	return c.JSON(http.StatusOK, told{Next: me.afterConfirming(answer.For)})
}
