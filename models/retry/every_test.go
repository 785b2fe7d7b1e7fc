package retry_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fieldbridge/fieldbridge/models/retry"
)

func TestLoopRunsUntilTheContextEnds(t *testing.T) {
	const interval = 10 * time.Second
	for _, c := range []struct {
		name string
		loop func(context.Context, time.Duration) func(func() bool)
		// endsAfter is when the context ends, and takes is how long each run takes.
		endsAfter, takes time.Duration
		want             []time.Duration
		wantEnd          time.Duration
	}{
		{"every", retry.Every, 35 * time.Second, 0, seconds(10, 20, 30), 35 * time.Second},
		{"every, ended before the first run", retry.Every, 5 * time.Second, 0, nil, 5 * time.Second},
		{"every, ended before the start", retry.Every, 0, 0, nil, 0},
		{"every, with runs longer than an interval", retry.Every, 45 * time.Second, 25 * time.Second, seconds(10, 35), time.Minute},
		{"now and every", retry.NowAndEvery, 25 * time.Second, 0, seconds(0, 10, 20), 25 * time.Second},
		{"now and every, ended before the start", retry.NowAndEvery, 0, 0, seconds(0), 0},
		{"now and every, with short runs", retry.NowAndEvery, 25 * time.Second, 4 * time.Second, seconds(0, 10, 20), 25 * time.Second},
		{"now and every, with runs longer than an interval", retry.NowAndEvery, 45 * time.Second, 25 * time.Second, seconds(0, 25), 50 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.endsAfter)
				defer cancel()
				var got []time.Duration
				began := time.Now()
				for range c.loop(ctx, interval) {
					got = append(got, time.Since(began))
					<-time.After(c.takes)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("the body ran at %s, want %s", got, c.want)
				}
				if end := time.Since(began); end != c.wantEnd {
					t.Errorf("the loop ended after %s, want %s", end, c.wantEnd)
				}
			})
		})
	}
}

func seconds(all ...int) (ds []time.Duration) {
	for _, n := range all {
		ds = append(ds, time.Duration(n)*time.Second)
	}
	return ds
}

func TestLoopEndsWithItsBody(t *testing.T) {
	for name, loop := range map[string]func(context.Context, time.Duration) func(func() bool){
		"every": retry.Every, "now and every": retry.NowAndEvery,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				runs := 0
				for range loop(t.Context(), time.Minute) {
					if runs++; runs == 3 {
						break
					}
				}
				if runs != 3 {
					t.Errorf("the body ran %d times, want 3", runs)
				}
			})
		})
	}
}

func TestPauseEndsWithTheContext(t *testing.T) {
	errStopped := errors.New("stopped")
	for _, c := range []struct {
		name             string
		pause, endsAfter time.Duration
		want             error
		wantEnd          time.Duration
	}{
		{"whole", time.Second, time.Minute, nil, time.Second},
		{"cut short", time.Minute, time.Second, errStopped, time.Second},
		{"none", 0, time.Minute, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), c.endsAfter, errStopped)
				defer cancel()
				began := time.Now()
				if err := retry.Pause(ctx, c.pause); !errors.Is(err, c.want) {
					t.Errorf("got error %v, want %v", err, c.want)
				}
				if end := time.Since(began); end != c.wantEnd {
					t.Errorf("the pause ended after %s, want %s", end, c.wantEnd)
				}
			})
		})
	}
}
