package webhook

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// Kept is how long deliveries and their attempts are kept.
const Kept = 30 * 24 * time.Hour

// deliveriesShown is the most deliveries that a list has.
const deliveriesShown = 50

// DeliveryState is how far a delivery is.
type DeliveryState string

// All states of a delivery. The database stores their values.
const (
	// Pending means that the delivery waits for its first or next attempt, or for an
	// earlier delivery.
	Pending DeliveryState = "pending"
	// Delivered means that the receiver took the message.
	Delivered DeliveryState = "delivered"
	// GivenUp means that every attempt failed until the end of the time for tries.
	GivenUp DeliveryState = "failed"
)

// Delivery is one message to one endpoint.
type Delivery struct {
	// Seq is the order of all deliveries.
	Seq        int64 `gorm:"primaryKey;->"`
	ID         uuid.UUID
	EndpointID uuid.UUID
	// CompanyID is the endpoint's company.
	CompanyID *uuid.UUID
	MessageID uuid.UUID
	Type      Type
	// OrderKey is the connection that the message is about, or the company.
	OrderKey  uuid.UUID
	State     DeliveryState
	Tries     int
	NextTryAt time.Time
	CreatedAt time.Time
	EndedAt   *time.Time
	// Body is the message, if Webhooks.Delivery has read it.
	Body string `gorm:"-"`
}

// TableName returns the table's name.
func (Delivery) TableName() string { return "webhook_deliveries" }

// WebhookID is the ID that receivers see. It is the same for all attempts, endpoints,
// and replays of a message.
func (d Delivery) WebhookID() string { return webhookID(d.MessageID) }

func webhookID(messageID uuid.UUID) string {
	return "msg_" + strings.ReplaceAll(messageID.String(), "-", "")
}

// Attempt is one attempt to deliver.
type Attempt struct {
	DeliverySeq int64 `gorm:"primaryKey"`
	N           int   `gorm:"primaryKey"`
	At          time.Time
	// Status is the status of the answer; 0 if there was none.
	Status int
	Millis int64
	// Answer is the beginning of the answer.
	Answer string
	// Error says in words what went wrong; empty if the receiver took the message.
	Error string
}

// TableName returns the table's name.
func (Attempt) TableName() string { return "webhook_attempts" }

// DeliveryFilter says which deliveries are listed. Zero values let all pass.
type DeliveryFilter struct {
	EndpointID   uuid.UUID
	ConnectionID uuid.UUID
	Type         Type
	State        DeliveryState
	// After is the last delivery of the previous page.
	After int64
}

// Deliveries returns the newest deliveries that pass a filter, newest first, and
// whether there are more.
func (w *Webhooks) Deliveries(ctx context.Context, whose *uuid.UUID, f DeliveryFilter) (list []Delivery, more bool, err error) {
	query := ofOwner(w.db.Read(ctx), whose)
	for condition, value := range map[string]any{"endpoint_id = ?": f.EndpointID, "order_key = ?": f.ConnectionID} {
		if value != uuid.Nil {
			query = query.Where(condition, value)
		}
	}
	if f.Type != "" {
		query = query.Where("type = ?", f.Type)
	}
	if f.State != "" {
		query = query.Where("state = ?", f.State)
	}
	if f.After > 0 {
		query = query.Where("seq < ?", f.After)
	}
	if err := query.Order("seq DESC").Limit(deliveriesShown + 1).Find(&list).Error; err != nil {
		return nil, false, fmt.Errorf("list deliveries: %w", err)
	}
	if len(list) > deliveriesShown {
		return list[:deliveriesShown], true, nil
	}
	return list, false, nil
}

// Delivery returns a delivery with its message, and its attempts, newest first. It
// returns ErrNotFound.
func (w *Webhooks) Delivery(ctx context.Context, whose *uuid.UUID, id uuid.UUID) (d Delivery, attempts []Attempt, err error) {
	db := w.db.Read(ctx)
	if err := ofOwner(db, whose).Where("id = ?", id).Take(&d).Error; err != nil {
		return d, nil, database.Found(err, "find delivery")
	}
	err = db.Raw("SELECT body FROM webhook_messages WHERE id = ?", d.MessageID).Scan(&d.Body).Error
	if err == nil {
		err = db.Where("delivery_seq = ?", d.Seq).Order("n DESC").Find(&attempts).Error
	}
	if err != nil {
		return d, nil, fmt.Errorf("read delivery: %w", err)
	}
	return d, attempts, nil
}

// ofOwner limits a query to what belongs to a company, or to the operator if whose is
// nil.
func ofOwner(db *gorm.DB, whose *uuid.UUID) *gorm.DB {
	if whose == nil {
		return db.Where("company_id IS NULL")
	}
	return db.Where("company_id = ?", *whose)
}
