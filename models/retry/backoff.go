package retry

import "time"

// Backoff is an exponential backoff: the wait starts at First and doubles until it
// reaches Longest.
type Backoff struct{ First, Longest time.Duration }

// Wait returns First after it has doubled a number of times, and at most Longest. A
// negative number counts as 0.
func (b Backoff) Wait(doublings int) time.Duration {
	doublings = max(doublings, 0)
	if b.First > b.Longest>>doublings { // First<<doublings could overflow
		return b.Longest
	}
	return b.First << doublings
}

// Jittered returns a random time between half of Wait and all of it.
func (b Backoff) Jittered(doublings int) time.Duration {
	half := b.Wait(doublings) / 2
	return half + Spread(half)
}

// Anywhere returns a random time from 0 up to Wait. It spreads out retries the most, but
// some of them come at once.
func (b Backoff) Anywhere(doublings int) time.Duration { return Spread(b.Wait(doublings)) }
