package calls_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

func TestHoursMatchTheSchema(t *testing.T) { modeltest.MatchSchema(t, &calls.Hour{}) }

// Calls are counted by connection and hour. A call causes no write, and several
// instances add up.
func TestCallsAreCounted(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		clock.Add(time.Hour - time.Duration(db.Now().UnixNano())%time.Hour) // the hour begins
		first, id, other := db.Now(), database.NewID(), database.NewID()
		counts, second := calls.NewCounts(db), calls.NewCounts(db)
		flush := func() {
			t.Helper()
			if err := errors.Join(counts.Flush(t.Context()), second.Flush(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
		hours := func() []calls.Hour {
			t.Helper()
			found, err := calls.HoursOf(db.Read(t.Context()), id, db.Now())
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		for range 3 {
			counts.Passed(id)
			clock.Add(time.Second)
		}
		counts.Refused(id)
		second.Passed(id)
		second.Passed(other)
		if found := hours(); len(found) != 0 {
			t.Errorf("before the flush, there is %v", found)
		}
		flush()
		flush() // nothing is written twice
		clock.Add(time.Hour)
		counts.Passed(id)
		flush()
		found := hours()
		if len(found) != 2 || found[0].N != 1 || found[1].N != 4 || found[1].Refused != 1 ||
			!found[1].Begins().Equal(first) || !found[1].LastAt.Equal(first.Add(3*time.Second)) {
			t.Errorf("counted %+v", found)
		}
		counts.Passed(id)
		counts.Forget()
		clock.Add(calls.HoursShown - time.Hour)
		flush()
		if found := hours(); len(found) != 1 || found[0].N != 1 {
			t.Errorf("a day later, the page shows %+v", found)
		}
		clock.Add(calls.HoursKept)
		if err := keyring.Sweep(t.Context(), db, time.Hour); err != nil {
			t.Fatal(err)
		}
		var left int64
		if err := db.Read(t.Context()).Raw("SELECT count(*) FROM call_hours").Scan(&left).Error; err != nil || left != 0 {
			t.Errorf("%d rows are left, %v", left, err)
		}
	})
}

// While the database accepts no writes, counts wait in limited memory. Calls that have
// no room are reported.
func TestCountsWait(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		counts, id, down := calls.NewCounts(db), database.NewID(), errors.New("down")
		restore := db.Intercept(func(database.WriteFunc) database.WriteFunc {
			return func(context.Context, func(*gorm.DB) error) error { return down }
		})
		for range 2 {
			counts.Passed(id)
			if err := counts.Flush(t.Context()); !errors.Is(err, down) {
				t.Errorf("flushing: got %v", err)
			}
		}
		for range calls.CountsWaiting {
			counts.Passed(uuid.New())
		}
		restore()
		if err := counts.Flush(t.Context()); err == nil {
			t.Error("calls that had no room are not reported")
		}
		found, err := calls.HoursOf(db.Read(t.Context()), id, db.Now())
		if err != nil || len(found) != 1 || found[0].N != 2 {
			t.Errorf("counted %+v, %v", found, err)
		}
	})
}
