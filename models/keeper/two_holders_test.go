package keeper_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// A holder that was stopped continues while another holder has an answer under a later lease,
// but has not saved it yet. The later holder decides.
func TestFormerHolderGoesOnFirst(t *testing.T) {
	refuses := sandbox.Fault{Kind: sandbox.CustomToken, Status: 400, ContentType: "application/json", Body: `{"error":"invalid_grant"}`, Times: 1}
	for name, tt := range map[string]struct {
		former, later sandbox.Fault
		generation    int64
		state         models.State
	}{
		"both are answered":         {generation: 3, state: models.Connected},
		"the former is refused":     {former: refuses, generation: 2, state: models.Connected},
		"the later is refused":      {later: refuses, generation: 2, state: models.Connected},
		"the later is not answered": {later: sandbox.Fault{Kind: sandbox.Status503, Times: 1}, generation: 2, state: models.Connected},
		"neither is answered": {
			former: sandbox.Fault{Kind: sandbox.Status503, Times: 1}, later: sandbox.Fault{Kind: sandbox.Status503, Times: 1}, generation: 1, state: models.Degraded,
		},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
				const grace = time.Minute
				k := modeltest.NewKept(t, db, clock.Now, func(o *sandbox.Options, _ *keeper.Options) { o.RefreshGrace = grace })
				id := k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
				spoil := func(f sandbox.Fault) {
					k.Sandbox.ClearFaults()
					if f.Kind != "" {
						k.Sandbox.SetFault(f)
					}
				}
				var stopped, met atomic.Bool
				var formerErr error
				var formerWrite func() error
				later := k.Instance(func(write func() error) error {
					if k.TokenRequests() == 2 && met.CompareAndSwap(false, true) { // it has its answer
						formerErr = formerWrite()
					}
					return write()
				})
				former := k.Instance(func(write func() error) error {
					if k.TokenRequests() != 1 || !stopped.CompareAndSwap(false, true) { // it has its answer
						return write()
					}
					k.ExpireLeases(true)
					spoil(tt.later)
					formerWrite = write
					access, err := later.Renew(t.Context(), k.CompanyID, id, 1)
					if err != nil || access.Generation != tt.generation {
						t.Errorf("the later holder serves generation %d, error %v; want %d", access.Generation, err, tt.generation)
					}
					return formerErr
				})
				spoil(tt.former)
				access, err := former.Renew(t.Context(), k.CompanyID, id, 1)
				if !met.Load() {
					t.Fatal("they did not meet")
				}
				if err != nil || access.Generation == 0 {
					t.Errorf("the former holder serves generation %d, error %v", access.Generation, err)
				}
				c := k.Connection(id)
				if c.State != tt.state || c.Generation != tt.generation {
					t.Errorf("%s, reason %q, of generation %d; want %s of %d", c.State, c.Reason, c.Generation, tt.state, tt.generation)
				}
				if n := k.Count("SELECT count(*) FROM credentials WHERE lease_until IS NOT NULL OR due_at IS NULL"); n != 0 {
					t.Errorf("%d credentials are still leased, or not due any more", n)
				}
				if n := k.Sandbox.Count(sandbox.PathRevocation); n != 0 {
					t.Errorf("%d revocations of a grant in use", n)
				}
				spoil(sandbox.Fault{})
				clock.Add(grace + time.Second) // the grace period of older tokens has ended
				k.StillGranted(k.Keeper, id)
				k.Invariants()
			})
		})
	}
}
