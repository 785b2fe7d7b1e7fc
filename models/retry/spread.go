package retry

import (
	"math/rand/v2"
	"time"
)

// Spread returns a random time up to d, so that what started together does not
// come back together. It returns 0 for a d that is not positive.
func Spread(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d) // #nosec G404 -- nothing depends on its being unguessable
}
