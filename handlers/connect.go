package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

// connectForm asks the first question of connecting that has no answer yet: how, which
// environment, or which tenant. Questions with one answer are not asked. The answers are
// in the address, so each tab has its own, and a person who goes back finds them.
func (s *site) connectForm(c echo.Context, v accounts.Visitor) error {
	ctx, choice, ok := c.Request().Context(), models.Choice{}, false
	switch id := c.QueryParam("choice"); {
	case id != "":
		_, choice, ok = s.sessions.Choice(ctx, id)
	case c.QueryParam(resume) != "":
		var err error
		if choice, ok, err = s.Connections.LastBegun(ctx, v); err != nil {
			return err
		}
		if ok && choice.Reconnects() {
			return s.review(c, choice, false)
		}
	}
	if !ok || choice.Reconnects() {
		choice = models.Choice{Environment: servicetitan.EnvironmentName(c.QueryParam("env")), Way: servicetitan.Way(c.QueryParam("how"))}
		if reading, err := models.ReadTenantID(c.QueryParam("tenant")); err == nil {
			choice.TenantID = reading.ID
		}
	}
	page := views.ConnectPage{Choice: choice, Ask: v.Owns() && c.QueryParam("ask") != ""}
	if choice.TenantID != 0 {
		page.Tenant = strconv.FormatInt(choice.TenantID, 10)
	}
	return s.showConnect(c, v, http.StatusOK, page)
}

// showConnect shows the question of a page, without answers that are not offered.
func (s *site) showConnect(c echo.Context, v accounts.Visitor, status int, page views.ConnectPage) error {
	page.At, page.Offers, page.CanAsk = "/connect", s.offers(), v.Owns()
	if page.Ask {
		page.Choice = page.Offers.SettleAsk(page.Choice)
	} else {
		page.Choice = page.Offers.Settle(page.Choice)
	}
	return fieldbridge.Render(c, status, views.Connect(page))
}

// offers returns what a contractor can choose.
func (s *site) offers() models.Offers { return models.OffersOf(s.Connections.Environments()) }

// oneWay reports whether there is only one way to connect.
func (s *site) oneWay() bool { return len(s.offers().Ways()) == 1 }

// answer completes a page with the answers that were given, or says what is wrong with
// them.
func (s *site) answer(page *views.ConnectPage, given models.Choice, tenant string) models.TenantReading {
	page.Choice, page.Tenant, page.Errors = given, shownAgain(tenant), views.ConnectErrors{}
	reading, err := models.ReadTenantID(tenant)
	page.Choice.TenantID, page.Errors.Tenant = reading.ID, tenantProblem(err)
	if environment, ok := s.environment(given.Environment); !ok || len(page.Offers.In(given.Environment)) == 0 {
		page.Errors.Environment, page.Choice.Environment = "Choose which ServiceTitan to connect.", ""
	} else if !page.Offers.Has(given.Environment, given.Way) {
		page.Errors.Way, page.Choice.Way = "Choose how to connect. "+environment.Name.Label()+" does not offer every way.", ""
	}
	return reading
}

// tenantProblem says why a text is not one tenant ID. It is empty if the text is one.
func tenantProblem(err error) string {
	problem, ok := errors.AsType[models.TenantIDError](err)
	switch {
	case !ok:
		return ""
	case problem.TooLong > 0:
		return "This number has " + strconv.Itoa(problem.TooLong) + " digits. A tenant ID has " + strconv.Itoa(models.TenantDigits) + " at most. Copy My Tenant ID again."
	case len(problem.Found) == 1:
		return "We found " + views.TenantText(problem.Found[0]) + ", but it may be another number. If it is your tenant ID, enter it alone."
	case len(problem.Found) > 1:
		var found []string
		for _, id := range problem.Found {
			found = append(found, views.TenantText(id))
		}
		return "We found more than one number: " + strings.Join(found, ", ") + ". Enter only your tenant ID."
	}
	return "Enter the number that ServiceTitan shows as My Tenant ID. It has digits only, 10 at most."
}

// shownAgain returns what was typed if the page may show it again. It returns nothing for a
// secret in the wrong field.
func shownAgain(typed string) string {
	if looksSecret(typed) || secret.InText(typed) {
		return ""
	}
	return typed
}

// connect keeps the choice and goes on to the review.
func (s *site) connect(c echo.Context, v accounts.Visitor) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page := views.ConnectPage{Offers: s.offers()}
	reading := s.answer(&page, f.choice(), f.Line("tenant"))
	if page.Errors != (views.ConnectErrors{}) {
		return s.showConnect(c, v, http.StatusUnprocessableEntity, page)
	}
	return s.review(c, page.Choice, !reading.Plain)
}

// choice returns the environment and the way that a form has.
func (f form) choice() models.Choice {
	return models.Choice{Environment: servicetitan.EnvironmentName(f.Line("env")), Way: servicetitan.Way(f.Line("how"))}
}

// readQuery says in an address that the tenant ID was read from a text, so that the page
// shows how.
const readQuery = "read"

// review keeps a choice and goes on to the second step of its way. read says that the
// tenant ID was read from a text.
func (s *site) review(c echo.Context, choice models.Choice, read bool) error {
	id := s.sessions.AddChoice(c.Request().Context(), choice)
	step := map[servicetitan.Way]string{
		servicetitan.SignIn: "/connect/review", servicetitan.OwnCredentials: "/connect/credentials", servicetitan.Guided: "/connect/guided",
	}[choice.Way]
	query := url.Values{"choice": {id}}
	if read {
		query.Set(readQuery, "yes")
	}
	return seeOther(c, step+"?"+query.Encode())
}

// reviewAccess shows the second step: the access that Fieldbridge asks for.
func (s *site) reviewAccess(c echo.Context, v accounts.Visitor) error {
	ctx := c.Request().Context()
	id, choice, ok := s.sessions.Choice(ctx, c.QueryParam("choice"))
	if !ok {
		return seeOther(c, "/connect")
	}
	environment, ok := s.environment(choice.Environment)
	if !ok {
		return seeOther(c, "/connect")
	}
	setPolicy(c.Response().Header(), environment.AuthURL.Scheme+"://"+environment.AuthURL.Host)
	page := views.ReviewPage{Choice: choice, ChoiceID: id, Scopes: environment.Scopes, CanAsk: v.Owns(), OneWay: s.oneWay(), Read: c.QueryParam(readQuery) != ""}
	if choice.Reconnects() {
		connection, err := s.Connections.Get(ctx, v.CompanyID, choice.ConnectionID)
		if err != nil {
			return err
		}
		page.TenantName = connection.TenantName
		page.Others = otherWays(environment, choice.Way)
	}
	return fieldbridge.Render(c, http.StatusOK, views.Review(page))
}

func otherWays(e servicetitan.Environment, than servicetitan.Way) []servicetitan.Way {
	return slices.DeleteFunc(slices.Clone(e.Ways), func(w servicetitan.Way) bool { return w == than })
}

func (s *site) environment(name servicetitan.EnvironmentName) (servicetitan.Environment, bool) {
	return s.Connections.Environment(name)
}

// authorize sends the browser to ServiceTitan.
func (s *site) authorize(c echo.Context, v accounts.Visitor) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	_, choice, ok := s.sessions.Choice(ctx, f.Raw("choice"))
	if !ok {
		return seeOther(c, "/connect")
	}
	to, err := s.Connections.Begin(ctx, v, s.sessions.Binding(ctx), choice)
	if err != nil {
		return err
	}
	return seeOther(c, to)
}
