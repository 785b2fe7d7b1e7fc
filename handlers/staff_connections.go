package handlers

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

// staffOverview shows the current state of the whole service.
func (s *staffSite) staffOverview(c echo.Context, m accounts.Staff) error {
	overview, err := s.support.Overview(c.Request().Context(), m)
	if err != nil {
		return err
	}
	outages, err := s.Outages.OpenWithSamples(c.Request().Context())
	if err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, staff.Overview(staff.OverviewPage{
		Staff: m, Overview: overview, Outages: outages, Ended: s.Outages.JustEnded(), Clock: s.clock(),
	}))
}

// staffConnections shows the part of the list of all connections that its address
// selects.
func (s *staffSite) staffConnections(c echo.Context, m accounts.Staff) error {
	if unknown := support.UnknownFilters(c.QueryParams()); len(unknown) > 0 {
		return s.unknownFilter(c, m, unknown)
	}
	page := staff.ConnectionsPage{Staff: m, Outages: s.Outages.Open(), All: c.QueryParam("all") == "1", Unsaved: c.QueryParam("unsaved") == "1", Clock: s.clock()}
	page.Filter, page.Place = support.ParseFilter(c.QueryParams()), support.ParseCursor(c.QueryParam("at"))
	if to, err := s.codeSearched(c, page.Filter.Query); to != "" || err != nil {
		if err != nil {
			return err
		}
		return seeOther(c, to)
	}
	var err error
	if page.List, err = s.support.Browse(c.Request().Context(), page.Filter, page.Place); err != nil {
		return err
	}
	if page.Saved, err = s.support.SavedViews(c.Request().Context(), m, support.ConnectionsSaved); err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, staff.Connections(page))
}

// unknownFilter refuses an address whose filter it does not fully know, since it
// would show a different list.
func (s *staffSite) unknownFilter(c echo.Context, m accounts.Staff, unknown []string) error {
	page := staff.UnknownFilterPage{Staff: m, Filter: support.ParseFilter(c.QueryParams()), Unknown: unknown}
	return fieldbridge.Render(c, http.StatusBadRequest, staff.UnknownFilter(page))
}

// exportTime is how long it may take to write one part of an export.
const exportTime = 30 * time.Second

// staffConnectionsCSV streams every row that the list's filter selects. An error on
// the way breaks off the answer, so that nobody takes a part for the whole.
func (s *staffSite) staffConnectionsCSV(c echo.Context, m accounts.Staff) error {
	if unknown := support.UnknownFilters(c.QueryParams()); len(unknown) > 0 {
		return s.unknownFilter(c, m, unknown)
	}
	ctx, filter := c.Request().Context(), support.ParseFilter(c.QueryParams())
	// This line is written before the first row leaves. The request's own line
	// comes after the last.
	s.Log.InfoContext(ctx, "connections exported", "staff", m.UserID, "support_code", request.SupportCode(c))
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	h.Set(echo.HeaderContentDisposition, `attachment; filename="connections-`+s.Now().UTC().Format("2006-01-02")+`.csv"`)
	out, answer := NewConnectionsCSV(c.Response()), http.NewResponseController(c.Response())
	begun := false
	err := s.support.Each(ctx, filter, func(list []support.ListedConnection) error {
		// A server without deadlines cannot extend them.
		_ = answer.SetWriteDeadline(time.Now().Add(exportTime))
		if !begun {
			begun = true
			c.Response().WriteHeader(http.StatusOK)
		}
		if err := out.Write(list); err != nil {
			return err
		}
		return answer.Flush()
	})
	if err != nil && begun {
		request.NoteError(ctx, slog.LevelWarn, fmt.Errorf("export failed before its end: %w", err))
		panic(http.ErrAbortHandler)
	}
	return err
}
