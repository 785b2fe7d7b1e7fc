package retry

import (
	"math/rand/v2"
	"time"
)

// Spread returns a random time from 0 up to d, so that things that started together
// do not come back together. It returns 0 if d is not positive.
func Spread(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d) // #nosec G404 -- nothing depends on its being unguessable
}
