package webhook

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// Type is what a message tells of.
type Type string

// All types. The database stores their values, and receivers see them.
const (
	// ConnectionConnected says that a connection works for the first time.
	ConnectionConnected Type = "connection.connected"
	// ConnectionReconnected says that a person allowed access again.
	ConnectionReconnected Type = "connection.reconnected"
	// ConnectionNeedsReconnect says that access was refused, and that a person must
	// reconnect.
	ConnectionNeedsReconnect Type = "connection.needs_reconnect"
	// ConnectionRetrying says that a renewal failed for a temporary reason.
	ConnectionRetrying Type = "connection.retrying"
	// ConnectionRecovered says that renewals work again, without a person.
	ConnectionRecovered Type = "connection.recovered"
	// ConnectionScopesChanged says that the access allows something else than before,
	// or that it lacks, or no longer lacks, a scope that we need.
	ConnectionScopesChanged Type = "connection.scopes_changed"
	// ConnectionDisconnected says that a person ended the connection.
	ConnectionDisconnected Type = "connection.disconnected"
	// ConnectionSetupChanged says that a guided setup began, went on, or ended without
	// changing whether the connection works.
	ConnectionSetupChanged Type = "connection.setup_changed"
	// CompanyLocked says that our staff locked the company.
	CompanyLocked Type = "company.locked"
	// CompanyUnlocked says that our staff unlocked the company.
	CompanyUnlocked Type = "company.unlocked"
	// CompanyDeleted says that the deletion of the company has begun.
	CompanyDeleted Type = "company.deleted"
	// ConnectSessionUpdated says that a connect session was opened, went on, or ended.
	ConnectSessionUpdated Type = "connect_session.updated"
	// Ping is sent by a test. Every endpoint gets it, whatever its types.
	Ping Type = "ping"
)

// types are the types that an endpoint can choose.
var types = []Type{
	ConnectionConnected, ConnectionReconnected, ConnectionNeedsReconnect, ConnectionRetrying, ConnectionRecovered, ConnectionScopesChanged,
	ConnectionDisconnected, ConnectionSetupChanged, CompanyLocked, CompanyUnlocked, CompanyDeleted, ConnectSessionUpdated,
}

// Types returns the types that an endpoint can choose, in the order in which pages
// list them.
func Types() []Type { return slices.Clone(types) }

// Message is what happened, as Queue takes it.
type Message struct {
	Type      Type
	CompanyID uuid.UUID
	// OrderKey is what the message is about: the connection, or the company. Messages
	// with the same key arrive in the order in which they were queued. The caller has
	// locked its row, so that nobody else queues one at the same time.
	OrderKey uuid.UUID
	At       time.Time
	// Data reads what the message says. Queue calls it only if an endpoint gets the
	// message. The result becomes JSON and must hold no secret.
	Data func(tx *gorm.DB) (any, error)
}

// message is a row of webhook_messages.
type message struct {
	ID        uuid.UUID `gorm:"primaryKey"`
	Type      Type
	CompanyID *uuid.UUID
	OrderKey  uuid.UUID
	// Body is what is sent. Every attempt sends the same bytes.
	Body      string
	CreatedAt time.Time
}

// TableName returns the table's name.
func (message) TableName() string { return "webhook_messages" }

// body is the JSON of a message, as the specification recommends it.
type body struct {
	Type      Type      `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// listener is an endpoint that may get a message.
type listener struct {
	id        uuid.UUID
	companyID *uuid.UUID
}

// Queue writes a message in the transaction of the change that it tells of, for each
// endpoint of the operator and of the company that gets its type. Without such an
// endpoint, it costs one query.
func Queue(tx *gorm.DB, m Message) error {
	listeners, err := listenersOf(tx, m)
	if err != nil || len(listeners) == 0 {
		return err
	}
	data, err := m.Data(tx)
	if err != nil {
		return fmt.Errorf("queue %s: %w", m.Type, err)
	}
	row := message{ID: database.NewID(), Type: m.Type, CompanyID: &m.CompanyID, OrderKey: m.OrderKey, CreatedAt: m.At}
	if err := row.insert(tx, data, listeners); err != nil {
		return fmt.Errorf("queue %s: %w", m.Type, err)
	}
	return nil
}

// listenersOf returns the endpoints that get a message. On PostgreSQL, none of them
// can be removed until the transaction ends.
func listenersOf(tx *gorm.DB, m Message) (list []listener, err error) {
	query := `SELECT id, company_id, types FROM webhook_endpoints WHERE (company_id IS NULL OR company_id = $1) AND disabled_at IS NULL`
	if database.IsPostgres(tx) {
		query += " FOR KEY SHARE"
	}
	err = database.Query(tx, query, []any{m.CompanyID}, func(rows *sql.Rows) error {
		var l listener
		var wanted string
		if err := rows.Scan(&l.id, &l.companyID, &wanted); err != nil {
			return err
		}
		if wanted == "" || slices.Contains(strings.Fields(wanted), string(m.Type)) {
			list = append(list, l)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find endpoints for %s: %w", m.Type, err)
	}
	return list, nil
}

var messageRow = database.RowOf[message]()

// insert writes the message and its deliveries.
func (m message) insert(tx *gorm.DB, data any, to []listener) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body{m.Type, m.CreatedAt.UTC(), data}); err != nil {
		return err
	}
	m.Body = strings.TrimSuffix(text.String(), "\n")
	if err := messageRow.Insert(tx, &m); err != nil {
		return err
	}
	for _, l := range to {
		if err := m.deliverTo(tx, l, m.CreatedAt); err != nil {
			return err
		}
	}
	return nil
}

// deliverTo queues the message for an endpoint.
func (m message) deliverTo(tx *gorm.DB, l listener, now time.Time) error {
	_, err := database.Exec(tx, `INSERT INTO webhook_deliveries (id, endpoint_id, company_id, message_id, type, order_key, state, next_try_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, database.NewID(), l.id, l.companyID, m.ID, m.Type, m.OrderKey, Pending, now, now)
	return err
}
