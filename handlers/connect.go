package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

// offered returns the environments that a contractor can choose.
func (s *site) offered() []string {
	var names []string
	for _, e := range s.Connections.Environments() {
		names = append(names, string(e.Name))
	}
	return names
}

// connectForm shows the first step: the environment, the way, and the tenant. The
// form is empty for a new connection, and filled in for a person who returns to it.
func (s *site) connectForm(c echo.Context, v accounts.Visitor) error {
	var page views.ConnectPage
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
			return s.review(c, choice)
		}
	}
	if ok && !choice.Reconnects() {
		page.Environment, page.Way = string(choice.Environment), string(choice.Way)
		page.Tenant = strconv.FormatInt(choice.TenantID, 10)
	}
	return s.showConnect(c, http.StatusOK, page)
}

func (s *site) showConnect(c echo.Context, status int, page views.ConnectPage) error {
	page.Environments = s.offered()
	for _, e := range s.Connections.Environments() {
		for _, way := range e.Ways {
			if !slices.Contains(page.Ways, string(way)) {
				page.Ways = append(page.Ways, string(way))
			}
		}
	}
	page.Recommended = recommended(s.Connections.Environments())
	if page.Environment == "" && len(page.Environments) > 0 {
		page.Environment = page.Environments[0]
	}
	if page.Way == "" && len(page.Ways) > 0 {
		page.Way = page.Ways[0]
	}
	return fieldbridge.Render(c, status, views.Connect(page))
}

// recommended returns the way that every environment offers first. It is empty if
// they differ.
func recommended(environments []servicetitan.Environment) string {
	way := servicetitan.Way("")
	for i, e := range environments {
		if i > 0 && e.Ways[0] != way {
			return ""
		}
		way = e.Ways[0]
	}
	return string(way)
}

// tenantProblem describes a valid tenant ID.
const tenantProblem = "Enter the number that ServiceTitan shows as My Tenant ID. It has digits only, 10 at most."

// connect keeps the choice and goes on to the review.
func (s *site) connect(c echo.Context, _ accounts.Visitor) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page := views.ConnectPage{Environment: f.Line("env"), Way: f.Line("how"), Tenant: f.Line("tenant")}
	choice := models.Choice{Environment: servicetitan.EnvironmentName(page.Environment), Way: servicetitan.Way(page.Way)}
	var ok bool
	if choice.TenantID, ok = models.ParseTenantID(page.Tenant); !ok {
		page.Errors.Tenant = tenantProblem
	}
	if environment, ok := s.environment(choice.Environment); !ok {
		page.Errors.Environment = "Choose which ServiceTitan to connect."
	} else if !environment.Offers(choice.Way) {
		page.Errors.Way = "Choose how to connect. " + environment.Name.Label() + " does not offer every way."
	}
	if page.Errors != (views.ConnectErrors{}) {
		return s.showConnect(c, http.StatusUnprocessableEntity, page)
	}
	return s.review(c, choice)
}

// review keeps a choice and goes on to the second step of its way.
func (s *site) review(c echo.Context, choice models.Choice) error {
	id := s.sessions.AddChoice(c.Request().Context(), choice)
	step := map[servicetitan.Way]string{
		servicetitan.SignIn: "/connect/review", servicetitan.OwnCredentials: "/connect/credentials", servicetitan.Guided: "/connect/guided",
	}[choice.Way]
	return seeOther(c, step+"?"+url.Values{"choice": {id}}.Encode())
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
	page := views.ReviewPage{Choice: choice, ChoiceID: id, Scopes: environment.Scopes, CanAsk: v.Owns()}
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
