package handlers

import (
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

// credentialsForm shows the second step for a company with its own client ID and
// secret.
func (s *site) credentialsForm(c echo.Context, v accounts.Visitor) error {
	page, ok, err := s.credentialsPage(c, v, c.QueryParam("choice"))
	if err != nil {
		return err
	}
	if !ok {
		return seeOther(c, "/connect")
	}
	return fieldbridge.Render(c, http.StatusOK, views.Credentials(page))
}

// credentialsPage returns the empty form for a choice. It is not ok if the session
// does not know the choice, or if the choice is of another way.
func (s *site) credentialsPage(c echo.Context, v accounts.Visitor, choiceID string) (page views.CredentialsPage, ok bool, err error) {
	ctx := c.Request().Context()
	id, choice, ok := s.sessions.Choice(ctx, choiceID)
	if !ok || choice.Way != servicetitan.OwnCredentials {
		return page, false, nil
	}
	page = views.CredentialsPage{
		Choice: choice, ChoiceID: id, Tenant: strconv.FormatInt(choice.TenantID, 10), CanAsk: v.Owns(), OneWay: s.oneWay(), Read: c.QueryParam(readQuery) != "",
	}
	if choice.Reconnects() {
		connection, err := s.Connections.Get(ctx, v.CompanyID, choice.ConnectionID)
		if err != nil {
			return page, false, err
		}
		page.TenantName = connection.TenantName
		if environment, ok := s.environment(choice.Environment); ok {
			page.Others = otherWays(environment, choice.Way)
		}
	}
	return page, true, nil
}

// tryCredentials tries the values that were typed, and connects if they work.
func (s *site) tryCredentials(c echo.Context, v accounts.Visitor) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page, ok, err := s.credentialsPage(c, v, f.Raw("choice"))
	if err != nil {
		return err
	}
	if !ok {
		return seeOther(c, "/connect")
	}
	own := servicetitan.OwnClient{ID: pasted(f.Raw("client")), Secret: secret.New(pasted(f.Raw("secret")))}
	page.ClientID, page.Errors = shownAgain(own.ID), missingClient(own)
	choice := page.Choice
	if !choice.Reconnects() {
		page.Tenant = f.Line("tenant")
		reading, err := models.ReadTenantID(page.Tenant)
		choice.TenantID, page.Tenant, page.Errors.Tenant = reading.ID, shownAgain(page.Tenant), tenantProblem(err)
	}
	if page.Errors != (views.CredentialsErrors{}) {
		return fieldbridge.Render(c, http.StatusUnprocessableEntity, views.Credentials(page))
	}
	result, err := s.Connections.ConnectWithCredentials(c.Request().Context(), v, choice, own)
	if err != nil {
		return err
	}
	return s.showCredentialsResult(c, v, page, result, own)
}

func (s *site) showCredentialsResult(c echo.Context, v accounts.Visitor, page views.CredentialsPage, result models.Result, own servicetitan.OwnClient) error {
	status := http.StatusUnprocessableEntity
	if result.Outcome != models.OutcomeConnected {
		request.NoteNotConnected(c.Request().Context(), result)
	}
	// Only some are told beside a field.
	//exhaustive:ignore
	switch result.Outcome {
	case models.OutcomeConnected:
		return seeOther(c, connectionPath(result.ConnectionID)+"?done=connected")
	case models.OutcomeTenantTaken:
		return fieldbridge.Render(c, result.Outcome.Status(), views.NotConnected(views.NotConnectedPage{
			Result: result, SupportCode: v.SupportCode, Clock: s.clockOf(v),
		}))
	case models.OutcomeClientRefused:
		page.Errors = whyRefused(own, page.Choice.Environment.Label())
	case models.OutcomeWrongTenant:
		page.Errors.Tenant = "This client ID and secret belong to tenant " + strconv.FormatInt(result.FoundTenantID, 10) +
			", not to " + strconv.FormatInt(result.Choice.TenantID, 10) + "."
	case models.OutcomeTenantUnknown:
		page.Errors.Tenant = "ServiceTitan does not know this tenant ID. Compare it with My Tenant ID."
	default:
		page.Result, page.Clock, status = result, s.clockOf(v), result.Outcome.Status()
		request.SetRetryAfter(c.Response().Header(), result.RetryAt, s.Now())
	}
	return fieldbridge.Render(c, status, views.Credentials(page))
}

func missingClient(own servicetitan.OwnClient) (errs views.CredentialsErrors) {
	if own.ID == "" {
		errs.ClientID = "Enter the client ID."
	}
	if own.Secret.IsZero() {
		errs.Secret = "Enter the client secret."
	}
	return errs
}

// The prefixes of ServiceTitan's values. They are not documented, so they explain a
// refusal but never cause one.
const (
	clientIDPrefix = "cid."
	appKeyPrefix   = "ak1."
)

func looksSecret(value string) bool {
	return strings.HasPrefix(value, "cs1.") || strings.HasPrefix(value, "cs2.") || strings.HasPrefix(value, appKeyPrefix)
}

// whyRefused says what is probably wrong with values that ServiceTitan did not
// accept.
func whyRefused(own servicetitan.OwnClient, environment string) (errs views.CredentialsErrors) {
	secret := own.Secret.Reveal()
	switch {
	case own.ID == secret:
		errs.Secret = "This is the same value as the client ID. Copy the client secret, which is next to it in ServiceTitan."
	case looksSecret(own.ID) && !strings.HasPrefix(own.ID, appKeyPrefix) && strings.HasPrefix(secret, clientIDPrefix):
		errs.Pair = "The client ID and the client secret seem to be swapped. The client ID begins with cid."
	case strings.HasPrefix(own.ID, appKeyPrefix):
		errs.ClientID = "This looks like an app key. Fieldbridge needs the client ID, which begins with cid. Please keep app keys to yourself."
	case strings.HasPrefix(secret, appKeyPrefix):
		errs.Secret = "This looks like an app key. Fieldbridge needs the client secret. Please keep app keys to yourself."
	case !strings.HasPrefix(own.ID, clientIDPrefix):
		errs.ClientID = "ServiceTitan did not accept these values. Client IDs usually begin with cid. and this one does not."
	default:
		errs.Pair = "ServiceTitan did not accept this client ID and secret. Copy both again, and check that they are from " + environment + "."
	}
	return errs
}

// pasted returns a value without the surrounding spaces, line breaks, and invisible
// characters that copying adds. It keeps spaces within the value, since a secret
// may contain them (RFC 6749, appendix A.2).
func pasted(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Cc) {
			return -1
		}
		return r
	}, s))
}
