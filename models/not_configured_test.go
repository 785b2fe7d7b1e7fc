package models

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// A connection whose environment was taken out of the configuration does not fail
// silently, and does not make whoever asks for its token wait for a lease that
// nobody uses.
func TestEnvironmentNotConfigured(t *testing.T) {
	inVirtualTime(t, func(k *kept) {
		id := k.seed(1, time.Now(), time.Now().Add(10*time.Minute))[0]
		k.exec("UPDATE connections SET environment = 'production'")
		k.exec("UPDATE credentials SET environment = 'production'")
		k.start()
		k.pass(20 * time.Minute) // its access lapses
		if !strings.Contains(k.log.String(), "connections are not renewed here") || !strings.Contains(k.log.String(), "environment=production count=1") {
			k.Errorf("the log says:\n%s", k.log)
		}
		for range 3 {
			began := time.Now()
			_, err := k.keeper.AccessToken(k.Context(), k.companyID, id)
			e, told := errors.AsType[*ReasonError](err)
			if !told || e.Reason != ReasonOurSide || !errors.Is(err, ErrUnavailable) {
				k.Errorf("access says %v, want %s", err, ReasonOurSide)
			}
			if took := time.Since(began); took > time.Second {
				k.Errorf("it took %s", took)
			}
			if n := k.count("SELECT count(*) FROM credentials WHERE lease_until IS NOT NULL"); n != 0 {
				k.Errorf("%d leases that nobody uses", n)
			}
		}
		if c := k.connection(id); c.State != Connected || c.Reason != ReasonOurSide {
			k.Errorf("%s, reason %q", c.State, c.Reason)
		}
	})
}
