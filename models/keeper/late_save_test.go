package keeper_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// After a commit whose answer is lost, the keeper looks it up and recognizes it as its own.
func TestCommitWhoseAnswerIsLost(t *testing.T) {
	for name, lost := range map[string]error{
		"bad connection": driver.ErrBadConn,
		"end of file":    fmt.Errorf("commit: %w", io.ErrUnexpectedEOF),
		"time limit":     context.DeadlineExceeded,
	} {
		for _, again := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, renewed again %t", name, again), func(t *testing.T) {
				modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
					k := modeltest.NewKept(t, db, clock.Now)
					id := k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
					fired := 0
					instance := k.Instance(func(write func() error) error {
						err := write()
						if err != nil || k.TokenRequests() != 1 || fired > 0 {
							return err
						}
						fired++
						if again { // by another instance, before this one looks
							k.StillGranted(k.Keeper, id)
						}
						return lost
					})
					access, err := instance.Renew(t.Context(), k.CompanyID, id, 1)
					if err != nil || fired != 1 {
						t.Errorf("the renewal says %v; the fault fired %d times", err, fired)
					}
					if c := k.Connection(id); c.State != models.Connected || access.Generation != c.Generation {
						t.Errorf("%s of generation %d, served %d", c.State, c.Generation, access.Generation)
					}
					if n := k.Sandbox.Count(sandbox.PathRevocation); n != 0 {
						t.Errorf("%d revocations of a grant in use", n)
					}
					k.StillGranted(k.Keeper, id)
					k.Invariants()
				})
			})
		}
	}
}

// A renewal is saved after its lease has ended and another instance has renewed with the same
// refresh token. The late save changes nothing and revokes nothing.
func TestSaveAfterAnotherRenewed(t *testing.T) {
	const noRefreshToken = `{"access_token":"stc_another","token_type":"Bearer","expires_in":900}`
	for name, tt := range map[string]struct {
		grace time.Duration
		fault sandbox.Fault
		state models.State
	}{
		"the server answers both":      {grace: time.Minute, state: models.Connected},
		"the refresh token stays good": {fault: sandbox.Fault{Kind: sandbox.CustomToken, Status: 200, ContentType: "application/json", Body: noRefreshToken}, state: models.Connected},
		"the server refuses the other": {state: models.ReconnectNeeded},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
				k := modeltest.NewKept(t, db, clock.Now, func(o *sandbox.Options, _ *keeper.Options) { o.RefreshGrace = tt.grace })
				id := k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
				if tt.fault.Kind != "" {
					k.Sandbox.SetFault(tt.fault)
				}
				var late atomic.Bool
				stopped := k.Instance(func(write func() error) error {
					if k.TokenRequests() == 1 && late.CompareAndSwap(false, true) { // it has its answer
						k.ExpireLeases(true)
						access, err := k.Keeper.Renew(t.Context(), k.CompanyID, id, 1)
						if (err == nil) != (tt.state == models.Connected) {
							t.Errorf("the other instance: generation %d, error %v", access.Generation, err)
						}
					}
					return write()
				})
				access, err := stopped.Renew(t.Context(), k.CompanyID, id, 1)
				if !late.Load() {
					t.Fatal("the save was not late")
				}
				c := k.Connection(id)
				if c.State != tt.state {
					t.Errorf("%s, want %s", c.State, tt.state)
				}
				if tt.state != models.Connected {
					if err == nil || c.Generation != 1 {
						t.Errorf("generation %d, error %v", c.Generation, err)
					}
					k.Invariants()
					return
				}
				if err != nil || access.Generation != 2 || c.Generation != 2 {
					t.Errorf("served generation %d, error %v; the connection has %d", access.Generation, err, c.Generation)
				}
				if n := k.Sandbox.Count(sandbox.PathRevocation); n != 0 {
					t.Errorf("%d revocations of a grant in use", n)
				}
				k.Sandbox.ClearFaults()
				k.StillGranted(k.Keeper, id)
				k.Invariants()
			})
		})
	}
}

// The tokens of a renewal are revoked if a person has ended or replaced the grant in the
// meantime.
func TestSaveAfterAPersonActed(t *testing.T) {
	for name, act := range map[string]func(k *modeltest.Kept, id uuid.UUID) models.State{
		"disconnect": func(k *modeltest.Kept, id uuid.UUID) models.State {
			k.Disconnect(id)
			return models.Disconnected
		},
		"reconnect": func(k *modeltest.Kept, id uuid.UUID) models.State {
			k.Reconnect(id)
			return models.Connected
		},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
				k := modeltest.NewKept(t, db, clock.Now, func(o *sandbox.Options, _ *keeper.Options) { o.RefreshGrace = time.Minute })
				id := k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
				var late atomic.Bool
				var state models.State
				instance := k.Instance(func(write func() error) error {
					if k.TokenRequests() == 1 && late.CompareAndSwap(false, true) {
						clock.Add(time.Second)
						state = act(k, id)
					}
					return write()
				})
				_, _ = instance.Renew(t.Context(), k.CompanyID, id, 1)
				if !late.Load() {
					t.Fatal("the save was not late")
				}
				if c := k.Connection(id); c.State != state {
					t.Errorf("%s, want %s", c.State, state)
				}
				if n := k.Sandbox.Count(sandbox.PathRevocation); n != 2 {
					t.Errorf("%d revocations, want those of the old token and of the unused one", n)
				}
				if state == models.Connected {
					k.StillGranted(k.Keeper, id)
				}
				k.Invariants()
			})
		})
	}
}

// An instance that is refused, or gets no answer, because another one has renewed in the
// meantime serves what the other one got.
func TestRefusedAfterAnotherRenewed(t *testing.T) {
	for name, fault := range map[string]sandbox.Fault{
		"refused":      {Kind: sandbox.CustomToken, Status: 400, ContentType: "application/json", Body: `{"error":"invalid_grant"}`, Times: 1},
		"not answered": {Kind: sandbox.Status503, Times: 1},
	} {
		t.Run(name, func(t *testing.T) { refusedAfterAnotherRenewed(t, fault) })
	}
}

func refusedAfterAnotherRenewed(t *testing.T, fault sandbox.Fault) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		id := k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
		stale, cred, err := keeper.KeeperLoad(k.Keeper, t.Context(), k.CompanyID, id)
		if err != nil {
			t.Fatal(err)
		}
		held, err := keeper.KeeperTakeLease(k.Keeper, t.Context(), cred)
		if err != nil {
			t.Fatal(err)
		}
		k.ExpireLeases(true)
		other := k.NewKeeper(k.Options)
		if _, err := other.Renew(t.Context(), k.CompanyID, id, 1); err != nil {
			t.Fatal(err)
		}
		k.Sandbox.SetFault(fault)
		clock.Add(20 * time.Minute) // what it knows has lapsed
		k.Exec("UPDATE credentials SET expires_at = ?", clock.Now().Add(10*time.Minute).UTC())
		access, err := keeper.KeeperRenewLeased(k.Keeper, t.Context(), stale, cred, held, false)
		if k.Sandbox.Fired(fault.Kind) != 1 {
			t.Error("nothing was refused")
		}
		if err != nil || access.Generation != 2 {
			t.Errorf("served generation %d, error %v", access.Generation, err)
		}
		if c := k.Connection(id); c.State != models.Connected || c.Generation != 2 {
			t.Errorf("%s of generation %d", c.State, c.Generation)
		}
		k.StillGranted(other, id)
		k.Invariants()
	})
}
