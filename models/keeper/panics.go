package keeper

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
)

// errPanicked stands in for a panic. The panic's own words may hold values that
// must not be logged.
var errPanicked = errors.New("panic")

// logPanic logs that a renewal panicked: the type of what it panicked with and
// the stack, and no value.
func (k *Keeper) logPanic(ctx context.Context, connectionID uuid.UUID, r any) {
	k.log.ErrorContext(ctx, "renewal panicked", "connection", connectionID, "type", fmt.Sprintf("%T", r), "stack", string(debug.Stack()))
}

// renewForSomebody is renewLeased for those who wait for the token. A panic is a
// failure of this one renewal: it would end the process otherwise.
func (k *Keeper) renewForSomebody(ctx context.Context, connection models.Connection, cred credential, held lease) (access Access, err error) {
	defer func() {
		if r := recover(); r != nil {
			k.logPanic(ctx, connection.ID, r)
			access, err = k.postpone(ctx, connection, cred, held, errPanicked)
		}
	}()
	return k.renewLeased(ctx, connection, cred, held, false)
}
