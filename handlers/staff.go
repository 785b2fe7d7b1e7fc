package handlers

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

func staffConnectionPath(id uuid.UUID) string { return "/staff" + connectionPath(id) }

// staffConnection shows one connection, and what staff can do for it.
func (s *staffSite) staffConnection(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	return s.showStaffConnection(c, m, id, http.StatusOK, staff.ConnectionPage{})
}

func (s *staffSite) showStaffConnection(c echo.Context, m accounts.Staff, id uuid.UUID, status int, page staff.ConnectionPage) error {
	before, err := beforeEvent(c)
	if err != nil {
		return err
	}
	page.Staff = m
	page.Place = support.TimelinePlace{Part: models.ParseTimelinePart(c.QueryParam("show")), Before: before}
	page.Did = c.QueryParam("did")
	page.Link = s.BaseURL.JoinPath(connectionPath(id)).String()
	page.StaffLink = s.BaseURL.JoinPath(staffConnectionPath(id)).String()
	if page.View, err = s.support.View(c.Request().Context(), m, id, page.Place); err != nil {
		return err
	}
	page.Clock = s.clock()
	page.Clock.Theirs = page.View.Company.Zone()
	connection := page.View.Connection
	if o, ok := s.Outages.Current(connection.Environment); ok {
		page.Outage = &o
	}
	if environment, ok := s.environment(connection.Environment); ok {
		page.PortalURL, page.Asked = environment.PortalURL(), environment.Scopes
		page.Missing = models.MissingAreas(connection.ScopeList(), environment.Scopes)
	}
	page.Follows = status == http.StatusOK
	page.Version = shownVersion(connection, page.View.Check, page.View.Events, page.Place == support.TimelinePlace{})
	return fieldbridge.Render(c, status, staff.Connection(page))
}

// beforeEvent returns the event before which the timeline is asked for. It is nil
// for the newest events. A malformed one is not found.
func beforeEvent(c echo.Context) (*uuid.UUID, error) {
	text := c.QueryParam("before")
	if text == "" {
		return nil, nil
	}
	id, ok := request.ParseID(text)
	if !ok {
		return nil, database.ErrNotFound
	}
	return &id, nil
}

// tenantAdded checks off the first step of staff.
func (s *staffSite) tenantAdded(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	if err := ignoreClosed(s.support.TenantAdded(c.Request().Context(), m, id)); err != nil {
		return err
	}
	return seeOther(c, staffConnectionPath(id))
}

// sendBack returns a setup to the company and names the problem.
func (s *staffSite) sendBack(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if err := ignoreClosed(s.support.SendBack(c.Request().Context(), m, id, models.Outcome(f.Line("problem")))); err != nil {
		return err
	}
	return seeOther(c, staffConnectionPath(id))
}

// ignoreClosed ignores the error of a button on an old page, whose setup has since
// been closed.
func ignoreClosed(err error) error {
	if errors.Is(err, models.ErrNoSetup) {
		return nil
	}
	return err
}

// enterCredentials tries the client that staff created for a tenant.
func (s *staffSite) enterCredentials(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	own := servicetitan.OwnClient{ID: pasted(f.Raw("client")), Secret: secret.New(pasted(f.Raw("secret")))}
	page := staff.ConnectionPage{ClientID: shownAgain(own.ID)}
	if page.Errors = missingClient(own); page.Errors != (views.CredentialsErrors{}) {
		return s.showStaffConnection(c, m, id, http.StatusUnprocessableEntity, page)
	}
	result, err := s.support.EnterCredentials(c.Request().Context(), m, id, own)
	if errors.Is(err, models.ErrNoSetup) {
		return seeOther(c, staffConnectionPath(id))
	}
	if errors.Is(err, models.ErrNotProven) {
		page.NotProven = true
		return s.showStaffConnection(c, m, id, http.StatusConflict, page)
	}
	if err != nil {
		return err
	}
	status := http.StatusUnprocessableEntity
	// Only some are told beside a field.
	//exhaustive:ignore
	switch result.Outcome {
	case models.OutcomeConnected:
		return seeOther(c, staffConnectionPath(id))
	case models.OutcomeClientRefused:
		page.Errors = whyRefused(own, result.Choice.Environment.Label())
	case models.OutcomeWrongTenant:
		page.Errors.ClientID = "This client ID and secret belong to tenant " + strconv.FormatInt(result.FoundTenantID, 10) +
			", not to " + strconv.FormatInt(result.Choice.TenantID, 10) + "."
	default:
		page.Result, status = result, result.Outcome.Status()
		request.SetRetryAfter(c.Response().Header(), result.RetryAt, s.Now())
	}
	return s.showStaffConnection(c, m, id, status, page)
}
