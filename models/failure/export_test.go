package failure

import "context"

// This file exports what the package's own tests need besides its API.

const (
	MostOfOne       = mostOfOne
	MostOfStrangers = mostOfStrangers
	MostOfAll       = mostOfAll
	MostWaiting     = mostWaiting
)

// TrimTo is Trim with another limit.
var TrimTo = trim

// WriteAgain writes what waits, and keeps it waiting, as if the answer of the database were
// lost.
func (r *Record) WriteAgain(ctx context.Context) error { return r.write(ctx, r.waiting) }
