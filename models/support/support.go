package support

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
)

// Support does what our staff do across companies. It never returns a secret. Its
// methods are safe for concurrent use.
type Support struct {
	db          *database.DB
	keeper      *keeper.Keeper
	connections *connect.Connections
}

// New returns a Support that works on a database.
func New(db *database.DB, k *keeper.Keeper, connections *connect.Connections) *Support {
	return &Support{db: db, keeper: k, connections: connections}
}

// ActorName is the name under which companies see what our staff did.
const ActorName = "Fieldbridge support"

// actor returns a staff member as the person who acts for a company.
func actor(staff accounts.Staff) accounts.Actor {
	return accounts.Actor{UserID: staff.UserID, Name: ActorName, StaffName: staff.Name, SupportCode: staff.SupportCode}
}

// eventBy returns an event about a connection that a staff member caused.
func eventBy(staff accounts.Staff, c models.Connection, kind models.EventKind, now time.Time) models.Event {
	return models.Event{
		CompanyID: c.CompanyID, ConnectionID: &c.ID, Kind: kind, ActorName: ActorName, StaffName: staff.Name,
		SupportCode: staff.SupportCode, At: now,
	}
}

// connection returns a connection of any company, or ErrNotFound.
func (s *Support) connection(ctx context.Context, id uuid.UUID) (models.Connection, error) {
	var connection models.Connection
	err := s.db.Read(ctx).Where("id = ?", id).Take(&connection).Error
	return connection, database.Found(err, "find connection")
}
