package models

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// proof is access to a tenant as a trip to ServiceTitan brings it.
func proof(k *kept, tenantID int64) proven {
	return proven{
		choice: Choice{Environment: servicetitan.Sandbox, Way: SignInWay, TenantID: tenantID},
		tokens: servicetitan.Tokens{
			Access: secret.New("stc_access_" + newID().String()), Refresh: secret.New(k.sandbox.NewGrant(northgate)),
			ExpiresAt: k.db.Now().Add(15 * time.Minute), Scopes: keptScopes,
		},
	}
}

// Two trips of one company to the same tenant that end at the same moment make
// one connection, with one grant; the other is withdrawn.
func TestTwoTripsToOneTenant(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		connections := k.connections()
		for round := range 20 {
			var ids [4]uuid.UUID
			var all sync.WaitGroup
			for i := range ids {
				p := proof(k, int64(round+1))
				all.Go(func() {
					id, err := connections.save(t.Context(), k.owner(), p)
					if err != nil {
						t.Errorf("trip %d: %v", i, err)
					}
					ids[i] = id
				})
			}
			all.Wait()
			if t.Failed() {
				return
			}
			for _, id := range ids {
				if id != ids[0] {
					t.Fatalf("connections %v", ids)
				}
			}
			k.stillGranted(k.keeper, ids[0])
		}
		if n := k.sandbox.Count(sandbox.PathRevocation); n != 60 {
			t.Errorf("%d revocations, want those of the three that were replaced in each round", n)
		}
		k.invariants()
	})
}

// A company that is gone gets no connection, in either way to begin one.
func TestNoConnectionForACompanyThatIsGone(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		connections, gone := k.connections(), k.owner()
		gone.CompanyID = newID()
		if _, err := connections.save(t.Context(), gone, proof(k, northgate)); !errors.Is(err, ErrNotFound) {
			t.Errorf("a trip: %v", err)
		}
		guided := Choice{Environment: servicetitan.Sandbox, Way: servicetitan.Guided, TenantID: northgate}
		if _, err := connections.RequestSetup(t.Context(), gone, guided); !errors.Is(err, ErrNotFound) {
			t.Errorf("a set-up: %v", err)
		}
	})
}

func TestAuthorizationsMatchTheSchema(t *testing.T) { matchSchema(t, &authorization{}) }
