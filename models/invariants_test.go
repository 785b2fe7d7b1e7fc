package models

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Each breach that is planted is found, under its number.
func TestInvariantsAreChecked(t *testing.T) {
	tests := map[string]struct {
		plant func(k *kept, ids []uuid.UUID)
		want  []string
	}{
		"none": {func(*kept, []uuid.UUID) {}, nil},
		"I2, two renew at once": {func(k *kept, ids []uuid.UUID) {
			refresh, err := k.keeper.openBasis(storedCredential(k, ids[0]))
			if err != nil {
				t.Fatal(err)
			}
			k.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold})
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() { _, _ = refresh.ask(k.Context(), k.clients[0]) })
			}
			<-k.sandbox.Held()
			<-k.sandbox.Held()
			k.sandbox.Release()
			both.Wait()
		}, []string{"I2"}},
		"I3, a generation falls": {func(k *kept, ids []uuid.UUID) {
			k.exec("UPDATE connections SET generation = 0 WHERE id = ?", ids[0])
			k.exec("UPDATE credentials SET generation = 0 WHERE connection_id = ?", ids[0])
		}, []string{"I3", "I7"}}, // the seal knows the generation
		"I3, generations differ": {func(k *kept, ids []uuid.UUID) {
			k.exec("UPDATE connections SET generation = 5 WHERE id = ?", ids[0])
		}, []string{"I3"}},
		"I4, another company's credential": {func(k *kept, ids []uuid.UUID) {
			other := Company{ID: newID(), Name: "South", CreatedAt: k.db.Now()}
			k.write(func(tx *gorm.DB) error { return tx.Create(&other).Error })
			k.exec("UPDATE credentials SET company_id = ? WHERE connection_id = ?", other.ID, ids[0])
		}, []string{"I4", "I7"}},
		"I4, a token is held twice": {func(k *kept, ids []uuid.UUID) {
			row, again := storedCredential(k, ids[0]), storedCredential(k, ids[1])
			basis, err := k.keeper.openBasis(row)
			if err != nil {
				t.Fatal(err)
			}
			copied, err := sealCredential(k.keys, k.companyID, ids[1], again.Generation, servicetitan.Tokens{Refresh: basis.refresh, ExpiresAt: again.ExpiresAt}, basis.own)
			if err != nil {
				t.Fatal(err)
			}
			k.exec("UPDATE credentials SET refresh_sealed = ? WHERE connection_id = ?", copied.RefreshSealed, ids[1])
		}, []string{"I4"}},
		"I5, a credential stays": {func(k *kept, ids []uuid.UUID) {
			k.exec("UPDATE connections SET state = 'disconnected' WHERE id = ?", ids[0])
		}, []string{"I5", "I8"}},
		"I5, a token is stored and gone again": {func(k *kept, ids []uuid.UUID) {
			row := storedCredential(k, ids[0])
			k.disconnect(ids[0])
			k.write(func(tx *gorm.DB) error { return tx.Create(&row).Error })
			k.exec("DELETE FROM credentials WHERE connection_id = ?", ids[0])
		}, []string{"I5"}},
		"I6, given up for nothing": {func(k *kept, ids []uuid.UUID) {
			_, _ = k.keeper.giveUp(k.Context(), k.connection(ids[0]), lease{}, ReasonGrantRefused, ErrUnavailable)
		}, []string{"I6"}},
		"I6, not tried again": {func(k *kept, ids []uuid.UUID) {
			long := k.db.Now().Add(-10 * time.Minute)
			k.exec("UPDATE connections SET state = 'degraded', next_renewal_at = ? WHERE id = ?", long, ids[0])
			k.exec("INSERT INTO events (id, company_id, connection_id, kind, at) VALUES (?, ?, ?, 'retrying', ?)", newID(), k.companyID, ids[0], long)
		}, []string{"I6"}},
		"I6, never due": {func(k *kept, ids []uuid.UUID) {
			k.exec("UPDATE credentials SET due_at = NULL WHERE connection_id = ?", ids[0])
		}, []string{"I6"}},
		"I7, dead for long": {func(k *kept, _ []uuid.UUID) {
			k.sandbox.RevokeGrants(northgate)
			k.options.KeepAlive = -time.Second // whatever is dead has been so for too long
		}, []string{"I7"}},
		"I7, cannot be opened": {func(k *kept, ids []uuid.UUID) {
			k.exec("UPDATE credentials SET refresh_sealed = (SELECT refresh_sealed FROM credentials WHERE connection_id = ?) WHERE connection_id = ?", ids[0], ids[1])
		}, []string{"I7"}},
		"I8, no event": {func(k *kept, ids []uuid.UUID) {
			k.disconnect(ids[0])
			k.exec("DELETE FROM events WHERE kind = 'disconnected'")
		}, []string{"I8"}},
		"I8, two events": {func(k *kept, ids []uuid.UUID) {
			k.disconnect(ids[0])
			k.exec("INSERT INTO events (id, company_id, connection_id, kind, at) VALUES (?, ?, ?, 'disconnected', ?)", newID(), k.companyID, ids[0], k.db.Now())
		}, []string{"I8"}},
		"I8, came and went unseen": {func(k *kept, ids []uuid.UUID) {
			k.exec("UPDATE connections SET state = 'degraded' WHERE id = ?", ids[0])
			k.exec("UPDATE connections SET state = 'connected' WHERE id = ?", ids[0])
		}, []string{"I8"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, db *DB, clock *clock) {
				k := newKept(t, db, clock.Now)
				ids := k.seed(3, clock.Now(), clock.Now().Add(time.Hour))
				tt.plant(k, ids)
				var numbers []string
				for _, breach := range k.breaches() {
					if number, _, _ := strings.Cut(breach, ":"); !slices.Contains(numbers, number) {
						numbers = append(numbers, number)
					}
				}
				slices.Sort(numbers)
				if !slices.Equal(numbers, tt.want) {
					t.Errorf("%q, want %q", k.breaches(), tt.want)
				}
			})
		})
	}
}

func storedCredential(k *kept, id uuid.UUID) (r credential) {
	k.Helper()
	if err := k.db.Read(k.Context()).Where("connection_id = ?", id).Take(&r).Error; err != nil {
		k.Fatal(err)
	}
	return r
}
