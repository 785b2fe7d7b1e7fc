package connect_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// newAccess returns access to a tenant as an authorization grants it.
func newAccess(k *modeltest.Kept, tenantID int64) connect.GrantedAccess {
	return connect.GrantedAccess{
		Choice: models.Choice{Environment: servicetitan.Sandbox, Way: models.SignInWay, TenantID: tenantID},
		Tokens: servicetitan.Tokens{
			Access: secret.New("stc_access_" + database.NewID().String()), Refresh: secret.New(k.Sandbox.NewGrant(modeltest.Northgate)),
			ExpiresAt: k.DB.Now().Add(15 * time.Minute), Scopes: modeltest.KeptScopes,
		},
	}
}

// Authorizations of one company for the same tenant that complete at the same moment
// make one connection with one grant. The other grants are withdrawn.
func TestAuthorizationsOfOneTenantAtOnce(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		connections := k.Connections()
		for round := range 20 {
			var ids [4]uuid.UUID
			var all sync.WaitGroup
			for i := range ids {
				access := newAccess(k, int64(round+1))
				all.Go(func() {
					owner := k.Owner()
					id, err := connect.ConnectionsSave(connections, t.Context(), owner.Actor(), owner.CompanyID, access)
					if err != nil {
						t.Errorf("authorization %d: %v", i, err)
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
			k.StillGranted(k.Keeper, ids[0])
		}
		if n := k.Sandbox.Count(sandbox.PathRevocation); n != 60 {
			t.Errorf("%d revocations, want those of the three grants that each round replaces", n)
		}
		k.Invariants()
	})
}

// A deleted company gets no connection, whether by authorization or by guided setup.
func TestNoConnectionForDeletedCompany(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		connections, gone := k.Connections(), k.Owner()
		gone.CompanyID = database.NewID()
		if _, err := connect.ConnectionsSave(connections, t.Context(), gone.Actor(), gone.CompanyID, newAccess(k, modeltest.Northgate)); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("an authorization: %v", err)
		}
		guided := models.Choice{Environment: servicetitan.Sandbox, Way: servicetitan.Guided, TenantID: modeltest.Northgate}
		if _, err := connections.RequestSetup(t.Context(), gone, guided); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("a setup: %v", err)
		}
	})
}

func TestAuthorizationsMatchTheSchema(t *testing.T) {
	modeltest.MatchSchema(t, &connect.Ask{}, &connect.Authorization{}, &connect.Session{})
}
