package handlers

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

// selected returns the connections whose boxes were ticked. Each box has a name of its own.
func selected(values map[string][]string) []uuid.UUID {
	var ids []uuid.UUID
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if text, ok := strings.CutPrefix(name, "c."); ok {
			if id, ok := request.ParseID(text); ok {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// previewReminders shows each reminder before it is sent.
func (s *staffSite) previewReminders(c echo.Context, m accounts.Staff) error {
	ids := selected(c.QueryParams())
	page := staff.RemindersPage{Staff: m, Clock: s.clock()}
	var err error
	page.Reminders, err = s.support.PreviewReminders(c.Request().Context(), ids)
	if errors.Is(err, support.ErrTooManyReminders) {
		page.TooMany = true
		return fieldbridge.Render(c, http.StatusUnprocessableEntity, staff.Reminders(page))
	}
	if err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, staff.Reminders(page))
}

// sendReminders sends the reminders that were shown before.
func (s *staffSite) sendReminders(c echo.Context, m accounts.Staff) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ids := selected(f.values)
	if len(ids) == 0 || len(ids) > support.RemindedAtOnce {
		return fieldbridge.Render(c, http.StatusUnprocessableEntity, staff.Reminders(staff.RemindersPage{Staff: m, TooMany: len(ids) > 0, Clock: s.clock()}))
	}
	list, err := s.support.SendReminders(c.Request().Context(), m, ids)
	if err != nil {
		return err
	}
	sent := 0
	for _, r := range list {
		if r.Skip == support.NotSkipped {
			sent++
		}
	}
	return seeOther(c, "/staff/reminders/sent?sent="+strconv.Itoa(sent)+"&skipped="+strconv.Itoa(len(list)-sent))
}

// remindersSent shows who reminded which company.
func (s *staffSite) remindersSent(c echo.Context, m accounts.Staff) error {
	before, err := beforeEvent(c)
	if err != nil {
		return err
	}
	page := staff.RemindersSentPage{Staff: m, Clock: s.clock()}
	page.Sent, page.Skipped = countIn(c, "sent"), countIn(c, "skipped")
	if page.List, page.Older, err = s.support.ReminderRecord(c.Request().Context(), before); err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, staff.RemindersSent(page))
}

// countIn returns a number of reminders in the query of an address.
func countIn(c echo.Context, name string) int {
	n, err := strconv.Atoi(c.QueryParam(name))
	if err != nil || n < 0 || n > support.RemindedAtOnce {
		return 0
	}
	return n
}
