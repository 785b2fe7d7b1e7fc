package handlers

import (
	"errors"
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/outbound"
	"github.com/fieldbridge/fieldbridge/models/webhook"
	"github.com/fieldbridge/fieldbridge/views"
)

// listEndpoints lists webhook endpoints.
func (s *site) listEndpoints(c echo.Context, d developer) error {
	ctx, page := c.Request().Context(), views.EndpointsPage{DeveloperPage: d.page}
	var err error
	if page.Endpoints, err = s.Webhooks.Endpoints(ctx, d.whose); err != nil {
		return err
	}
	if d.page.Staff {
		if id, ok := request.ParseID(c.QueryParam("before")); ok {
			page.Before = id
		}
		if page.OfCompanies, page.More, err = s.Webhooks.CompanyEndpoints(ctx, page.Before); err != nil {
			return err
		}
	}
	return d.show(c, http.StatusOK, "Webhooks", views.Endpoints(page))
}

// newEndpointForm asks where to send messages.
func (s *site) newEndpointForm(c echo.Context, d developer) error {
	return d.showNewEndpoint(c, http.StatusOK, views.NewEndpointPage{})
}

func (d developer) showNewEndpoint(c echo.Context, status int, page views.NewEndpointPage) error {
	page.DeveloperPage = d.page
	return d.show(c, status, "Add an endpoint", views.NewEndpoint(page))
}

// addEndpoint adds an endpoint, and shows its secret once.
func (s *site) addEndpoint(c echo.Context, d developer) error {
	form, err := endpointForm(c)
	if err != nil {
		return err
	}
	e, made, err := s.Webhooks.AddEndpoint(c.Request().Context(), d.by, d.whose, chosen(form))
	switch {
	case errors.Is(err, webhook.ErrTooManyEndpoints):
		return d.showNewEndpoint(c, http.StatusConflict, views.NewEndpointPage{Form: form, Full: true})
	case badEndpoint(&form, err):
		return d.showNewEndpoint(c, http.StatusUnprocessableEntity, views.NewEndpointPage{Form: form})
	case err != nil:
		return err
	}
	return d.showSecret(c, "The secret of your endpoint", views.EndpointSecret(views.EndpointSecretPage{DeveloperPage: d.page, Endpoint: e, Secret: made}))
}

// endpointForm reads the form about an endpoint.
func endpointForm(c echo.Context) (views.EndpointForm, error) {
	f, err := readForm(c)
	if err != nil {
		return views.EndpointForm{}, err
	}
	form := views.EndpointForm{URL: f.Line("url"), Description: f.Line("description")}
	for _, t := range webhook.Types() {
		if f.Raw("type-"+string(t)) == "yes" {
			form.Types = append(form.Types, t)
		}
	}
	return form, nil
}

func chosen(form views.EndpointForm) webhook.NewEndpoint {
	return webhook.NewEndpoint{URL: form.URL, Description: form.Description, Types: form.Types}
}

// badEndpoint says in the form what is wrong with it, if that is the error.
func badEndpoint(form *views.EndpointForm, err error) bool {
	if bad, ok := errors.AsType[*outbound.AddressError](err); ok {
		form.Errors.URL = "The address " + bad.Problem + "."
		return true
	}
	if errors.Is(err, webhook.ErrDescription) {
		form.Errors.Description = "Enter a note of at most 200 characters."
		return true
	}
	return false
}

// showEndpoint shows an endpoint, with a form to change it.
func (s *site) showEndpoint(c echo.Context, d developer, id uuid.UUID) error {
	e, err := s.Webhooks.Endpoint(c.Request().Context(), d.whose, id)
	if err != nil {
		return err
	}
	return d.showEndpoint(c, http.StatusOK, e, views.EndpointForm{URL: e.URL, Description: e.Description, Types: e.TypeList()})
}

func (d developer) showEndpoint(c echo.Context, status int, e webhook.Endpoint, form views.EndpointForm) error {
	return d.show(c, status, "Webhook endpoint", views.Endpoint(views.EndpointPage{DeveloperPage: d.page, Endpoint: e, Form: form}))
}

// changeEndpoint changes the address of an endpoint, and what it gets.
func (s *site) changeEndpoint(c echo.Context, d developer, id uuid.UUID) error {
	form, err := endpointForm(c)
	if err != nil {
		return err
	}
	e, err := s.Webhooks.Endpoint(c.Request().Context(), d.whose, id)
	if err != nil {
		return err
	}
	err = s.Webhooks.ChangeEndpoint(c.Request().Context(), d.by, d.whose, id, chosen(form))
	if badEndpoint(&form, err) {
		return d.showEndpoint(c, http.StatusUnprocessableEntity, e, form)
	}
	if err != nil {
		return err
	}
	return seeOther(c, d.seen(endpointPath(id), "saved"))
}

// endpointPath returns the address of an endpoint's page, below the one of the keys.
func endpointPath(id uuid.UUID) string { return string(views.WebhooksTab) + "/" + id.String() }

// askAbout returns a handler that asks whether to change an endpoint.
func (s *site) askAbout(title string, ask func(views.EndpointQuestionPage) templ.Component) func(echo.Context, developer, uuid.UUID) error {
	return func(c echo.Context, d developer, id uuid.UUID) error {
		e, err := s.Webhooks.Endpoint(c.Request().Context(), d.whose, id)
		if err != nil {
			return err
		}
		return d.show(c, http.StatusOK, title, ask(views.EndpointQuestionPage{DeveloperPage: d.page, Endpoint: e}))
	}
}

// rotateSecret replaces the secret of an endpoint, and shows the new one once.
func (s *site) rotateSecret(c echo.Context, d developer, id uuid.UUID) error {
	ctx := c.Request().Context()
	made, err := s.Webhooks.RotateSecret(ctx, d.by, d.whose, id)
	if err != nil {
		return err
	}
	e, err := s.Webhooks.Endpoint(ctx, d.whose, id)
	if err != nil {
		return err
	}
	return d.showSecret(c, "The secret of your endpoint", views.EndpointSecret(views.EndpointSecretPage{DeveloperPage: d.page, Endpoint: e, Secret: made, Rotated: true}))
}

// sendTest sends a test to an endpoint, and shows how it goes.
func (s *site) sendTest(c echo.Context, d developer, id uuid.UUID) error {
	sent, err := s.Webhooks.SendTest(c.Request().Context(), d.by, d.whose, id)
	if err != nil {
		return err
	}
	return seeOther(c, d.page.At+deliveryPath(sent.ID))
}

// resumeEndpoint sends to an endpoint again.
func (s *site) resumeEndpoint(c echo.Context, d developer, id uuid.UUID) error {
	if err := s.Webhooks.Resume(c.Request().Context(), d.by, d.whose, id); err != nil {
		return err
	}
	return seeOther(c, d.seen(endpointPath(id), "resumed"))
}

// removeEndpoint removes an endpoint.
func (s *site) removeEndpoint(c echo.Context, d developer, id uuid.UUID) error {
	if err := s.Webhooks.RemoveEndpoint(c.Request().Context(), d.by, d.whose, id); err != nil {
		return err
	}
	return seeOther(c, d.seen(string(views.WebhooksTab), "removed"))
}

// replayForm asks since when to send messages again, and then says how many there are.
func (s *site) replayForm(c echo.Context, d developer, id uuid.UUID) error {
	return s.showReplay(c, d, id, c.QueryParam("since"))
}

func (s *site) showReplay(c echo.Context, d developer, id uuid.UUID, since string) error {
	ctx := c.Request().Context()
	page, status := views.ReplayPage{DeveloperPage: d.page, Since: since}, http.StatusOK
	var err error
	if page.Endpoint, err = s.Webhooks.Endpoint(ctx, d.whose, id); err != nil {
		return err
	}
	if since == "" {
		page.Since = d.page.Clock.Now.In(d.page.Clock.Zone).Add(-time.Hour).Format(views.ReplayField)
	} else if at, ok := d.parseSince(since); !ok {
		page.Problem, status = "Enter a date and a time in the last 30 days.", http.StatusUnprocessableEntity
	} else if page.N, err = s.Webhooks.Replayable(ctx, d.whose, id, at); err != nil {
		return err
	} else {
		page.Counted = true
	}
	return d.show(c, status, "Send messages again", views.Replay(page))
}

// parseSince parses a time in the reader's zone. Messages from before it is kept are
// gone.
func (d developer) parseSince(text string) (time.Time, bool) {
	at, err := time.ParseInLocation(views.ReplayField, text, d.page.Clock.Zone)
	now := d.page.Clock.Now
	return at.UTC(), err == nil && at.Before(now) && now.Sub(at) <= webhook.Kept+24*time.Hour
}

// replaySince sends messages again.
func (s *site) replaySince(c echo.Context, d developer, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	at, ok := d.parseSince(f.Line("since"))
	if !ok {
		return s.showReplay(c, d, id, "-")
	}
	if _, err := s.Webhooks.ReplaySince(c.Request().Context(), d.by, d.whose, id, at); err != nil {
		return err
	}
	return seeOther(c, d.seen(endpointPath(id), "replayed"))
}
