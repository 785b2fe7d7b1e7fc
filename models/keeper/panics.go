package keeper

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
)

// errPanicked takes the place of a panic's value, which may hold secrets and must not be
// logged.
var errPanicked = errors.New("panic")

// logPanic logs that a renewal panicked. It logs the type of the panic's value and the
// stack, but never the value.
func (k *Keeper) logPanic(ctx context.Context, connectionID uuid.UUID, r any) {
	k.log.ErrorContext(ctx, "renewal panicked", "connection", connectionID, "type", fmt.Sprintf("%T", r), "stack", string(debug.Stack()))
}

// renewForSomebody is renewLeased for callers who wait for the token. It turns a panic
// into a failure of this one renewal, because otherwise the panic would end the process.
func (k *Keeper) renewForSomebody(ctx context.Context, connection models.Connection, cred credential, held lease) (access Access, err error) {
	defer func() {
		if r := recover(); r != nil {
			k.logPanic(ctx, connection.ID, r)
			access, err = k.postpone(ctx, connection, cred, held, errPanicked)
		}
	}()
	return k.renewLeased(ctx, connection, cred, held, false)
}
