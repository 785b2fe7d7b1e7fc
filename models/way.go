package models

import (
	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Way is one of the ways to connect.
type Way = servicetitan.Way

// The ways to connect. Package servicetitan describes each one.
const (
	SignInWay         = servicetitan.SignIn
	GuidedWay         = servicetitan.Guided
	OwnCredentialsWay = servicetitan.OwnCredentials
)

// EnvironmentName names one of ServiceTitan's environments, or our sandbox.
type EnvironmentName = servicetitan.EnvironmentName

// EnvironmentNames returns every environment, in the order in which pages list
// them.
func EnvironmentNames() []EnvironmentName {
	return []EnvironmentName{servicetitan.Production, servicetitan.Integration, servicetitan.Sandbox}
}

// Ways returns every way to connect, in the order in which pages list them.
func Ways() []Way { return []Way{SignInWay, GuidedWay, OwnCredentialsWay} }

// Clients holds a client for each configured environment, in the order in which
// pages offer them.
type Clients []*servicetitan.Client

// In returns the client of an environment, and whether there is one.
func (cs Clients) In(name servicetitan.EnvironmentName) (*servicetitan.Client, bool) {
	for _, c := range cs {
		if c.Environment().Name == name {
			return c, true
		}
	}
	return nil, false
}

// Names returns the environments of the clients.
func (cs Clients) Names() []servicetitan.EnvironmentName {
	names := make([]servicetitan.EnvironmentName, len(cs))
	for i, c := range cs {
		names[i] = c.Environment().Name
	}
	return names
}

// Choice is what a contractor chose in the connection wizard.
type Choice struct {
	Environment servicetitan.EnvironmentName
	Way         servicetitan.Way
	TenantID    int64
	// ConnectionID is the connection to reconnect, or uuid.Nil for a new one.
	ConnectionID uuid.UUID
}

// Reconnects reports whether the choice reconnects an existing connection.
func (c Choice) Reconnects() bool { return c.ConnectionID != uuid.Nil }
