package retry

import (
	"context"
	"time"
)

// Every returns an iterator for a loop whose body runs after each interval, until the
// context ends. The first run comes one interval after the loop starts. If a run takes
// longer than the interval, the next one follows at once, and those missed are dropped.
func Every(ctx context.Context, interval time.Duration) func(yield func() bool) {
	return func(yield func() bool) {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
			if ctx.Err() != nil || !yield() { // both may be ready
				return
			}
		}
	}
}

// NowAndEvery is like Every, except that the body also runs when the loop starts. That
// first run happens even if the context has ended.
func NowAndEvery(ctx context.Context, interval time.Duration) func(yield func() bool) {
	return func(yield func() bool) {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for yield() {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
			if ctx.Err() != nil { // both may be ready
				return
			}
		}
	}
}

// Pause waits for d. If the context ends first, Pause returns its cause at once.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
