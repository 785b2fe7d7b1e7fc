package demo_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/demo"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// A browser that arranges scene after scene has to wait. Others do not.
func TestTurnsAreLimited(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		d := demo.New(db, nil, nil, demo.Options{}, slog.New(slog.DiscardHandler))
		take := func(from string) (throttled bool) {
			t.Helper()
			err := d.TakeTurn(t.Context(), from)
			if _, throttled = errors.AsType[*accounts.ThrottledError](err); err != nil && !throttled {
				t.Fatal(err)
			}
			return throttled
		}
		taken := 0
		for taken < 1000 && !take("192.0.2.1") {
			taken++
		}
		if taken < 20 || taken == 1000 {
			t.Errorf("%d turns were taken", taken)
		}
		if take("192.0.2.2") {
			t.Error("another address has to wait")
		}
		clock.Add(time.Hour)
		if take("192.0.2.1") {
			t.Error("an hour later, the address still has to wait")
		}
	})
}
