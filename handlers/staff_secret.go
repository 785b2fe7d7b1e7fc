package handlers

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

// staffSecrets lists client secrets by age.
func (s *staffSite) staffSecrets(c echo.Context, m accounts.Staff) error {
	page := staff.SecretsPage{Staff: m, Clock: s.clock(), Place: support.ParseCursor(c.QueryParam("at"))}
	page.Filter = support.ParseSecretFilter(c.QueryParams())
	var err error
	if page.List, err = s.support.Secrets(c.Request().Context(), page.Filter, page.Place); err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, staff.Secrets(page))
}

// staffSecret shows how to replace the secret of a connection's client.
func (s *staffSite) staffSecret(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	return s.showStaffSecret(c, m, id, http.StatusOK, staff.SecretPage{Done: c.QueryParam("done") == "replaced"})
}

func (s *staffSite) showStaffSecret(c echo.Context, m accounts.Staff, id uuid.UUID, status int, page staff.SecretPage) error {
	var err error
	if page.Client, page.Company, err = s.support.Client(c.Request().Context(), m, id); err != nil {
		return err
	}
	page.Staff, page.Clock = m, s.clock()
	page.Link = s.BaseURL.JoinPath(connectionPath(id), "secret").String()
	if environment, ok := s.environment(page.Client.Connection.Environment); ok {
		page.PortalURL = environment.PortalURL()
	}
	return fieldbridge.Render(c, status, staff.Secret(page))
}

// staffReplaceSecret tries the secret that staff generated, and uses it if it works.
func (s *staffSite) staffReplaceSecret(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	client, _, err := s.support.Client(ctx, m, id)
	if err != nil {
		return err
	}
	told, err := s.trySecret(c, client, f, func(n connect.NewSecret) (models.Result, error) {
		return s.support.ReplaceSecret(ctx, m, client, n)
	})
	if err != nil {
		return err
	}
	if told.replaced() {
		return seeOther(c, staffConnectionPath(id)+"/secret?done=replaced")
	}
	return s.showStaffSecret(c, m, id, told.status, staff.SecretPage{Problem: told.problem, Result: told.result})
}

// remind sets or ends the reminder to replace a secret.
func (s *staffSite) remind(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx, back := c.Request().Context(), staffConnectionPath(id)+"/secret"
	if f.Line("action") == "end" {
		if err := s.support.EndReminder(ctx, m, id); err != nil {
			return err
		}
		if f.Line("back") == "queue" {
			return ticked(c, f, staff.ReminderTicked, id)
		}
		return seeOther(c, back)
	}
	page := staff.SecretPage{On: f.Line("on")}
	day, err := time.ParseInLocation(staff.DayField, page.On, s.clock().Zone)
	if err == nil {
		err = s.support.Remind(ctx, m, id, day.UTC())
	} else {
		page.OnProblem = "Enter a day."
	}
	switch {
	case page.OnProblem != "":
	case errors.Is(err, support.ErrReminderPast):
		page.OnProblem = "Choose a day after today."
	case errors.Is(err, support.ErrReminderFar):
		page.OnProblem = "Choose a day within five years."
	case err != nil:
		return err
	default:
		return seeOther(c, back)
	}
	return s.showStaffSecret(c, m, id, http.StatusUnprocessableEntity, page)
}
