package handlers

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/views"
)

// staffOverview is how everything is doing now.
func (s *site) staffOverview(c echo.Context) error {
	overview, err := s.Desk.Overview(c.Request().Context())
	if err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, views.StaffOverview(views.StaffOverviewPage{Staff: staffMember(c), Overview: overview, Clock: s.clock()}))
}

// staffConnections is the list of all connections, as its address says.
func (s *site) staffConnections(c echo.Context) error {
	page := views.StaffConnectionsPage{Staff: staffMember(c), Clock: s.clock()}
	page.Filter, page.Place = views.ParseFilter(c.QueryParams()), models.ParseCursor(c.QueryParam("at"))
	var err error
	if page.List, err = s.Desk.Browse(c.Request().Context(), page.Filter, page.Place); err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, views.StaffConnections(page))
}

// exportTime is for how long a part of an export may take to be written.
const exportTime = 30 * time.Second

// staffConnectionsCSV streams what the list shows, all of it (RFC 4180). What
// fails on the way breaks the answer off, so that nobody takes a part for the
// whole.
func (s *site) staffConnectionsCSV(c echo.Context) error {
	ctx, filter := c.Request().Context(), views.ParseFilter(c.QueryParams())
	s.Log.InfoContext(ctx, "connections exported", "staff", staffMember(c).UserID, "support_code", supportCode(c))
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	h.Set(echo.HeaderContentDisposition, `attachment; filename="connections-`+s.Now().UTC().Format("2006-01-02")+`.csv"`)
	out, answer := csv.NewWriter(c.Response()), http.NewResponseController(c.Response())
	out.UseCRLF = true
	begun := false
	err := s.Desk.Each(ctx, filter, func(list []models.ListedConnection) error {
		// A server without deadlines has none to move.
		_ = answer.SetWriteDeadline(time.Now().Add(exportTime))
		if !begun {
			begun = true
			c.Response().WriteHeader(http.StatusOK)
			if err := out.Write(csvColumns); err != nil {
				return err
			}
		}
		for _, connection := range list {
			if err := out.Write(csvRow(connection)); err != nil {
				return err
			}
		}
		out.Flush()
		if err := out.Error(); err != nil {
			return err
		}
		return answer.Flush()
	})
	if err != nil && begun {
		s.Log.WarnContext(ctx, "export broke off", "support_code", supportCode(c), "error", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

var csvColumns = []string{
	"company", "tenant_id", "tenant_name", "environment", "way", "state", "reason", "state_since", "last_renewed", "next_renewal",
	"failures", "upgrade_needed", "connection_id", "company_id",
}

func csvRow(c models.ListedConnection) []string {
	next := ""
	if c.NextRenewalAt != nil {
		next = csvTime(*c.NextRenewalAt)
	}
	return []string{
		csvText(c.CompanyName), strconv.FormatInt(c.TenantID, 10), csvText(c.TenantName), string(c.Environment), string(c.Way), string(c.State),
		string(c.Reason), csvTime(c.StateSince), csvTime(c.RenewedAt), next,
		strconv.Itoa(c.Failures), strconv.FormatBool(c.UpgradeNeeded), c.ID.String(), c.CompanyID.String(),
	}
}

func csvTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// csvText keeps a spreadsheet from taking text for a formula.
func csvText(text string) string {
	begins, _ := utf8.DecodeRuneInString(strings.TrimLeft(text, " "))
	if strings.ContainsRune("=+-@|%\t\r\n＝＋－＠", begins) {
		return "'" + text
	}
	return text
}
