package connect_test

import (
	"errors"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// A connection and a company can be tested only a few times a minute.
func TestTestsAreLimited(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ids, amy := d.Seed(3, d.Clock.Now(), d.Clock.Now().Add(time.Hour)), d.Owner()
		tested, refused := 0, 0
		press := func() {
			for _, id := range ids {
				for range 600 / len(ids) {
					err := d.Connections.Test(t.Context(), amy, id)
					if _, ok := errors.AsType[*accounts.ThrottledError](err); ok {
						refused++
					} else if err == nil {
						tested++
					}
				}
			}
		}
		press()
		if tested != connect.TestsOfCompany.Tries || refused != 600-tested {
			t.Errorf("%d tests were made and %d refused", tested, refused)
		}
		if n := d.Count("SELECT count(*) FROM events"); n > len(ids)*2 {
			t.Errorf("%d events were recorded", n)
		}
		d.Clock.Add(time.Minute)
		before := tested
		press()
		if tested == before {
			t.Error("no test was made a minute later")
		}
	})
}
