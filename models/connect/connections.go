package connect

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Connections makes, shows, tests and ends connections.
type Connections struct {
	db          *database.DB
	keys        *seal.Keys
	clients     models.Clients
	keeper      *keeper.Keeper
	redirectURI string
	log         *slog.Logger
	waiting     singleflight.Group
}

// New returns the connections of a database. The redirect URI is
// registered with every environment's app.
func New(db *database.DB, keys *seal.Keys, clients models.Clients, keeper *keeper.Keeper, redirectURI string, log *slog.Logger) *Connections {
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

// List is the company's connections, oldest first.
func (c *Connections) List(ctx context.Context, companyID uuid.UUID) ([]models.Connection, error) {
	var list []models.Connection
	err := c.db.Read(ctx).Where("company_id = ?", companyID).Order("id").Limit(models.ConnectionsPerCompany).Find(&list).Error
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	return list, nil
}

// Get is one of the company's connections, or ErrNotFound.
func (c *Connections) Get(ctx context.Context, companyID, id uuid.UUID) (models.Connection, error) {
	return models.GetConnection(c.db.Read(ctx), companyID, id)
}

// eventsShown is how many events a timeline has.
const eventsShown = 50

// Timeline returns what happened to a connection, newest first. It has the kinds
// of events that a company may see and no others.
func (c *Connections) Timeline(ctx context.Context, connection models.Connection) ([]models.Event, error) {
	var events []models.Event
	err := c.db.Read(ctx).
		Where("connection_id = ? AND company_id = ? AND kind IN ?", connection.ID, connection.CompanyID, models.CompanyEvents()).
		Order("id DESC").Limit(eventsShown).Find(&events).Error
	if err != nil {
		return nil, fmt.Errorf("show timeline: %w", err)
	}
	return events, nil
}
