// Package support has what our staff see and do across companies: the lists and
// their search, totals, the overview, the queue, notes, locks, and refreshes. It
// never returns a secret.
//
// Reading a page of all connections takes as long with a million connections as with
// a thousand. The list consists of pieces, one for each environment, state, reason,
// and way. An index has each piece in order, and a page merges the beginnings of the
// pieces. Triggers count the connections of each piece.
//
// Tables: notes, queue_marks, and saved_views. It reads those of the packages below.
//
// It imports connect and the packages below connect. Only handlers for staff,
// views/staff, demo, and the commands import it.
package support
