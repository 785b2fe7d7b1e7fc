package handlers

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views"
)

// serviceTitan shows how the environments are doing in which the company has connections.
func (s *site) serviceTitan(c echo.Context, v accounts.Visitor) error {
	list, err := s.Connections.List(c.Request().Context(), v.CompanyID)
	if err != nil {
		return err
	}
	page := views.ServiceTitanPage{Visitor: v, Clock: s.clockOf(v)}
	past, err := s.Outages.History(c.Request().Context(), s.Now().Add(-views.PastOutages))
	if err != nil {
		return err
	}
	for _, name := range environmentsOf(list...) {
		health := views.EnvironmentHealth{Name: name, TriedAt: s.Outages.TriedAt(name)}
		if o, ok := s.Outages.Current(name); ok {
			health.Outage = &o
		}
		for _, o := range past {
			if o.Environment == name && o.EndedAt != nil {
				health.Past = append(health.Past, o)
			}
		}
		page.Environments = append(page.Environments, health)
	}
	return fieldbridge.Render(c, http.StatusOK, views.ServiceTitan(page))
}

// environmentsOf returns the environments of connections, in the order of pages.
func environmentsOf(list ...models.Connection) []models.EnvironmentName {
	return slices.DeleteFunc(models.EnvironmentNames(), func(name models.EnvironmentName) bool {
		return !slices.ContainsFunc(list, func(c models.Connection) bool { return c.Environment == name && c.State != models.Disconnected })
	})
}

// outageNotices returns what to tell a company with these connections about outages. It asks
// no database.
func (s *site) outageNotices(list ...models.Connection) (notices []views.OutageNotice) {
	if s.Outages.Quiet() {
		return nil
	}
	for _, name := range environmentsOf(list...) {
		o, ok := s.Outages.Current(name)
		if !ok {
			o, ok = s.Outages.Ended(name)
		}
		if ok {
			notices = append(notices, views.OutageNotice{
				Environment: name, BeganAt: o.BeganAt, EndedAt: o.EndedAt,
				NeedsYou: slices.ContainsFunc(list, func(c models.Connection) bool { return c.Environment == name && c.State == models.ReconnectNeeded }),
			})
		}
	}
	return notices
}
