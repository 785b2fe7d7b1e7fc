package accounts_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// Out of many attempts at the same time, exactly the allowed number passes. The
// same number passes again after the time is up.
func TestThrottleIsExact(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		l := accounts.Limit{Name: "test", Tries: 10, Per: time.Minute}
		passed := func() int32 {
			var n atomic.Int32
			var wg sync.WaitGroup
			for range 60 {
				wg.Go(func() {
					err := db.Write(t.Context(), func(tx *gorm.DB) error { return l.Take(tx, "someone", db.Now()) })
					e, throttled := errors.AsType[*accounts.ThrottledError](err)
					switch {
					case err == nil:
						n.Add(1)
					case !throttled:
						t.Error(err)
					case !e.Until.After(db.Now()) || e.Until.After(db.Now().Add(time.Minute)):
						t.Errorf("until %s, now %s", e.Until, db.Now())
					}
				})
			}
			wg.Wait()
			return n.Load()
		}
		if n := passed(); n != 10 {
			t.Errorf("%d attempts passed, want 10", n)
		}
		if n := passed(); n != 0 {
			t.Errorf("%d more attempts passed", n)
		}
		other := func(tx *gorm.DB) error { return l.Take(tx, "someone else", db.Now()) }
		if err := db.Write(t.Context(), other); err != nil {
			t.Errorf("an attempt with another key: %v", err)
		}
		clock.Add(time.Minute)
		if n := passed(); n != 10 {
			t.Errorf("%d attempts passed after the time was up, want 10", n)
		}
	})
}
