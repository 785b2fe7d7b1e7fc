package readiness

import "time"

// This file exports what the package's own tests need besides its API.

const (
	Kept         = kept
	Patience     = patience
	FullRecently = fullRecently
)

// SetLimit sets how long somebody who asks waits.
func (c *Checker) SetLimit(d time.Duration) { c.limit = d }
