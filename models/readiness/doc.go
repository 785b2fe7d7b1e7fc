// Package readiness finds out whether this process can do its work: whether the database
// answers, has the right schema, and takes writes, and whether the keyset file has the
// keys that values are encrypted with.
//
// It has no table. It writes the row of its own key in keyring's keys_in_use.
//
// Only handlers and the commands import it.
package readiness
