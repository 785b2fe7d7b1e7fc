package models

import (
	"context"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// Disconnect ends a connection on the company's behalf. ParseNote has found the
// reason fine; it is kept as a note.
func (d *Desk) Disconnect(ctx context.Context, staff Staff, id uuid.UUID, reason string) error {
	if staff.Role != Admin {
		return ErrForbidden
	}
	connection, err := d.connection(ctx, id)
	if err != nil {
		return err
	}
	may := func(tx *gorm.DB) error { return holdAdmin(tx, staff) }
	return d.connections.End(ctx, visitorFor(staff, connection.CompanyID), id, may, func(tx *gorm.DB, now time.Time) error {
		return addNote(tx, staff, Note{CompanyID: connection.CompanyID, ConnectionID: &id, Text: reason, CreatedAt: now})
	})
}
