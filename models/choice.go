package models

import (
	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Choice is what a contractor chose in the wizard.
type Choice struct {
	Environment servicetitan.EnvironmentName
	Way         servicetitan.Way
	TenantID    int64
	// ConnectionID is the connection to reconnect; the zero ID begins a new one.
	ConnectionID uuid.UUID
}

// Reconnects says whether the choice renews an existing connection.
func (c Choice) Reconnects() bool { return c.ConnectionID != uuid.Nil }
