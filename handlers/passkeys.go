package handlers

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/views"
)

// listPasskeys shows the person's passkeys.
func (s *site) listPasskeys(c echo.Context, me self) error {
	return s.showPasskeys(c, me, http.StatusOK, views.PasskeysPage{})
}

func (s *site) showPasskeys(c echo.Context, me self, status int, page views.PasskeysPage) error {
	ctx := c.Request().Context()
	page.At, page.Offered, page.Clock = me.at, s.passkeys != nil, s.clockIn(c.Request().Context())
	var err error
	if page.Passkeys, err = s.Accounts.PasskeysOf(ctx, me.UserID); err != nil {
		return err
	}
	if page.CodesLeft, err = s.Accounts.RecoveryCodesLeft(ctx, me.UserID); err != nil {
		return err
	}
	return fieldbridge.Render(c, status, me.list(page))
}

// addPasskeyForm asks for a name and starts the browser's own dialog.
func (s *site) addPasskeyForm(c echo.Context, me self) error {
	if s.passkeys == nil {
		return seeOther(c, me.at)
	}
	if !s.confirmed(c) {
		return seeOther(c, me.askToConfirm(forAdding))
	}
	return fieldbridge.Render(c, http.StatusOK, views.AddPasskey(views.AddPasskeyPage{At: me.at, Name: accounts.ParseAgent(c.Request().UserAgent()).String()}))
}

// newPasskeyOptions asks the browser for a new passkey.
func (s *site) newPasskeyOptions(c echo.Context, me self) error {
	if s.passkeys == nil {
		return database.ErrNotFound
	}
	if err := readJSON(c, &struct{}{}); err != nil {
		return err
	}
	if !s.confirmed(c) {
		return c.JSON(http.StatusForbidden, told{Next: me.askToConfirm(forAdding)})
	}
	ctx := c.Request().Context()
	ceremony, err := s.passkeys.BeginAdding(ctx, me.Person)
	if errors.Is(err, accounts.ErrTooManyPasskeys) {
		return tooManyPasskeys(c)
	}
	if err != nil {
		return err
	}
	s.sessions.KeepCeremony(ctx, ceremony.Kept)
	return c.JSON(http.StatusOK, told{Options: ceremony.Options})
}

func tooManyPasskeys(c echo.Context) error {
	return c.JSON(http.StatusUnprocessableEntity, told{Problem: "You have 10 passkeys, which is the limit. Remove one that you no longer use."})
}

// addPasskey stores the passkey that the browser has made.
func (s *site) addPasskey(c echo.Context, me self) error {
	if s.passkeys == nil {
		return database.ErrNotFound
	}
	var answer struct {
		Name       string          `json:"name"`
		Credential json.RawMessage `json:"credential"`
	}
	if err := readJSON(c, &answer); err != nil {
		return err
	}
	if !s.confirmed(c) {
		return c.JSON(http.StatusForbidden, told{Next: me.askToConfirm(forAdding)})
	}
	name, problem := accounts.ParseName(answer.Name)
	if problem == accounts.NameMissing {
		name, problem = accounts.ParseAgent(c.Request().UserAgent()).String(), accounts.NameFine
	}
	if problem != accounts.NameFine {
		return c.JSON(http.StatusUnprocessableEntity, told{Problem: passkeyNameProblem(problem)})
	}
	ctx := c.Request().Context()
	epoch, err := s.passkeys.Add(ctx, me.Person, s.sessions.TakeCeremony(ctx), answer.Credential, name)
	switch {
	case errors.Is(err, accounts.ErrPasskeyRefused):
		return s.refusePasskey(c, me.event(accounts.ActionPasskeyAdded, ""), err)
	case errors.Is(err, accounts.ErrPasskeyKnown):
		return c.JSON(http.StatusUnprocessableEntity, told{Problem: "This passkey was added before."})
	case errors.Is(err, accounts.ErrTooManyPasskeys):
		return tooManyPasskeys(c)
	case errors.Is(err, accounts.ErrSignedOut):
		return s.endSession(c)
	case err != nil:
		return err
	}
	s.sessions.GoOn(ctx, epoch)
	s.recordSignIn(c, "passkey added", me.event(accounts.ActionPasskeyAdded, accounts.OutcomeOK))
	return c.JSON(http.StatusOK, told{Next: me.at})
}

func passkeyNameProblem(problem accounts.NameProblem) string {
	return nameProblem(problem, "the name", "Enter a name of at most 100 characters.")
}

// renamePasskey gives a passkey another name.
func (s *site) renamePasskey(c echo.Context, me self, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if _, err := s.Accounts.PasskeyOf(ctx, me.UserID, id); err != nil {
		return err
	}
	name, problem := accounts.ParseName(f.Raw("name"))
	if problem != accounts.NameFine {
		return s.showPasskeys(c, me, http.StatusUnprocessableEntity, views.PasskeysPage{Renaming: id, Name: f.Line("name"), Wrong: passkeyNameProblem(problem)})
	}
	if err := s.Accounts.RenamePasskey(ctx, me.UserID, id, name); err != nil {
		return err
	}
	return seeOther(c, me.at)
}

// confirmRemovePasskey asks whether to remove a passkey.
func (s *site) confirmRemovePasskey(c echo.Context, me self, id uuid.UUID) error {
	return s.showRemovePasskey(c, me, id, http.StatusOK, false)
}

func (s *site) showRemovePasskey(c echo.Context, me self, id uuid.UUID, status int, last bool) error {
	passkey, err := s.Accounts.PasskeyOf(c.Request().Context(), me.UserID, id)
	if err != nil {
		return err
	}
	if !s.confirmed(c) {
		return seeOther(c, me.askToConfirm(id.String()))
	}
	return fieldbridge.Render(c, status, views.RemovePasskey(views.RemovePasskeyPage{At: me.at, Passkey: passkey, Last: last}))
}

// removePasskey deletes a passkey.
func (s *site) removePasskey(c echo.Context, me self, id uuid.UUID) error {
	ctx := c.Request().Context()
	if _, err := s.Accounts.PasskeyOf(ctx, me.UserID, id); err != nil {
		return err
	}
	if !s.confirmed(c) {
		return seeOther(c, me.askToConfirm(id.String()))
	}
	epoch, err := s.Accounts.RemovePasskey(ctx, me.Person, id)
	switch {
	case errors.Is(err, accounts.ErrLastWayIn):
		return s.showRemovePasskey(c, me, id, http.StatusUnprocessableEntity, true)
	case errors.Is(err, accounts.ErrSignedOut):
		return s.endSession(c)
	case err != nil:
		return err
	}
	s.sessions.GoOn(ctx, epoch)
	s.recordSignIn(c, "passkey removed", me.event(accounts.ActionPasskeyRemoved, accounts.OutcomeOK))
	return seeOther(c, me.at)
}
