package demo

import (
	"context"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// Hold holds the database for this process's demo until the database is closed. It
// returns database.ErrHeld if another process uses the database, and ErrNotDemo if it
// contains anything but a demo. A restart of PostgreSQL drops the lock, and calling
// Hold again takes it back. It writes nothing.
func Hold(ctx context.Context, db *database.DB) error {
	if err := db.Hold(ctx, false); err != nil {
		return err
	}
	_, err := begunOrEmpty(db.Read(ctx))
	return err
}

// KeepOff keeps demos off the database until it is closed, even while it is empty. It
// returns database.ErrHeld if a demo is running with the database, and ErrDemoData if
// it contains a demo's data. It writes nothing. After a restart of PostgreSQL, the data
// in the database keeps demos off.
func KeepOff(ctx context.Context, db *database.DB) error {
	if err := db.Hold(ctx, true); err != nil {
		return err
	}
	return CheckNone(ctx, db)
}
