package connect

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/check"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Connections makes, shows, tests, and ends connections. Its methods are safe for
// concurrent use.
type Connections struct {
	db          *database.DB
	keys        *seal.Keys
	clients     models.Clients
	keeper      *keeper.Keeper
	checker     *check.Checker
	redirectURI string
	log         *slog.Logger
	waiting     singleflight.Group
}

// New returns the connections of a database. The redirect URI is the one that is
// registered with the app in every environment.
func New(db *database.DB, keys *seal.Keys, clients models.Clients, k *keeper.Keeper, checker *check.Checker, redirectURI string, log *slog.Logger) *Connections {
	return &Connections{db: db, keys: keys, clients: clients, keeper: k, checker: checker, redirectURI: redirectURI, log: log}
}

// Environments returns the environments in which companies can connect.
func (c *Connections) Environments() []servicetitan.Environment {
	environments := make([]servicetitan.Environment, len(c.clients))
	for i, client := range c.clients {
		environments[i] = client.Environment()
	}
	return environments
}

// Environment returns an environment in which companies can connect.
func (c *Connections) Environment(name servicetitan.EnvironmentName) (servicetitan.Environment, bool) {
	client, ok := c.clients.In(name)
	if !ok {
		return servicetitan.Environment{}, false
	}
	return client.Environment(), true
}

// List returns the company's connections, oldest first.
func (c *Connections) List(ctx context.Context, companyID uuid.UUID) ([]models.Connection, error) {
	var connections []models.Connection
	err := c.db.Read(ctx).Where("company_id = ?", companyID).Order("id").Limit(models.ConnectionsPerCompany).Find(&connections).Error
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	return connections, nil
}

// Get returns one of the company's connections, or ErrNotFound.
func (c *Connections) Get(ctx context.Context, companyID, id uuid.UUID) (models.Connection, error) {
	return models.GetConnection(c.db.Read(ctx), companyID, id)
}

// tenantOf returns the environment and tenant of a connection as a choice.
func tenantOf(connection models.Connection) models.Choice {
	return models.Choice{Environment: connection.Environment, TenantID: connection.TenantID}
}
