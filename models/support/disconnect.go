package support

import (
	"context"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// Disconnect ends a connection on the company's behalf and keeps the reason as a
// note. The caller has checked the reason with ParseNote. Disconnect returns
// ErrForbidden if the staff member is not an admin.
func (s *Support) Disconnect(ctx context.Context, staff accounts.Staff, id uuid.UUID, reason string) error {
	if staff.Role != accounts.Admin {
		return accounts.ErrForbidden
	}
	connection, err := s.connection(ctx, id)
	if err != nil {
		return err
	}
	may := func(tx *gorm.DB) error { return accounts.HoldAdmin(tx, staff) }
	return s.connections.End(ctx, actor(staff), connection.CompanyID, id, may, func(tx *gorm.DB, now time.Time) error {
		return addNote(tx, staff, Note{CompanyID: connection.CompanyID, ConnectionID: &id, Text: reason, CreatedAt: now})
	})
}
