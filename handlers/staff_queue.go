package handlers

import (
	"errors"
	"net/http"
	"net/url"
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

const queuePath = "/staff/queue"

// staffQueue shows the setups and tasks that wait for somebody.
func (s *staffSite) staffQueue(c echo.Context, m accounts.Staff) error {
	page := staff.QueuePage{All: c.QueryParam("all") == "1", Ticked: c.QueryParam("done"), Unsaved: c.QueryParam("unsaved") == "1"}
	page.Of, _ = request.ParseID(c.QueryParam("of")) // without it, the page has no link
	if was, ok := request.ParseID(c.QueryParam("was")); ok {
		page.Was = was.String()
	}
	kind, id, _ := strings.Cut(c.QueryParam("did"), ".")
	if item, ok := request.ParseID(id); ok {
		done, ok, err := s.support.Changed(c.Request().Context(), m, support.ItemKind(kind), item)
		if err != nil {
			return err
		}
		if ok {
			page.Done = &done
		}
	}
	return s.showQueue(c, m, http.StatusOK, page, c.QueryParams())
}

// showQueue shows the part of the queue that the query of an address selects.
func (s *staffSite) showQueue(c echo.Context, m accounts.Staff, status int, page staff.QueuePage, query url.Values) error {
	page.Staff, page.Clock = m, s.clock()
	page.Filter, page.Place = support.ParseQueueFilter(query), support.ParseCursor(query.Get("at"))
	var err error
	if page.Queue, err = s.support.Queue(c.Request().Context(), m, page.Filter, page.Place); err != nil {
		return err
	}
	return fieldbridge.Render(c, status, staff.Queue(page))
}

// itemForm is what every form about an item of the queue has.
type itemForm struct {
	form
	ref  support.ItemRef
	back url.Values
}

func readItemForm(c echo.Context, id uuid.UUID) (itemForm, error) {
	f, err := readForm(c)
	if err != nil {
		return itemForm{}, err
	}
	version, _ := strconv.Atoi(f.Line("version")) // zero is the version of an item that nobody has changed
	back, err := url.ParseQuery(f.Raw("back"))
	if err != nil {
		return itemForm{}, echo.NewHTTPError(http.StatusBadRequest)
	}
	return itemForm{f, support.ItemRef{Kind: support.ItemKind(f.Line("kind")), ID: id, Version: version}, back}, nil
}

// assignItem gives an item of the queue to somebody, or to nobody.
func (s *staffSite) assignItem(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	f, err := readItemForm(c, id)
	if err != nil {
		return err
	}
	var to *uuid.UUID
	if text := f.Line("to"); text != "" {
		person, ok := request.ParseID(text)
		if !ok {
			return s.itemChanged(c, m, f, support.ErrNoColleague)
		}
		to = &person
	}
	return s.itemChanged(c, m, f, s.support.Assign(c.Request().Context(), m, f.ref, to))
}

// snoozeItem puts an item of the queue off, or brings it back.
func (s *staffSite) snoozeItem(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	f, err := readItemForm(c, id)
	if err != nil {
		return err
	}
	if f.Line("for") == "" {
		return s.itemChanged(c, m, f, s.support.Wake(c.Request().Context(), m, f.ref))
	}
	until, ok := support.SnoozeFor(f.Line("for")).Until(s.clock().Now)
	if !ok {
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	return s.itemChanged(c, m, f, s.support.Snooze(c.Request().Context(), m, f.ref, until, f.Line("reason")))
}

// itemChanged answers a button of an item: with the queue as it was, or with what went
// wrong.
func (s *staffSite) itemChanged(c echo.Context, m accounts.Staff, f itemForm, err error) error {
	if changed, ok := errors.AsType[*support.ChangedError](err); ok {
		return s.showQueue(c, m, http.StatusConflict, staff.QueuePage{Changed: changed}, f.back)
	}
	switch {
	case errors.Is(err, support.ErrItemDone):
		return s.showQueue(c, m, http.StatusConflict, staff.QueuePage{Problem: "This is done already."}, f.back)
	case errors.Is(err, support.ErrNoColleague):
		return s.showQueue(c, m, http.StatusUnprocessableEntity, staff.QueuePage{Problem: "This person is not on our staff."}, f.back)
	case errors.Is(err, support.ErrSnoozeReason):
		return s.showQueue(c, m, http.StatusUnprocessableEntity, staff.QueuePage{
			Problem: "Write the reason in " + strconv.Itoa(support.LongestSnoozeReason) + " characters or fewer, without a secret.",
		}, f.back)
	case err != nil:
		return err
	}
	to := support.ParseQueueFilter(f.back).Values()
	if at := support.ParseCursor(f.back.Get("at")); at != (support.Cursor{}) {
		to.Set("at", at.String())
	}
	to.Set("did", string(f.ref.Kind)+"."+f.ref.ID.String())
	if was := f.Line("was"); was != "" {
		to.Set("was", was)
	}
	return seeOther(c, queuePath+"?"+to.Encode())
}

// taskDone marks a task as done.
func (s *staffSite) taskDone(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	task, err := s.support.TaskDone(c.Request().Context(), m, id)
	if err != nil {
		return err
	}
	return ticked(c, f, string(task.Kind), task.ConnectionID)
}

// ticked leads back to the queue as it was, which says what was marked as done.
func ticked(c echo.Context, f form, what string, of uuid.UUID) error {
	back, err := url.ParseQuery(f.Raw("back"))
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	to := support.ParseQueueFilter(back).Values()
	to.Set("done", what)
	to.Set("of", of.String())
	return seeOther(c, queuePath+"?"+to.Encode())
}

// saveView saves the filter of a page under a name.
func (s *staffSite) saveView(c echo.Context, m accounts.Staff) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page, query := support.SavedPage(f.Line("page")), f.Raw("query")
	values, err := url.ParseQuery(query)
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	view, err := s.support.SaveView(c.Request().Context(), m, page, f.Raw("name"), values)
	problem := ""
	switch {
	case errors.Is(err, support.ErrViewName):
		problem = "Write a name of at most " + strconv.Itoa(support.LongestViewName) + " characters."
	case errors.Is(err, support.ErrTooManyViews):
		problem = "You have saved " + strconv.Itoa(support.SavedAtMost) + " filters. Delete one first."
	case errors.Is(err, support.ErrNothingToSave):
		problem = "Choose a filter first."
	case err != nil:
		return err
	}
	if problem != "" {
		return fieldbridge.Render(c, http.StatusUnprocessableEntity, staff.SaveView(staff.SaveViewPage{
			Staff: m, Page: page, Query: query, Name: f.Raw("name"), Problem: problem,
		}))
	}
	return seeOther(c, staff.SavedPath(page)+"?"+view.Query)
}

// deleteView deletes a filter that the person saved.
func (s *staffSite) deleteView(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if err := s.support.DeleteView(c.Request().Context(), m, id); err != nil {
		return err
	}
	return seeOther(c, staff.SavedPath(support.SavedPage(f.Line("page")))+"?unsaved=1")
}
