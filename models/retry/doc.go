// Package retry says when to try again. It has no tables, knows nothing of
// ours, and every package may import it.
package retry
