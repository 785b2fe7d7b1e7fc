package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/views"
)

// newSessionBody is what a back end sends to make a connect session.
type newSessionBody struct {
	Reference    string                 `json:"reference"`
	CompanyName  string                 `json:"company_name"`
	Environment  models.EnvironmentName `json:"environment"`
	Ways         []models.Way           `json:"ways"`
	TenantID     int64                  `json:"tenant_id"`
	ConnectionID uuid.UUID              `json:"connection_id"`
	ReturnURL    string                 `json:"return_url"`
	Metadata     map[string]string      `json:"metadata"`
}

// sessionBody is a connect session as the API shows it.
type sessionBody struct {
	ID uuid.UUID `json:"id"`
	// URL is where to send the person. Only the answer that makes the session has it.
	URL          string                 `json:"url,omitempty"`
	Status       connect.SessionStatus  `json:"status"`
	NextStep     string                 `json:"next_step"`
	LastProblem  *sessionProblem        `json:"last_problem"`
	CompanyID    uuid.UUID              `json:"company_id"`
	Reference    string                 `json:"reference,omitempty"`
	ConnectionID *uuid.UUID             `json:"connection_id"`
	Environment  models.EnvironmentName `json:"environment,omitempty"`
	Ways         []models.Way           `json:"ways"`
	TenantID     int64                  `json:"tenant_id,omitempty"`
	ReturnURL    string                 `json:"return_url"`
	Metadata     map[string]string      `json:"metadata"`
	CreatedAt    time.Time              `json:"created_at"`
	OpenedAt     *time.Time             `json:"opened_at"`
	ExpiresAt    time.Time              `json:"expires_at"`
	FinishedAt   *time.Time             `json:"finished_at"`
}

// sessionProblem is how the last attempt of the person ended.
type sessionProblem struct {
	Code   models.Outcome `json:"code"`
	Detail string         `json:"detail"`
}

func bodyOfSession(s connect.Session) sessionBody {
	body := sessionBody{
		ID: s.ID, Status: s.Status, NextStep: s.NextStep(), CompanyID: s.CompanyID, Reference: s.Reference, ConnectionID: s.ConnectionID,
		Environment: s.Environment, Ways: s.WayList(), TenantID: s.TenantID, ReturnURL: s.ReturnURL, Metadata: s.MetadataMap(),
		CreatedAt: s.CreatedAt, OpenedAt: s.OpenedAt, ExpiresAt: s.ExpiresAt, FinishedAt: s.FinishedAt,
	}
	if s.LastOutcome != "" {
		body.LastProblem = &sessionProblem{Code: s.LastOutcome, Detail: views.OutcomeWords(s.LastOutcome)}
	}
	return body
}

// createSession makes a connect session. The answer alone has the address to which the
// back end sends the person.
func (a *API) createSession(c echo.Context, key accounts.APIKey) error {
	var sent newSessionBody
	if err := readBody(c, &sent); err != nil {
		return err
	}
	s, link, err := a.Connections.CreateSession(c.Request().Context(), key, connect.NewSession(sent), request.SupportCode(c))
	if wrong, ok := errors.AsType[*connect.FieldError](err); ok {
		return invalidField("/"+wrong.Field, wrong.Problem)
	}
	if err != nil {
		return err
	}
	body := bodyOfSession(s)
	body.URL = a.BaseURL.JoinPath(views.VisitPath(link.Reveal())).String()
	return c.JSON(http.StatusCreated, body)
}

// readSession answers with the progress of a connect session.
func (a *API) readSession(c echo.Context, key accounts.APIKey, id uuid.UUID) error {
	s, err := a.Connections.SessionFor(c.Request().Context(), key, id)
	if err != nil {
		return err
	}
	return answerTagged(c, bodyOfSession(s))
}
