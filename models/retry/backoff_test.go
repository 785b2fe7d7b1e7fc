package retry_test

import (
	"math"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/retry"
)

func TestWaitDoublesUpToTheLongest(t *testing.T) {
	renewal := retry.Backoff{First: 5 * time.Second, Longest: 5 * time.Minute}
	for _, c := range []struct {
		name      string
		backoff   retry.Backoff
		doublings int
		want      time.Duration
	}{
		{"negative", renewal, -1, 5 * time.Second},
		{"none", renewal, 0, 5 * time.Second},
		{"one", renewal, 1, 10 * time.Second},
		{"last below the longest", renewal, 5, 160 * time.Second},
		{"first above the longest", renewal, 6, 5 * time.Minute},
		{"far beyond 64 bits", renewal, 1000, 5 * time.Minute},
		{"exactly the longest", retry.Backoff{First: time.Second, Longest: 8 * time.Second}, 3, 8 * time.Second},
		{"beyond exactly the longest", retry.Backoff{First: time.Second, Longest: 8 * time.Second}, 4, 8 * time.Second},
		{"first longer than the longest", retry.Backoff{First: time.Minute, Longest: time.Second}, 0, time.Second},
		{"no wait", retry.Backoff{}, 3, 0},
		{"no bound in practice", retry.Backoff{First: 1, Longest: math.MaxInt64}, 62, 1 << 62},
		{"just before an overflow", retry.Backoff{First: 1, Longest: math.MaxInt64}, 63, math.MaxInt64},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.backoff.Wait(c.doublings); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestRandomWaitsStayInTheirBounds(t *testing.T) {
	backoff := retry.Backoff{First: time.Minute, Longest: time.Hour}
	for _, c := range []struct {
		name         string
		wait         func() time.Duration
		least, below time.Duration
	}{
		{"spread", func() time.Duration { return retry.Spread(time.Second) }, 0, time.Second},
		{"first wait", func() time.Duration { return backoff.Jittered(0) }, 30 * time.Second, time.Minute},
		{"later wait", func() time.Duration { return backoff.Jittered(5) }, 16 * time.Minute, 32 * time.Minute},
		{"longest wait", func() time.Duration { return backoff.Jittered(6) }, 30 * time.Minute, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			low, high := 0, 0
			for range 1000 {
				d := c.wait()
				if d < c.least || d >= c.below {
					t.Fatalf("%s is not between %s and %s", d, c.least, c.below)
				}
				if d < c.least+(c.below-c.least)/2 {
					low++
				} else {
					high++
				}
			}
			if low == 0 || high == 0 {
				t.Errorf("%d waits are in the lower half and %d in the upper half, want some in each", low, high)
			}
		})
	}
}

func TestNothingIsSpreadOverNoTime(t *testing.T) {
	for _, d := range []time.Duration{retry.Spread(0), retry.Spread(-time.Second), retry.Backoff{}.Jittered(3)} {
		if d != 0 {
			t.Errorf("got %s, want no wait", d)
		}
	}
}
