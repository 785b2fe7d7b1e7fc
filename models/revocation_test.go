package models

import (
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
