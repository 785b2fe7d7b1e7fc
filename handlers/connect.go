package handlers

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

// waysBuilt are the ways whose pages exist.
var waysBuilt = []servicetitan.Way{servicetitan.SignIn}

// offered are the environments and ways that a contractor can choose from.
func (s *site) offered() []views.EnvironmentOption {
	var options []views.EnvironmentOption
	for _, e := range s.Connections.Environments() {
		for _, way := range waysBuilt {
			if e.Offers(way) {
				options = append(options, views.EnvironmentOption{Name: e.Name})
				break
			}
		}
	}
	return options
}

// connectForm is the first step: which ServiceTitan, and how.
func (s *site) connectForm(c echo.Context) error {
	page := views.ConnectPage{How: servicetitan.SignIn}
	if _, choice, ok := s.sessions.Choice(c.Request().Context(), ""); ok && !choice.Reconnects() {
		page.Environment, page.How, page.TenantID = choice.Environment, choice.Way, formatTenant(choice.TenantID)
	}
	return s.showConnect(c, http.StatusOK, page)
}

func (s *site) showConnect(c echo.Context, status int, page views.ConnectPage) error {
	page.Environments = s.offered()
	if page.Environment == "" && len(page.Environments) > 0 {
		page.Environment = page.Environments[0].Name
	}
	page.Visitor = visitor(c)
	return fieldbridge.Render(c, status, views.Connect(page))
}

// connect keeps the choice and goes on to the review.
func (s *site) connect(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	choice := models.Choice{Environment: servicetitan.EnvironmentName(f.Line("env")), Way: servicetitan.Way(f.Line("how"))}
	var wrong views.ConnectErrors
	tenantID, ok := models.ParseTenantID(f.Line("tenant"))
	if !ok {
		wrong.TenantID = "Enter the number that ServiceTitan shows as My Tenant ID. It has digits only."
	}
	choice.TenantID = max(tenantID, 1) // so that the rest can be checked without it
	if err := s.Connections.CheckChoice(ctx, visitor(c), choice); err != nil {
		wrong.Environment = "Choose one of these."
	}
	if wrong != (views.ConnectErrors{}) {
		return s.showConnect(c, http.StatusUnprocessableEntity, views.ConnectPage{
			Environment: choice.Environment, How: choice.Way, TenantID: f.Line("tenant"), Errors: wrong,
		})
	}
	return s.review(c, choice)
}

// review keeps a choice and shows what access it asks for.
func (s *site) review(c echo.Context, choice models.Choice) error {
	id, err := s.sessions.AddChoice(c.Request().Context(), choice)
	if err != nil {
		return err
	}
	return seeOther(c, "/connect/review?"+url.Values{"choice": {id}}.Encode())
}

// reviewAccess is the second step: what access is asked for.
func (s *site) reviewAccess(c echo.Context) error {
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
	return fieldbridge.Render(c, http.StatusOK, views.Review(views.ReviewPage{
		ChoiceID: id, Choice: choice, CompanyName: visitor(c).CompanyName,
		Areas: models.Areas(environment.Scopes), Scopes: environment.Scopes, Host: environment.AuthURL.Host,
	}))
}

func (s *site) environment(name servicetitan.EnvironmentName) (servicetitan.Environment, bool) {
	for _, e := range s.Connections.Environments() {
		if e.Name == name {
			return e, true
		}
	}
	return servicetitan.Environment{}, false
}

// authorize sends the browser to ServiceTitan.
func (s *site) authorize(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	_, choice, ok := s.sessions.Choice(ctx, f.Raw("choice"))
	if !ok {
		return seeOther(c, "/connect")
	}
	to, err := s.Connections.Begin(ctx, visitor(c), s.sessions.Binding(ctx), choice)
	if err != nil {
		return err
	}
	return seeOther(c, to)
}
