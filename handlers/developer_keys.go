package handlers

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views"
)

// listKeys lists API keys: those that work, or those that ended.
func (s *site) listKeys(c echo.Context, d developer) error {
	page := views.KeysPage{DeveloperPage: d.page, Ended: c.QueryParam("state") == "ended"}
	if id, ok := request.ParseID(c.QueryParam("before")); ok {
		page.Before = id
	}
	var err error
	page.Keys, page.More, err = s.APIKeys.Page(c.Request().Context(), d.whose, accounts.KeyFilter{Ended: page.Ended, Before: page.Before})
	if err != nil {
		return err
	}
	return d.show(c, http.StatusOK, developersTitle, views.Keys(page))
}

// newKeyForm asks what a new key is for.
func (s *site) newKeyForm(c echo.Context, d developer) error {
	form := views.KeyForm{Expires: "365", Scopes: []accounts.Scope{accounts.ScopeConnectionsRead}}
	if d.page.Staff {
		form.Company = c.QueryParam("company")
	}
	return d.showNewKey(c, http.StatusOK, form, false)
}

func (d developer) showNewKey(c echo.Context, status int, form views.KeyForm, full bool) error {
	return d.show(c, status, "Create an API key", views.NewKey(views.NewKeyPage{DeveloperPage: d.page, Form: form, Full: full}))
}

// makeKey makes a key, and shows it once.
func (s *site) makeKey(c echo.Context, d developer) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	form, n := keyForm(f), accounts.NewKey{}
	if form.Company = f.Line("company"); d.page.Staff && form.Company != "" {
		id, ok := request.ParseID(form.Company)
		if n.CompanyID = &id; !ok {
			form.Errors.Company = noSuchCompany
		}
	}
	n.ExpiresAt, form.Errors.Expires = s.expiryOf(form.Expires)
	n.Name, n.Scopes, n.CallerName, n.ReturnURLs = form.Name, form.Scopes, form.Caller, strings.Split(form.ReturnURLs, "\n")
	var key accounts.APIKey
	var made secret.Value
	if form.Errors == (views.KeyErrors{}) {
		if d.page.Staff {
			key, made, err = s.APIKeys.Create(c.Request().Context(), d.by, n)
		} else {
			key, made, err = s.APIKeys.CreateOwn(c.Request().Context(), d.owner, n)
		}
		switch {
		case errors.Is(err, accounts.ErrTooManyKeys):
			return d.showNewKey(c, http.StatusConflict, form, true)
		case errors.Is(err, database.ErrNotFound) && n.CompanyID != nil && d.page.Staff:
			form.Errors.Company = noSuchCompany
		case err != nil && !badReturnURL(&form, err):
			return err
		}
	}
	if form.Errors != (views.KeyErrors{}) {
		return d.showNewKey(c, http.StatusUnprocessableEntity, form, false)
	}
	return d.showSecret(c, "Your API key", views.KeySecret(views.KeySecretPage{DeveloperPage: d.page, Key: key, Secret: made}))
}

const noSuchCompany = "There is no company with this ID."

// keyForm reads the form about a key, and checks what can be checked without the
// database.
func keyForm(f form) views.KeyForm {
	k := views.KeyForm{Name: f.Line("name"), Caller: f.Line("caller"), ReturnURLs: f.Line("return_urls"), Expires: f.Line("expires")}
	for _, scope := range accounts.Scopes() {
		if f.Raw("scope-"+string(scope)) == "yes" {
			k.Scopes = append(k.Scopes, scope)
		}
	}
	_, problem := accounts.ParseName(k.Name)
	k.Errors.Name = nameProblem(problem, "the name", "Enter a name of at most 100 characters.")
	if len(k.Scopes) == 0 {
		k.Errors.Scopes = "Choose at least one thing that the key may do."
	}
	if k.Caller != "" {
		_, problem = accounts.ParseName(k.Caller)
		k.Errors.Caller = nameProblem(problem, "the name", "Enter a name of at most 100 characters.")
	}
	return k
}

// badReturnURL says in the form what is wrong with a return address, if that is the
// error.
func badReturnURL(form *views.KeyForm, err error) bool {
	bad, ok := errors.AsType[*accounts.ReturnURLError](err)
	switch {
	case !ok:
		return false
	case bad.URL == "":
		form.Errors.ReturnURLs = "A key has at most 20 return addresses."
	default:
		form.Errors.ReturnURLs = "This is not an exact address with https, or with http on your own computer: " + bad.URL
	}
	return true
}

// expiryOf returns when a key expires that was chosen to. The problem is empty for a
// choice that there is.
func (s *site) expiryOf(chosen string) (at *time.Time, problem string) {
	term, ok := termOf(views.Expiries(), chosen)
	if !ok {
		return nil, "Choose when the key expires."
	}
	if term == 0 {
		return nil, ""
	}
	end := s.Now().UTC().Add(term)
	return &end, ""
}

func termOf(choices []views.TermChoice, chosen string) (time.Duration, bool) {
	for _, c := range choices {
		if c.Value == chosen {
			return c.Term, true
		}
	}
	return 0, false
}

// showKey shows a key, with a form to change it.
func (s *site) showKey(c echo.Context, d developer, id uuid.UUID) error {
	key, err := s.APIKeys.Key(c.Request().Context(), d.whose, id)
	if err != nil {
		return err
	}
	return d.showKey(c, http.StatusOK, key, views.KeyForm{Name: key.Name, Scopes: key.ScopeList(), Caller: key.CallerName, ReturnURLs: key.ReturnURLs})
}

func (d developer) showKey(c echo.Context, status int, key accounts.KeyLine, form views.KeyForm) error {
	return d.show(c, status, "API key "+views.Isolate(key.Name), views.Key(views.KeyPage{DeveloperPage: d.page, Key: key, Form: form}))
}

// changeKey changes the settings of a key.
func (s *site) changeKey(c echo.Context, d developer, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	key, err := s.APIKeys.Key(c.Request().Context(), d.whose, id)
	if err != nil {
		return err
	}
	form := keyForm(f)
	if form.Errors == (views.KeyErrors{}) {
		err = s.APIKeys.Change(c.Request().Context(), d.by, d.whose, id, accounts.KeySettings{
			Name: form.Name, Scopes: form.Scopes, CallerName: form.Caller, ReturnURLs: strings.Split(form.ReturnURLs, "\n"),
		})
		if err != nil && !badReturnURL(&form, err) {
			return err
		}
	}
	if form.Errors != (views.KeyErrors{}) {
		return d.showKey(c, http.StatusUnprocessableEntity, key, form)
	}
	return seeOther(c, d.seen("/keys/"+id.String(), "changed"))
}

// rollForm asks how to roll a key.
func (s *site) rollForm(c echo.Context, d developer, id uuid.UUID) error {
	return s.showRoll(c, d, id, http.StatusOK, views.RollKeyPage{Overlap: "24"})
}

func (s *site) showRoll(c echo.Context, d developer, id uuid.UUID, status int, page views.RollKeyPage) error {
	var err error
	if page.Key, err = s.workingKey(c, d, id); err != nil {
		return err
	}
	page.DeveloperPage = d.page
	if page.Expires == "" {
		page.Expires = termBefore(page.Key.APIKey)
	}
	return d.show(c, status, "Roll "+views.Isolate(page.Key.Name), views.RollKey(page))
}

// workingKey returns a key that was not revoked.
func (s *site) workingKey(c echo.Context, d developer, id uuid.UUID) (accounts.KeyLine, error) {
	key, err := s.APIKeys.Key(c.Request().Context(), d.whose, id)
	if err == nil && key.RevokedAt != nil {
		err = database.ErrNotFound
	}
	return key, err
}

// termBefore returns the choice that is closest to what the key had so far.
func termBefore(key accounts.APIKey) string {
	if key.ExpiresAt == nil {
		return "never"
	}
	began := key.CreatedAt
	if key.RolledAt != nil {
		began = *key.RolledAt
	}
	choices := views.Expiries()
	for _, c := range choices {
		if c.Term >= key.ExpiresAt.Sub(began) {
			return c.Value
		}
	}
	return "365"
}

// rollKey gives a key another secret, and shows it once.
func (s *site) rollKey(c echo.Context, d developer, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	overlap, ok := termOf(views.Overlaps(), f.Line("overlap"))
	expires, problem := s.expiryOf(f.Line("expires"))
	if !ok || problem != "" {
		return s.showRoll(c, d, id, http.StatusUnprocessableEntity, views.RollKeyPage{
			Overlap: f.Line("overlap"), Expires: f.Line("expires"), Problem: "Choose how long the old secret works, and when the key expires.",
		})
	}
	key, made, err := s.APIKeys.Roll(c.Request().Context(), d.by, d.whose, id, accounts.KeyRoll{Overlap: overlap, ExpiresAt: expires})
	if err != nil {
		return err
	}
	return d.showSecret(c, "Your new API key", views.KeySecret(views.KeySecretPage{DeveloperPage: d.page, Key: key, Secret: made}))
}

// endOldSecret ends the secret that a key had before it was rolled.
func (s *site) endOldSecret(c echo.Context, d developer, id uuid.UUID) error {
	err := s.APIKeys.EndOld(c.Request().Context(), d.by, d.whose, id)
	if errors.Is(err, database.ErrNotFound) { // it has ended meanwhile
		_, err = s.APIKeys.Key(c.Request().Context(), d.whose, id)
	}
	if err != nil {
		return err
	}
	return seeOther(c, d.seen("/keys/"+id.String(), "ended"))
}

// confirmRevoke asks whether to revoke a key.
func (s *site) confirmRevoke(c echo.Context, d developer, id uuid.UUID) error {
	key, err := s.workingKey(c, d, id)
	if err != nil {
		return err
	}
	return d.show(c, http.StatusOK, "Revoke "+views.Isolate(key.Name)+"?", views.RevokeKey(views.RevokeKeyPage{DeveloperPage: d.page, Key: key}))
}

// revokeKey ends a key.
func (s *site) revokeKey(c echo.Context, d developer, id uuid.UUID) error {
	if err := s.APIKeys.Revoke(c.Request().Context(), d.by, d.whose, id); err != nil {
		return err
	}
	return seeOther(c, d.seen("", "revoked"))
}
