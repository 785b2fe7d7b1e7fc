package outage

import (
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Endpoint is a part of ServiceTitan that fails or works as a whole.
type Endpoint string

const (
	// Tokens is the token endpoint, which renewals use.
	Tokens Endpoint = "tokens"
	// API is the API, which checks use.
	API Endpoint = "api"
)

// Endpoints returns every endpoint, in the order in which pages list them.
func Endpoints() []Endpoint { return []Endpoint{Tokens, API} }

// Outage is a time in which an endpoint of an environment failed for many connections.
type Outage struct {
	ID          uuid.UUID `gorm:"primaryKey"`
	Environment servicetitan.EnvironmentName
	Endpoint    Endpoint
	// BeganAt is when the connections began to fail.
	BeganAt time.Time
	// SeenAt is when we noticed.
	SeenAt time.Time
	// EndedAt is when connections worked again; nil while the outage lasts.
	EndedAt *time.Time
	// Tenants is how many connections were tried in the last minutes, and Failing is how
	// many of them failed.
	Tenants, Failing int
	// Peak is the most connections that failed at a time.
	Peak int
	// Kinds says how many connections failed in which way.
	Kinds Kinds `gorm:"serializer:json"`
}

// Kinds counts connections by the kind of their error.
type Kinds map[servicetitan.ErrorKind]int
