package models

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Connections makes, shows, tests and ends connections.
type Connections struct {
	db          *DB
	keys        *seal.Keys
	clients     Clients
	keeper      *Keeper
	redirectURI string
	log         *slog.Logger
	waiting     singleflight.Group
}

// Clients are the environments' clients, in the order in which they are offered.
type Clients []*servicetitan.Client

// In returns the environment's client.
func (cs Clients) In(name servicetitan.EnvironmentName) (*servicetitan.Client, bool) {
	for _, c := range cs {
		if c.Environment().Name == name {
			return c, true
		}
	}
	return nil, false
}

// NewConnections returns the connections of a database. The redirect URI is
// registered with every environment's app.
func NewConnections(db *DB, keys *seal.Keys, clients Clients, keeper *Keeper, redirectURI string, log *slog.Logger) *Connections {
	return &Connections{db: db, keys: keys, clients: clients, keeper: keeper, redirectURI: redirectURI, log: log}
}

// Environments are those in which the company may connect.
func (c *Connections) Environments() []servicetitan.Environment {
	environments := make([]servicetitan.Environment, len(c.clients))
	for i, client := range c.clients {
		environments[i] = client.Environment()
	}
	return environments
}

// connectionsShown bounds a company's connections, those that were withdrawn or
// disconnected included; nobody has so many tenants.
const connectionsShown = 200

// List is the company's connections, oldest first.
func (c *Connections) List(ctx context.Context, companyID uuid.UUID) ([]Connection, error) {
	var list []Connection
	err := c.db.Read(ctx).Where("company_id = ?", companyID).Order("id").Limit(connectionsShown).Find(&list).Error
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	return list, nil
}

// Get is one of the company's connections, or ErrNotFound.
func (c *Connections) Get(ctx context.Context, companyID, id uuid.UUID) (Connection, error) {
	return getConnection(c.db.Read(ctx), companyID, id)
}

func getConnection(db *gorm.DB, companyID, id uuid.UUID) (Connection, error) {
	var connection Connection
	err := db.Where("id = ? AND company_id = ?", id, companyID).Take(&connection).Error
	return connection, found(err, "get connection")
}

// eventsShown is how many events a timeline has.
const eventsShown = 50

// Timeline is what happened to a connection, newest first, as its company may
// see it.
func (c *Connections) Timeline(ctx context.Context, connection Connection) ([]Event, error) {
	var events []Event
	err := c.db.Read(ctx).
		Where("connection_id = ? AND company_id = ? AND kind NOT IN ?", connection.ID, connection.CompanyID, staffEvents()).
		Order("id DESC").Limit(eventsShown).Find(&events).Error
	if err != nil {
		return nil, fmt.Errorf("show timeline: %w", err)
	}
	return events, nil
}

// staffEvents are the kinds that a company does not see.
func staffEvents() []EventKind {
	return []EventKind{EventTenantConflict, EventConflictSettled, EventNoted, EventStaffViewed}
}

// record adds an event to the timeline in the transaction that it tells of.
func record(tx *gorm.DB, e Event) error {
	e.ID = newID()
	if err := tx.Create(&e).Error; err != nil {
		return fmt.Errorf("record %s: %w", e.Kind, err)
	}
	return nil
}
