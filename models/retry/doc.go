// Package retry says when to try again. It waits, repeats, and spreads out what
// would otherwise happen at the same moment. It has no tables, knows nothing about
// the rest of the project, and every package may import it.
package retry
