package handlers

import (
	"errors"
	"log/slog"
	"net/http"
	"regexp"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

// guestSecret matches the secret of a link in an address.
var guestSecret = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// guest admits the browser to which a link is bound.
func (s *site) guest(kind guestKind, handle func(c echo.Context, name string, binding secret.Value) error) entrance {
	return anyone(func(c echo.Context) error {
		name := c.Param("token")
		binding := s.sessions.GuestBinding(c, guestPage{kind, name})
		if binding.IsZero() {
			return fieldbridge.Render(c, http.StatusNotFound, views.AskOpenAgain())
		}
		return handle(c, name, binding)
	})
}

// showNoGuest says why a link of a kind does not work.
func (s *site) showNoGuest(c echo.Context, kind guestKind, err error) error {
	if kind == sentByBackEnd {
		return s.showNoVisit(c, err)
	}
	return s.showNoAsk(c, err)
}

// showGuestFailed says how the attempt of a guest ended. at is zero if the attempt
// belongs to another browser.
func (s *site) showGuestFailed(c echo.Context, at guestPage, result models.Result) error {
	request.NoteNotConnected(c.Request().Context(), result)
	page := views.AskedFailedPage{Result: result, SupportCode: request.SupportCode(c), Clock: s.clock()}
	switch at.kind {
	case askedByOwner:
		page.Again = at.path()
	case sentByBackEnd:
		visit, err := s.visitPage(c, at.name, s.sessions.GuestBinding(c, at))
		if err != nil {
			return s.showNoVisit(c, err)
		}
		if visit.Visit.Status != connect.SessionOpened || result.Outcome == models.OutcomeLinkEnded {
			return seeOther(c, at.path()) // the page says how it ended
		}
		page.Visit, page.Again = &visit, againAt(visit, result)
		s.setVisitPolicy(c, visit)
	}
	request.SetRetryAfter(c.Response().Header(), result.RetryAt, s.Now())
	return fieldbridge.Render(c, result.Outcome.Status(), views.AskedFailed(page))
}

// besideForm says whether a guest's form shows how an attempt ended that failed. The other
// outcomes have a page of their own, because other values in the form would not help.
func besideForm(o models.Outcome) bool {
	return o != models.OutcomeTenantTaken && o != models.OutcomeTenantUnknown && o != models.OutcomeWrongTenant && o != models.OutcomeLinkEnded
}

// tellBesideForm returns what a guest's form says after an attempt that failed, and the
// status of its page.
func (s *site) tellBesideForm(c echo.Context, own servicetitan.OwnClient, environment servicetitan.EnvironmentName, result models.Result) (views.CredentialsErrors, models.Result, int) {
	request.NoteNotConnected(c.Request().Context(), result)
	if result.Outcome == models.OutcomeClientRefused {
		return whyRefused(own, environment.Label()), models.Result{}, http.StatusUnprocessableEntity
	}
	request.SetRetryAfter(c.Response().Header(), result.RetryAt, s.Now())
	return views.CredentialsErrors{}, result, result.Outcome.Status()
}

// returned receives a browser that returns from ServiceTitan. An authorization that
// began through a link belongs to the browser to which the link is bound, whoever is
// signed in there. Any other belongs to a member's session.
func (s *site) returned() entrance {
	e := s.member(s.callback)
	ofMember := e.handle
	e.handle = func(c echo.Context) error {
		ctx := c.Request().Context()
		q, ok := readCallback(c.QueryParams())
		if looksAhead(c) {
			return ofMember(c)
		}
		pages, bindings := s.sessions.GuestBindings(c)
		var result models.Result
		mine, err := 0, error(nil)
		if ok {
			result, mine, ok, err = s.Connections.CompleteAsGuest(ctx, bindings, request.SupportCode(c), q)
		}
		if ok || err != nil {
			return s.showReturned(c, pages, mine, result, err)
		}
		if _, signedIn := s.sessions.SignedIn(ctx); !signedIn && len(pages) > 0 {
			// A person without an account has no use for the sign-in page.
			return s.showGuestFailed(c, pages[len(pages)-1], models.Result{Outcome: models.OutcomeStartAgain})
		}
		return ofMember(c)
	}
	return e
}

func (s *site) showReturned(c echo.Context, pages []guestPage, mine int, result models.Result, err error) error {
	ctx := c.Request().Context()
	if errors.Is(err, accounts.ErrUnknownState) {
		request.NoteEvent(ctx, slog.LevelInfo, "callback refused")
		request.NoteError(ctx, slog.LevelInfo, err)
		return s.showGuestFailed(c, guestPage{}, models.Result{Outcome: models.OutcomeStartAgain})
	}
	if err != nil {
		return s.showNoGuest(c, pages[mine].kind, err)
	}
	// All others have a page of one kind.
	//exhaustive:ignore
	switch result.Outcome {
	case models.OutcomeConnected:
		if pages[mine].kind == sentByBackEnd {
			return seeOther(c, visitEndPath(pages[mine]))
		}
		return seeOther(c, pages[mine].path())
	case models.OutcomeFinishing:
		return fieldbridge.Render(c, http.StatusAccepted, views.Finishing())
	}
	return s.showGuestFailed(c, pages[mine], result)
}
