package modeltest

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
)

// Instance is one more keeper with a way of its own to the database, which a
// test may spoil.
func (k *Kept) Instance(spoil func(write func() error) error) *keeper.Keeper {
	db := *k.DB
	db.Intercept(func(write database.WriteFunc) database.WriteFunc {
		return func(ctx context.Context, fn func(*gorm.DB) error) error {
			return spoil(func() error { return write(ctx, fn) })
		}
	})
	return keeper.New(&db, k.Keys, k.Clients, k.Options, k.Logger())
}

// StillGranted checks that what the database holds is what ServiceTitan honours:
// it can be renewed.
func (k *Kept) StillGranted(keeper *keeper.Keeper, id uuid.UUID) {
	k.Helper()
	before := k.Connection(id)
	access, err := keeper.Renew(k.Context(), k.CompanyID, id, before.Generation)
	if err != nil || access.Generation != before.Generation+1 {
		k.Errorf("renewed once more: generation %d, error %v; %d revocations", access.Generation, err, k.Sandbox.Count(sandbox.PathRevocation))
	}
}

// Instead answers requests in the sandbox's place, where it has an answer.
type Instead struct {
	Next   http.RoundTripper
	Answer func(*http.Request) *http.Response
}

// RoundTrip answers a request, or passes it on if there is no answer.
func (i Instead) RoundTrip(r *http.Request) (*http.Response, error) {
	if resp := i.Answer(r); resp != nil {
		return resp, nil
	}
	return i.Next.RoundTrip(r)
}
