package handlers

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/webhook"
	"github.com/fieldbridge/fieldbridge/views"
)

// listDeliveries lists what was sent. The query selects by endpoint, type, state, and
// connection.
func (s *site) listDeliveries(c echo.Context, d developer) error {
	ctx := c.Request().Context()
	page := views.DeliveriesPage{DeveloperPage: d.page, Connection: strings.TrimSpace(c.QueryParam("connection"))}
	page.Filter.EndpointID, _ = request.ParseID(c.QueryParam("endpoint"))
	page.Filter.Type, page.Filter.State = webhook.Type(c.QueryParam("type")), webhook.DeliveryState(c.QueryParam("state"))
	page.Filter.After, _ = strconv.ParseInt(c.QueryParam("after"), 10, 64)
	if page.Connection != "" {
		var ok bool
		if page.Filter.ConnectionID, ok = request.ParseID(page.Connection); !ok {
			page.Filter.ConnectionID = uuid.Max // nothing matches
		}
	}
	var err error
	if page.Endpoints, err = s.Webhooks.Endpoints(ctx, d.whose); err != nil {
		return err
	}
	if page.Deliveries, page.More, err = s.Webhooks.Deliveries(ctx, d.whose, page.Filter); err != nil {
		return err
	}
	return d.show(c, http.StatusOK, "Deliveries", views.Deliveries(page))
}

// showDelivery shows a delivery with its message and every attempt.
func (s *site) showDelivery(c echo.Context, d developer, id uuid.UUID) error {
	ctx, page := c.Request().Context(), views.DeliveryPage{DeveloperPage: d.page}
	var err error
	if page.Delivery, page.Attempts, err = s.Webhooks.Delivery(ctx, d.whose, id); err != nil {
		return err
	}
	if page.Endpoint, err = s.Webhooks.Endpoint(ctx, d.whose, page.Delivery.EndpointID); err != nil {
		return err
	}
	return d.show(c, http.StatusOK, "Delivery", views.Delivery(page))
}

// deliveryPath returns the address of a delivery's page, below the one of the keys.
func deliveryPath(id uuid.UUID) string { return string(views.DeliveriesTab) + "/" + id.String() }

// replayDelivery sends a message again.
func (s *site) replayDelivery(c echo.Context, d developer, id uuid.UUID) error {
	again, err := s.Webhooks.Replay(c.Request().Context(), d.by, d.whose, id)
	if errors.Is(err, webhook.ErrStillPending) {
		return seeOther(c, d.page.At+deliveryPath(id))
	}
	if err != nil {
		return err
	}
	return seeOther(c, d.seen(deliveryPath(again.ID), "repeated"))
}
