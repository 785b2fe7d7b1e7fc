package failure_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/failure"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// recorder is a record with what it lost.
type recorder struct {
	*testing.T
	*failure.Record
	db    *database.DB
	clock *modeltest.Clock
	lost  map[failure.Lost]int
}

func onRecord(t *testing.T, test func(r *recorder)) {
	t.Helper()
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		r := &recorder{T: t, db: db, clock: clock, lost: map[failure.Lost]int{}}
		r.Record = failure.New(db, func(why failure.Lost) { r.lost[why]++ }, slog.New(slog.DiscardHandler))
		test(r)
	})
}

// flush writes what waits, and returns how many rows there are.
func (r *recorder) flush() (rows int) {
	r.Helper()
	if err := r.Flush(r.Context()); err != nil {
		r.Fatal(err)
	}
	if err := r.db.Read(r.Context()).Raw("SELECT count(*) FROM failures").Scan(&rows).Error; err != nil {
		r.Fatal(err)
	}
	return rows
}

func of(code string, company, user uuid.UUID) failure.Failure {
	return failure.Failure{
		SupportCode: code, Method: "GET", Route: "/connections/:id", Status: 500, Kind: failure.Internal,
		CompanyID: failure.Some(company), UserID: failure.Some(user),
	}
}

// A failure is found by its code, with what else failed for the company.
func TestFailureIsFoundByItsCode(t *testing.T) {
	onRecord(t, func(r *recorder) {
		company, user := uuid.New(), uuid.New()
		r.Add(of("FB-AAAA-AAAA", company, user), "")
		r.clock.Add(time.Hour)
		r.Add(of("FB-BBBB-BBBB", company, user), "")
		r.Add(of("FB-CCCC-CCCC", uuid.New(), user), "")
		other := of("FB-DDDD-DDDD", company, user)
		other.Kind = failure.NotFound
		r.Add(other, "")
		r.flush()
		modeltest.Explains(r.T, r.db, "a code", func() {
			found, err := failure.WithCodes(r.db.Read(r.Context()), failure.CodesOf("fb bbbb bbbb"))
			if err != nil || len(found) != 1 || *found[0].CompanyID != company || found[0].Kind != failure.Internal || found[0].Status != 500 {
				r.Fatalf("found %+v, %v", found, err)
			}
			nearby, err := failure.Around(r.db.Read(r.Context()), found[0])
			if err != nil || nearby.N != 2 || nearby.Alike != 1 || len(nearby.Shown) != 2 || nearby.Shown[0].SupportCode != "FB-DDDD-DDDD" {
				r.Errorf("nearby: %+v, %v", nearby, err)
			}
		})
	})
}

// However strangers flood us, what happens to a person who is known is kept, and so is
// what happens to another stranger.
func TestFloodKeepsNobodyOut(t *testing.T) {
	onRecord(t, func(r *recorder) {
		company, user := uuid.New(), uuid.New()
		flood := func(address string, n int) {
			for i := range n {
				r.Add(of(fmt.Sprintf("FB-FFFF-%04d", i), uuid.Nil, uuid.Nil), address)
				if i%1000 == 999 {
					r.flush()
				}
			}
		}
		flood("192.0.2.1", 5000)
		if n := r.flush(); n != failure.MostOfOne {
			r.Errorf("%d rows of one address", n)
		}
		r.Add(of("FB-AAAA-AAAA", uuid.Nil, uuid.Nil), "192.0.2.2")
		for i := range 2 * failure.MostOfStrangers {
			flood(fmt.Sprintf("198.51.100.%d", i), 2)
		}
		r.Add(of("FB-BBBB-BBBB", company, user), "192.0.2.1")
		if n := r.flush(); n != failure.MostOfStrangers+1 {
			r.Errorf("%d rows of strangers and one person", n)
		}
		for _, code := range []string{"FB-AAAA-AAAA", "FB-BBBB-BBBB"} {
			if found, err := failure.WithCodes(r.db.Read(r.Context()), []string{code}); err != nil || len(found) != 1 {
				r.Errorf("%s: %d found, %v", code, len(found), err)
			}
		}
		if r.lost[failure.LostToLimit] != 5000+1+4*failure.MostOfStrangers-failure.MostOfStrangers {
			r.Errorf("lost %v", r.lost)
		}
		r.clock.Add(time.Hour)
		r.Add(of("FB-GGGG-GGGG", uuid.Nil, uuid.Nil), "192.0.2.1")
		if n := r.flush(); n != failure.MostOfStrangers+2 {
			r.Errorf("%d rows an hour later", n)
		}
	})
}

// A table that is too large loses the oldest of whoever has the most.
func TestTrimTakesFromTheLargest(t *testing.T) {
	onRecord(t, func(r *recorder) {
		loud, quiet, user := uuid.New(), uuid.New(), uuid.New()
		r.Add(of("FB-QQQQ-AAAA", quiet, user), "")
		for i := range 30 {
			r.clock.Add(time.Second)
			r.Add(of(fmt.Sprintf("FB-LOUD-%04d", i), loud, uuid.New()), "")
		}
		for i := range 20 {
			r.Add(of(fmt.Sprintf("FB-STRA-%04d", i), uuid.Nil, uuid.Nil), "192.0.2.1")
		}
		r.flush()
		if err := failure.TrimTo(r.Context(), r.db, 25); err != nil {
			r.Fatal(err)
		}
		var left []struct {
			CompanyID *uuid.UUID
			N         int
			Oldest    string
		}
		if err := r.db.Read(r.Context()).Raw("SELECT company_id, count(*) AS n, min(support_code) AS oldest FROM failures GROUP BY company_id ORDER BY n").Scan(&left).Error; err != nil {
			r.Fatal(err)
		}
		if len(left) != 3 || left[0].N != 1 || left[1].N != 12 || left[2].N != 12 {
			r.Errorf("left are %+v", left)
		}
		for _, l := range left {
			if l.CompanyID != nil && *l.CompanyID == loud && l.Oldest != "FB-LOUD-0018" {
				r.Errorf("the oldest that is left is %s", l.Oldest)
			}
		}
	})
}

// A database that takes no writes costs a bounded number of failures, and no request
// waits for it.
func TestFailuresWaitForTheDatabase(t *testing.T) {
	onRecord(t, func(r *recorder) {
		broken := errors.New("broken")
		restore := r.db.Intercept(func(database.WriteFunc) database.WriteFunc {
			return func(context.Context, func(*gorm.DB) error) error { return broken }
		})
		for i := range failure.MostWaiting + 10 {
			r.Add(of(fmt.Sprintf("FB-%08d", i), uuid.New(), uuid.New()), "")
		}
		if err := r.Flush(r.Context()); !errors.Is(err, broken) {
			r.Errorf("flush: %v", err)
		}
		restore()
		if n := r.flush(); n != failure.MostWaiting || r.lost[failure.LostToFull] != 10 {
			r.Errorf("%d rows, lost %v", n, r.lost)
		}
	})
}

// A connection that somebody only named, in an address that they made up, is forgotten.
func TestFailureOfAMadeUpConnection(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		id := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0]
		company, user, key := d.Connection(id).CompanyID, uuid.New(), uuid.New()
		record := failure.New(d.DB, func(failure.Lost) {}, slog.New(slog.DiscardHandler))
		for _, tt := range []struct {
			code       string
			company    uuid.UUID
			user, key  uuid.UUID
			connection uuid.UUID
			ofCompany  bool // the failure belongs to the company
			kept       bool // with the connection
		}{
			{"FB-AAAA-AAAA", company, user, uuid.Nil, id, true, true},
			{"FB-BBBB-BBBB", company, user, uuid.Nil, uuid.New(), true, false},
			{"FB-CCCC-CCCC", uuid.New(), user, uuid.Nil, id, false, false},
			{"FB-DDDD-DDDD", uuid.Nil, uuid.Nil, uuid.Nil, id, false, false}, // a stranger
			{"FB-EEEE-EEEE", uuid.Nil, uuid.Nil, key, id, true, true},        // a back end of the operator
		} {
			f := of(tt.code, tt.company, tt.user)
			f.ConnectionID, f.KeyID = &tt.connection, failure.Some(tt.key)
			record.Add(f, "192.0.2.1")
			d.Must(record.Flush(t.Context()))
			found, err := failure.WithCodes(d.DB.Read(t.Context()), []string{tt.code})
			if err != nil || len(found) != 1 {
				t.Fatalf("%s: %d found, %v", tt.code, len(found), err)
			}
			got := found[0]
			if (got.CompanyID != nil && *got.CompanyID == company) != tt.ofCompany || (got.ConnectionID != nil) != tt.kept {
				t.Errorf("%s: company %v, connection %v", tt.code, got.CompanyID, got.ConnectionID)
			}
		}
	})
}

func TestCodesOf(t *testing.T) {
	for text, want := range map[string][]string{
		"FB-K7Q2-M4XA": {"FB-K7Q2-M4XA"}, " fb k7q2 m4xa ": {"FB-K7Q2-M4XA"}, "fbk7q2m4xa": {"FB-K7Q2-M4XA"}, "FB–K7Q2–M4XA": {"FB-K7Q2-M4XA"},
		"fb-k0q2-m8xa": {"FB-KOQ2-MBXA"}, "FB-K1Q2-M4XA": {"FB-KIQ2-M4XA", "FB-KLQ2-M4XA"},
		"FB-1111-AAAA": make([]string, 16), "FB-1111-1AAA": nil,
		"FB-K7Q2-M4X": nil, "FB-K7Q2-M4XAA": nil, "FB-K9Q2-M4XA": nil, "K7Q2-M4XA": nil, "": nil, "FB": nil, "Fabulous Air": nil, "FB-K7Q2-M4X%": nil,
	} {
		got := failure.CodesOf(text)
		if len(want) == 16 {
			if len(got) != 16 {
				t.Errorf("%q: %q", text, got)
			}
			continue
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// A write whose answer was lost may have worked. Writing again does no harm.
func TestWriteWithoutAnAnswer(t *testing.T) {
	onRecord(t, func(r *recorder) {
		r.Add(of("FB-AAAA-AAAA", uuid.New(), uuid.New()), "")
		if err := r.WriteAgain(r.Context()); err != nil {
			r.Fatal(err)
		}
		if n := r.flush(); n != 1 {
			r.Errorf("%d rows", n)
		}
	})
}

func TestFailureMatchesTheSchema(t *testing.T) { modeltest.MatchSchema(t, &failure.Failure{}) }
