package handlers

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/views"
)

// activity shows what people did in the company. The query says which part of it,
// and the line before which the page begins.
func (s *site) activity(c echo.Context, v owner) error {
	page := views.ActivityPage{Visitor: v.Visitor, About: connect.ActivityPart(c.QueryParam("about")), Before: uuid.Max, Clock: s.clockOf(v.Visitor)}
	if id, ok := request.ParseID(c.QueryParam("before")); ok {
		page.Before = id
	}
	var err error
	if page.Lines, page.Older, err = s.Connections.Activity(c.Request().Context(), v.CompanyID, page.About, page.Before); err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, views.Activity(page))
}

var activityColumns = []string{"time", "who", "action", "about", "tenant_id", "support_code"}

// activityCSV streams what people did in the company, newest first, with times in the
// company's zone. An error on the way breaks off the answer, so that nobody takes a
// part for the whole.
func (s *site) activityCSV(c echo.Context, v owner) error {
	ctx, clock := c.Request().Context(), s.clockOf(v.Visitor)
	s.Log.InfoContext(ctx, "activity exported", "user", v.UserID, "company", v.CompanyID, "support_code", request.SupportCode(c))
	out, answer, begun := newCSV(c.Response()), http.NewResponseController(c.Response()), false
	err := s.Connections.EachActivity(ctx, v.Visitor, connect.ActivityPart(c.QueryParam("about")), func(lines []connect.Activity) error {
		// A server without deadlines cannot extend them.
		_ = answer.SetWriteDeadline(time.Now().Add(exportTime))
		if !begun {
			begun = true
			h := c.Response().Header()
			h.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
			h.Set(echo.HeaderContentDisposition, `attachment; filename="activity-`+clock.Now.In(clock.Zone).Format(time.DateOnly)+`.csv"`)
			c.Response().WriteHeader(http.StatusOK)
			out.row(activityColumns)
		}
		for _, line := range lines {
			out.row(activityRow(line, clock))
		}
		if err := out.flush(); err != nil {
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

func activityRow(a connect.Activity, clock views.Clock) []string {
	tenant := ""
	if a.Connection.TenantID != 0 {
		tenant = strconv.FormatInt(a.Connection.TenantID, 10)
	}
	about := views.ActivityAbout(a)
	if a.Event != nil {
		about = a.Connection.TenantName
	}
	return []string{clock.CSVTime(a.At), csvText(a.ActorName), csvText(views.ActivityWords(a)), csvText(about), tenant, a.SupportCode}
}
