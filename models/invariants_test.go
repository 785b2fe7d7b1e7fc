package models

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// served bounds of how many connections invariants ask for tokens.
const served = 20

// invariants checks what must hold after every run, whatever was done to it,
// but for those that the run cannot keep.
func (k *kept) invariants(but ...string) {
	k.Helper()
	for _, breach := range k.breaches() {
		if !slices.ContainsFunc(but, func(number string) bool { return strings.HasPrefix(breach, number) }) {
			k.Error(breach)
		}
	}
}

// breaches is what an independent reader of the sandbox's record and of the
// database finds: of the invariants I1 to I8, each that does not hold.
func (k *kept) breaches() []string {
	k.Helper()
	breaches := append(sandbox.Breaches(k.sandbox.Requests()), testdb.Breaches(k.count)...)
	breaches = append(breaches, k.grantBreaches()...)
	return append(breaches, k.servedBreaches()...)
}

// grantBreaches compares what the database holds with what the sandbox honours.
func (k *kept) grantBreaches() (breaches []string) {
	k.Helper()
	var connections []Connection
	var rows []credential
	for _, err := range []error{k.db.Read(k.Context()).Find(&connections).Error, k.db.Read(k.Context()).Find(&rows).Error} {
		if err != nil {
			k.Fatal(err)
		}
	}
	byID := map[uuid.UUID]credential{}
	for _, r := range rows {
		byID[r.ConnectionID] = r
	}
	holders := map[string]uuid.UUID{}
	now := k.db.Now()
	for _, c := range connections {
		r, ok := byID[c.ID]
		if !ok {
			continue
		}
		refresh, err := r.refresh(k.keys)
		if err != nil {
			if c.State != ReconnectNeeded {
				breaches = append(breaches, fmt.Sprintf("I7: %s is %s and cannot be opened", c.ID, c.State))
			}
			continue
		}
		if refresh.IsZero() {
			continue
		}
		if other, twice := holders[refresh.Reveal()]; twice {
			breaches = append(breaches, fmt.Sprintf("I4: %s and %s have the same refresh token", c.ID, other))
		}
		holders[refresh.Reveal()] = c.ID
		since, dead := k.sandbox.DeadSince(refresh.Reveal())
		switch {
		case !dead && c.State == ReconnectNeeded && (c.Reason == ReasonGrantRefused || c.Reason == ReasonAnswerLost):
			breaches = append(breaches, fmt.Sprintf("I6: %s was given up for %s, and its grant is honoured", c.ID, c.Reason))
		case !dead && c.State == Degraded && now.Sub(*c.NextRenewalAt) > leaseLife:
			breaches = append(breaches, fmt.Sprintf("I6: %s is %s, its grant is honoured, and it was due at %s", c.ID, c.State, c.NextRenewalAt))
		case dead && c.State == Connected && now.Sub(since) > k.keeper.options.KeepAlive:
			breaches = append(breaches, fmt.Sprintf("I7: %s is connected, and its refresh token dead since %s", c.ID, since))
		}
	}
	return breaches
}

// servedBreaches asks for tokens that may not be had.
func (k *kept) servedBreaches() (breaches []string) {
	k.Helper()
	var some []Connection
	if err := k.db.Read(k.Context()).Order("state DESC").Limit(served).Find(&some).Error; err != nil {
		k.Fatal(err)
	}
	for _, c := range some {
		if _, err := k.keeper.AccessToken(k.Context(), newID(), c.ID); err == nil {
			breaches = append(breaches, fmt.Sprintf("I4: another company gets the token of %s", c.ID))
		}
		if c.State != Disconnected && c.State != Pending {
			continue
		}
		if _, err := k.keeper.AccessToken(k.Context(), c.CompanyID, c.ID); err == nil {
			breaches = append(breaches, fmt.Sprintf("I5: %s is %s, and its token is served", c.ID, c.State))
		}
	}
	return breaches
}

// Each breach that is planted is found, under its number.
func TestInvariantsAreChecked(t *testing.T) {
	tests := map[string]struct {
		plant func(k *kept, ids []uuid.UUID)
		want  []string
	}{
		"none": {func(*kept, []uuid.UUID) {}, nil},
		"I2, two renew at once": {func(k *kept, ids []uuid.UUID) {
			refresh, err := k.keeper.openBasis(k.credential(ids[0]))
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
			row, again := k.credential(ids[0]), k.credential(ids[1])
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
			row := k.credential(ids[0])
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
			k.db.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
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

func (k *kept) credential(id uuid.UUID) (r credential) {
	k.Helper()
	if err := k.db.Read(k.Context()).Where("connection_id = ?", id).Take(&r).Error; err != nil {
		k.Fatal(err)
	}
	return r
}
