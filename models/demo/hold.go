package demo

import (
	"context"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// Hold keeps the database for this process's demo until it is closed. It
// returns ErrHeld if another process uses the database, and ErrNotDemo if
// anything but a demo is in it. Called again, it takes back what a restart of
// PostgreSQL has taken away. It writes nothing.
func Hold(ctx context.Context, db *database.DB) error {
	if err := db.Hold(ctx, false); err != nil {
		return err
	}
	_, err := begunOrEmpty(db.Read(ctx))
	return err
}

// KeepOff keeps demos off the database until it is closed, even while it is
// empty. It returns ErrHeld if a demo is running with it, and ErrDemoData if a
// demo's data is in it. It writes nothing. After a restart of PostgreSQL, the
// data in the database keeps demos off.
func KeepOff(ctx context.Context, db *database.DB) error {
	if err := db.Hold(ctx, true); err != nil {
		return err
	}
	return CheckNone(ctx, db)
}
