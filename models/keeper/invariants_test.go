package keeper_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Each planted breach of an invariant is found, under its number.
func TestInvariantsAreChecked(t *testing.T) {
	tests := map[string]struct {
		plant func(k *modeltest.Kept, ids []uuid.UUID)
		want  []string
	}{
		"none": {func(*modeltest.Kept, []uuid.UUID) {}, nil},
		"I2, two renew at once": {func(k *modeltest.Kept, ids []uuid.UUID) {
			refresh, err := keeper.KeeperOpenGrant(k.Keeper, storedCredential(k, ids[0]))
			if err != nil {
				t.Fatal(err)
			}
			k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold})
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() { _, _ = refresh.Ask(k.Context(), k.Clients[0]) })
			}
			<-k.Sandbox.Held()
			<-k.Sandbox.Held()
			k.Sandbox.Release()
			both.Wait()
		}, []string{"I2"}},
		"I3, a generation falls": {func(k *modeltest.Kept, ids []uuid.UUID) {
			k.Exec("UPDATE connections SET generation = 0 WHERE id = ?", ids[0])
			k.Exec("UPDATE credentials SET generation = 0 WHERE connection_id = ?", ids[0])
		}, []string{"I3", "I7"}}, // the encryption is bound to the generation
		"I3, generations differ": {func(k *modeltest.Kept, ids []uuid.UUID) {
			k.Exec("UPDATE connections SET generation = 5 WHERE id = ?", ids[0])
		}, []string{"I3"}},
		"I4, another company's credential": {func(k *modeltest.Kept, ids []uuid.UUID) {
			other := accounts.Company{ID: database.NewID(), Name: "South", CreatedAt: k.DB.Now()}
			k.Write(func(tx *gorm.DB) error { return tx.Create(&other).Error })
			k.Exec("UPDATE credentials SET company_id = ? WHERE connection_id = ?", other.ID, ids[0])
		}, []string{"I4", "I7"}},
		"I4, a token is held twice": {func(k *modeltest.Kept, ids []uuid.UUID) {
			row, again := storedCredential(k, ids[0]), storedCredential(k, ids[1])
			grant, err := keeper.KeeperOpenGrant(k.Keeper, row)
			if err != nil {
				t.Fatal(err)
			}
			copied, err := keeper.NewCredential(k.Keys, k.CompanyID, ids[1], again.Generation, servicetitan.Tokens{Refresh: grant.Refresh, ExpiresAt: again.ExpiresAt}, grant.Own)
			if err != nil {
				t.Fatal(err)
			}
			k.Exec("UPDATE credentials SET refresh_sealed = ? WHERE connection_id = ?", copied.RefreshSealed, ids[1])
		}, []string{"I4"}},
		"I5, a credential stays": {func(k *modeltest.Kept, ids []uuid.UUID) {
			k.Exec("UPDATE connections SET state = 'disconnected' WHERE id = ?", ids[0])
		}, []string{"I5", "I8"}},
		"I5, a token is stored and gone again": {func(k *modeltest.Kept, ids []uuid.UUID) {
			row := storedCredential(k, ids[0])
			k.Disconnect(ids[0])
			k.Write(func(tx *gorm.DB) error { return tx.Create(&row).Error })
			k.Exec("DELETE FROM credentials WHERE connection_id = ?", ids[0])
		}, []string{"I5"}},
		"I6, given up for nothing": {func(k *modeltest.Kept, ids []uuid.UUID) {
			_, _ = keeper.KeeperGiveUp(k.Keeper, k.Context(), k.Connection(ids[0]), keeper.Lease{}, models.ReasonGrantRefused, database.ErrUnavailable)
		}, []string{"I6"}},
		"I6, not tried again": {func(k *modeltest.Kept, ids []uuid.UUID) {
			long := k.DB.Now().Add(-10 * time.Minute)
			k.Exec("UPDATE connections SET state = 'degraded', next_renewal_at = ? WHERE id = ?", long, ids[0])
			k.Exec("INSERT INTO events (id, company_id, connection_id, kind, at) VALUES (?, ?, ?, 'retrying', ?)", database.NewID(), k.CompanyID, ids[0], long)
		}, []string{"I6"}},
		"I6, never due": {func(k *modeltest.Kept, ids []uuid.UUID) {
			k.Exec("UPDATE credentials SET due_at = NULL WHERE connection_id = ?", ids[0])
		}, []string{"I6"}},
		"I7, dead for long": {func(k *modeltest.Kept, _ []uuid.UUID) {
			k.Sandbox.RevokeGrants(modeltest.Northgate)
			k.Options.KeepAlive = -time.Second // whatever is dead has been so for too long
		}, []string{"I7"}},
		"I7, cannot be opened": {func(k *modeltest.Kept, ids []uuid.UUID) {
			k.Exec("UPDATE credentials SET refresh_sealed = (SELECT refresh_sealed FROM credentials WHERE connection_id = ?) WHERE connection_id = ?", ids[0], ids[1])
		}, []string{"I7"}},
		"I8, no event": {func(k *modeltest.Kept, ids []uuid.UUID) {
			k.Disconnect(ids[0])
			k.Exec("DELETE FROM events WHERE kind = 'disconnected'")
		}, []string{"I8"}},
		"I8, two events": {func(k *modeltest.Kept, ids []uuid.UUID) {
			k.Disconnect(ids[0])
			k.Exec("INSERT INTO events (id, company_id, connection_id, kind, at) VALUES (?, ?, ?, 'disconnected', ?)", database.NewID(), k.CompanyID, ids[0], k.DB.Now())
		}, []string{"I8"}},
		"I8, came and went unseen": {func(k *modeltest.Kept, ids []uuid.UUID) {
			k.Exec("UPDATE connections SET state = 'degraded' WHERE id = ?", ids[0])
			k.Exec("UPDATE connections SET state = 'connected' WHERE id = ?", ids[0])
		}, []string{"I8"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
				k := modeltest.NewKept(t, db, clock.Now)
				ids := k.Seed(3, clock.Now(), clock.Now().Add(time.Hour))
				tt.plant(k, ids)
				var numbers []string
				for _, breach := range k.Breaches() {
					if number, _, _ := strings.Cut(breach, ":"); !slices.Contains(numbers, number) {
						numbers = append(numbers, number)
					}
				}
				slices.Sort(numbers)
				if !slices.Equal(numbers, tt.want) {
					t.Errorf("%q, want %q", k.Breaches(), tt.want)
				}
			})
		})
	}
}

func storedCredential(k *modeltest.Kept, id uuid.UUID) (r keeper.Credential) {
	k.Helper()
	if err := k.DB.Read(k.Context()).Where("connection_id = ?", id).Take(&r).Error; err != nil {
		k.Fatal(err)
	}
	return r
}
