// Package support has what our staff see and do across companies: the lists and
// their search, totals, the overview, the queue, notes, locks, and refreshes.
// Nothing that it returns holds a secret.
//
// Lists of all connections cost the same with a thousand and a million. There is a
// piece for each environment, state, reason, and way, which an index has in order,
// and the beginnings of the pieces are merged. Triggers keep how many each has.
//
// Tables: notes. It reads those of the packages below.
//
// It imports connect and what is below it. Only handlers for staff, views/staff,
// and the commands import it.
package support
