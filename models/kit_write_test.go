package models

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// instance is one more keeper with a way of its own to the database, which a
// test may spoil.
func (k *kept) instance(spoil func(write func() error) error) *Keeper {
	db := *k.db
	db.Intercept(func(write WriteFunc) WriteFunc {
		return func(ctx context.Context, fn func(*gorm.DB) error) error {
			return spoil(func() error { return write(ctx, fn) })
		}
	})
	return NewKeeper(&db, k.keys, k.clients, k.options, k.logger())
}

// stillGranted checks that what the database holds is what ServiceTitan honours:
// it can be renewed.
func (k *kept) stillGranted(keeper *Keeper, id uuid.UUID) {
	k.Helper()
	before := k.connection(id)
	access, err := keeper.Renew(k.Context(), k.companyID, id, before.Generation)
	if err != nil || access.Generation != before.Generation+1 {
		k.Errorf("renewed once more: generation %d, error %v; %d revocations", access.Generation, err, k.sandbox.Count(sandbox.PathRevocation))
	}
}

// instead answers requests in the sandbox's place, where it has an answer.
type instead struct {
	next   http.RoundTripper
	answer func(*http.Request) *http.Response
}

func (i instead) RoundTrip(r *http.Request) (*http.Response, error) {
	if resp := i.answer(r); resp != nil {
		return resp, nil
	}
	return i.next.RoundTrip(r)
}
