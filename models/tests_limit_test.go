package models

import (
	"errors"
	"testing"
	"time"
)

// Test asks ServiceTitan a few times a minute for a connection and for a company.
func TestTestsAreLimited(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		ids, amy := d.seed(3, d.clock.Now(), d.clock.Now().Add(time.Hour)), d.owner()
		tested, refused := 0, 0
		press := func() {
			for _, id := range ids {
				for range 600 / len(ids) {
					err := d.connections.Test(t.Context(), amy, id)
					if _, ok := errors.AsType[*ThrottledError](err); ok {
						refused++
					} else if err == nil {
						tested++
					}
				}
			}
		}
		press()
		if tested != testsOfCompany.tries || refused != 600-tested {
			t.Errorf("%d tests are made and %d refused", tested, refused)
		}
		if n := d.count("SELECT count(*) FROM events"); n > len(ids)*2 {
			t.Errorf("%d events are written", n)
		}
		d.clock.Add(time.Minute)
		before := tested
		press()
		if tested == before {
			t.Error("none is made a minute later")
		}
	})
}
