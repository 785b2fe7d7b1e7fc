package keeper_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// A revocation that ServiceTitan does not confirm at once is repeated for a day. After that, the
// token is deleted anyway.
func TestRevocationIsRepeatedForADay(t *testing.T) {
	for name, tt := range map[string]struct {
		lasts time.Duration
		ends  models.EventKind
	}{
		"back after two hours": {2 * time.Hour, models.EventRevoked},
		"away for two days":    {48 * time.Hour, models.EventRevocationFailed},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
				id := k.Seed(1, time.Now(), time.Now().Add(100*time.Hour))[0]
				k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.PathRevocation})
				k.Disconnect(id)
				k.Start()
				k.Pass(time.Hour)
				if n := k.Sandbox.Count(sandbox.PathRevocation); n < 3 || n > 12 {
					t.Errorf("asked %d times in an hour", n)
				}
				if n := k.Count("SELECT count(*) FROM revocations"); n != 1 {
					t.Errorf("%d revocations wait, want 1", n)
				}
				k.Pass(tt.lasts - time.Hour)
				k.Sandbox.ClearFaults()
				k.Pass(2 * time.Hour)
				if n := k.Count("SELECT count(*) FROM revocations"); n != 0 {
					t.Errorf("%d tokens are still kept", n)
				}
				if n := k.Count("SELECT count(*) FROM events WHERE kind IN ('revoked', 'revocation_failed')"); n != 1 || k.Count("SELECT count(*) FROM events WHERE kind = ?", tt.ends) != 1 {
					t.Errorf("%d events of how it ended, want one: %s", n, tt.ends)
				}
			})
		})
	}
}

// A stop in the middle of revocations completes the one under way and gives back the others.
func TestRevocationsStopInTheMiddle(t *testing.T) {
	modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
		ids := k.Seed(5, time.Now(), time.Now().Add(100*time.Hour))
		k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.PathRevocation, Times: 5})
		for _, id := range ids {
			k.Disconnect(id)
		}
		asked := k.Sandbox.Count(sandbox.PathRevocation)
		begun, answer := make(chan struct{}, 10), make(chan struct{})
		(*k.Keeper.ClientsField()) = k.ClientsThrough(modeltest.Instead{Next: modeltest.Memory{Handler: k.Sandbox}, Answer: func(r *http.Request) *http.Response {
			if r.URL.Path == sandbox.PathRevocation {
				begun <- struct{}{}
				<-answer
			}
			return nil
		}}, time.Now)
		ctx, stop := context.WithCancel(k.Context())
		stopped := make(chan struct{})
		go func() {
			keeper.KeeperTendRevocations(k.Keeper, ctx)
			close(stopped)
		}()
		<-begun
		stop()
		close(answer)
		<-stopped
		if n := k.Sandbox.Count(sandbox.PathRevocation) - asked; n != 1 {
			t.Errorf("%d revocations were asked for after the stop, want the one under way", n)
		}
		if n := k.Count("SELECT count(*) FROM revocations WHERE tries = 1 AND next_try_at <= ?", time.Now().UTC()); n != 4 {
			t.Errorf("%d revocations are as if nobody had tried, want 4", n)
		}
		if n := k.Count("SELECT count(*) FROM revocations"); n != 4 {
			t.Errorf("%d revocations wait", n)
		}
		k.Start() // the harness stops a keeper that runs
	})
}
