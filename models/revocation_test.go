package models

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// What ServiceTitan does not take notice of at once is asked for again, for a
// day; then the token is forgotten all the same (A77).
func TestRevocationIsTriedForADay(t *testing.T) {
	for name, tt := range map[string]struct {
		lasts time.Duration
		ends  EventKind
	}{
		"back after two hours": {2 * time.Hour, EventRevoked},
		"away for two days":    {48 * time.Hour, EventRevocationFailed},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(k *kept) {
				id := k.seed(1, time.Now(), time.Now().Add(100*time.Hour))[0]
				k.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.PathRevocation})
				k.disconnect(id)
				k.start()
				k.pass(time.Hour)
				if n := k.sandbox.Count(sandbox.PathRevocation); n < 3 || n > 12 {
					t.Errorf("asked %d times in an hour", n)
				}
				if n := k.count("SELECT count(*) FROM revocations"); n != 1 {
					t.Errorf("%d revocations wait, want 1", n)
				}
				k.pass(tt.lasts - time.Hour)
				k.sandbox.ClearFaults()
				k.pass(2 * time.Hour)
				if n := k.count("SELECT count(*) FROM revocations"); n != 0 {
					t.Errorf("%d tokens are still kept", n)
				}
				if n := k.count("SELECT count(*) FROM events WHERE kind IN ('revoked', 'revocation_failed')"); n != 1 || k.count("SELECT count(*) FROM events WHERE kind = ?", tt.ends) != 1 {
					t.Errorf("%d events of how it ended, want one: %s", n, tt.ends)
				}
			})
		})
	}
}

// A stop in the middle of revocations ends after the one under way, and gives
// the others back.
func TestRevocationsStopInTheMiddle(t *testing.T) {
	inVirtualTime(t, func(k *kept) {
		ids := k.seed(5, time.Now(), time.Now().Add(100*time.Hour))
		k.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.PathRevocation, Times: 5})
		for _, id := range ids {
			k.disconnect(id)
		}
		asked := k.sandbox.Count(sandbox.PathRevocation)
		begun, answer := make(chan struct{}, 10), make(chan struct{})
		k.keeper.clients = k.clientsThrough(instead{next: memory{handler: k.sandbox}, answer: func(r *http.Request) *http.Response {
			if r.URL.Path == sandbox.PathRevocation {
				begun <- struct{}{}
				<-answer
			}
			return nil
		}}, time.Now)
		ctx, stop := context.WithCancel(k.Context())
		stopped := make(chan struct{})
		go func() {
			k.keeper.tendRevocations(ctx)
			close(stopped)
		}()
		<-begun
		stop()
		close(answer)
		<-stopped
		if n := k.sandbox.Count(sandbox.PathRevocation) - asked; n != 1 {
			t.Errorf("%d revocations were asked for after the stop, want the one under way", n)
		}
		if n := k.count("SELECT count(*) FROM revocations WHERE tries = 1 AND next_try_at <= ?", time.Now().UTC()); n != 4 {
			t.Errorf("%d revocations are as if nobody had tried, want 4", n)
		}
		if n := k.count("SELECT count(*) FROM revocations"); n != 4 {
			t.Errorf("%d revocations wait", n)
		}
		k.start() // the harness stops a keeper that runs
	})
}
