package api

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// deliveryBody is a delivery of a webhook as the API shows it.
type deliveryBody struct {
	ID         uuid.UUID             `json:"id"`
	EndpointID uuid.UUID             `json:"endpoint_id"`
	WebhookID  string                `json:"webhook_id"`
	Type       webhook.Type          `json:"type"`
	SubjectID  uuid.UUID             `json:"subject_id"`
	State      webhook.DeliveryState `json:"state"`
	Tries      int                   `json:"tries"`
	NextTryAt  *time.Time            `json:"next_try_at"`
	CreatedAt  time.Time             `json:"created_at"`
	EndedAt    *time.Time            `json:"ended_at"`
}

func deliveryOf(d webhook.Delivery) deliveryBody {
	body := deliveryBody{
		ID: d.ID, EndpointID: d.EndpointID, WebhookID: d.WebhookID(), Type: d.Type, SubjectID: d.OrderKey,
		State: d.State, Tries: d.Tries, CreatedAt: d.CreatedAt.UTC(), EndedAt: database.InUTC(d.EndedAt),
	}
	if d.State == webhook.Pending {
		body.NextTryAt = database.InUTC(&d.NextTryAt)
	}
	return body
}

type deliveriesBody struct {
	Data []deliveryBody `json:"data"`
	Next string         `json:"next,omitempty"`
}

// deliveryParameters are the parameters of a list of deliveries.
var deliveryParameters = []string{"endpoint_id", "connection_id", "type", "state", "after"}

// listDeliveries lists the deliveries to the endpoints of the key's company, or of the
// operator, newest first.
func (a *API) listDeliveries(c echo.Context, key accounts.APIKey) error {
	q := queryOf(c)
	f := webhook.DeliveryFilter{
		EndpointID: q.id("endpoint_id"), ConnectionID: q.id("connection_id"),
		Type:  oneOf(q, "type", append(webhook.Types(), webhook.Ping)...),
		State: oneOf(q, "state", webhook.Pending, webhook.Delivered, webhook.GivenUp),
		After: q.number("after", math.MaxInt64),
	}
	if err := q.err(); err != nil {
		return err
	}
	list, more, err := a.Webhooks.Deliveries(c.Request().Context(), key.CompanyID, f)
	if err != nil {
		return err
	}
	page := deliveriesBody{Data: make([]deliveryBody, len(list))}
	for i, d := range list {
		page.Data[i] = deliveryOf(d)
	}
	if more {
		page.Next = strconv.FormatInt(list[len(list)-1].Seq, 10)
	}
	return answerTagged(c, page)
}

// attemptBody is an attempt to deliver as the API shows it.
type attemptBody struct {
	At         time.Time `json:"at"`
	Status     int       `json:"status,omitempty"`
	DurationMS int64     `json:"duration_ms"`
	Answer     string    `json:"answer"`
	Error      string    `json:"error,omitempty"`
}

// wholeDeliveryBody is a delivery with its message and its attempts.
type wholeDeliveryBody struct {
	deliveryBody
	Message  json.RawMessage `json:"message"`
	Attempts []attemptBody   `json:"attempts"`
}

// readDelivery answers with a delivery, what was sent, and every attempt.
func (a *API) readDelivery(c echo.Context, key accounts.APIKey, id uuid.UUID) error {
	d, attempts, err := a.Webhooks.Delivery(c.Request().Context(), key.CompanyID, id)
	if err != nil {
		return err
	}
	body := wholeDeliveryBody{deliveryBody: deliveryOf(d), Message: json.RawMessage(d.Body), Attempts: make([]attemptBody, len(attempts))}
	for i, t := range attempts {
		body.Attempts[i] = attemptBody{At: t.At.UTC(), Status: t.Status, DurationMS: t.Millis, Answer: t.Answer, Error: t.Error}
	}
	return answerTagged(c, body)
}

// replayDelivery sends the message of a delivery again.
func (a *API) replayDelivery(c echo.Context, key accounts.APIKey, id uuid.UUID) error {
	if err := readNothing(c); err != nil {
		return err
	}
	d, err := a.Webhooks.Replay(c.Request().Context(), key.Actor(request.SupportCode(c)), key.CompanyID, id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, deliveryOf(d))
}
