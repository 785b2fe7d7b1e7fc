package webhook

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/seal"
)

const (
	// EndpointsAtMost is how many endpoints a company or the operator can have.
	EndpointsAtMost = 20
	// longestDescription is how long a description can be, in bytes.
	longestDescription = 200
	// bothSign is how long the old secret signs beside the new one.
	bothSign = 24 * time.Hour
	// pauseAfter is how long every attempt must have failed until an endpoint is
	// paused.
	pauseAfter = 24 * time.Hour
)

var (
	// ErrTooManyEndpoints says that there are EndpointsAtMost endpoints.
	ErrTooManyEndpoints = errors.New("too many webhook endpoints")
	// ErrDescription says that a description is too long, or is not storable text.
	ErrDescription = errors.New("the description is too long")
	// ErrType says that there is no such type of messages.
	ErrType = errors.New("no such type of messages")
)

// Endpoint is an address to which messages are sent.
type Endpoint struct {
	ID uuid.UUID `gorm:"primaryKey"`
	// CompanyID is the company whose messages it gets. It is nil for an endpoint of
	// the operator, which gets the messages of all companies.
	CompanyID   *uuid.UUID
	URL         string
	Description string
	// Types are the types that it gets, separated by spaces. It gets all if there are
	// none.
	Types           string
	SecretSealed    []byte
	OldSecretSealed []byte
	// OldSecretUntil is until when the previous secret signs too.
	OldSecretUntil *time.Time
	// Failures counts the attempts in a row that failed. The first was at
	// FailingSince.
	Failures     int
	FailingSince *time.Time
	// NextTryAt is before when nothing is sent, because the endpoint failed.
	NextTryAt *time.Time
	// ResumedAt is when sending was last resumed. Older deliveries have their time for
	// tries again from then on.
	ResumedAt *time.Time
	// PausedAt is when sending was paused, because everything failed for a day.
	PausedAt *time.Time
	// DisabledAt is when the endpoint said that it is gone.
	DisabledAt *time.Time
	// LeaseOwner is the instance that sends to the endpoint, until LeaseUntil.
	LeaseOwner string
	LeaseUntil *time.Time
	CreatedAt  time.Time
}

// TableName returns the table's name.
func (Endpoint) TableName() string { return "webhook_endpoints" }

// Health is how an endpoint is doing.
type Health string

const (
	// Healthy means that the last attempt worked, or that there was none.
	Healthy Health = "healthy"
	// Failing means that the last attempts failed.
	Failing Health = "failing"
	// Paused means that every attempt failed for a day. Only a test is still sent.
	Paused Health = "paused"
	// Disabled means that the endpoint answered 410 Gone.
	Disabled Health = "disabled"
)

// Health returns how the endpoint is doing.
func (e Endpoint) Health() Health {
	switch {
	case e.DisabledAt != nil:
		return Disabled
	case e.PausedAt != nil:
		return Paused
	case e.FailingSince != nil:
		return Failing
	}
	return Healthy
}

// waits reports whether only tests are sent for now.
func (e Endpoint) waits(now time.Time) bool {
	return e.PausedAt != nil || e.NextTryAt != nil && e.NextTryAt.After(now)
}

// TypeList returns the types that the endpoint gets. It gets all if there are none.
func (e Endpoint) TypeList() []Type {
	var list []Type
	for _, t := range strings.Fields(e.Types) {
		list = append(list, Type(t))
	}
	return list
}

// place returns where a secret of the endpoint is stored.
func (e Endpoint) place(column string) seal.Place {
	p := seal.Place{Table: "webhook_endpoints", Row: e.ID.String(), Column: column}
	if e.CompanyID != nil {
		p.Company = e.CompanyID.String()
	}
	return p
}

// joinTypes returns the types as the column has them. It returns ErrType for one that
// an endpoint cannot choose.
func joinTypes(chosen []Type) (string, error) {
	var list []string
	for _, t := range types {
		if slices.Contains(chosen, t) {
			list = append(list, string(t))
		}
	}
	for _, t := range chosen {
		if !slices.Contains(types, t) {
			return "", ErrType
		}
	}
	if len(list) == len(types) {
		return "", nil
	}
	return strings.Join(list, " "), nil
}
