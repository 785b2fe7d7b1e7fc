// Package keeper keeps every connection's access valid. It is the only package
// that can open, store, or delete a credential: the type is unexported, and others
// call Store, Drop, Retire, Revoke, and Forget.
//
// A renewal writes a lease before it sends anything, so a database that cannot be
// written costs no token. A save compares the generation, so a late one changes
// nothing. New tokens that cannot be saved are held, and nothing more is sent. The
// schedule is a column beside the lease: instances share the work by leasing what
// is due.
//
// Opened tokens stay in memory for up to five minutes. Each use asks the database
// whether the generation still counts, so a disconnect ends them everywhere.
//
// A circuit breaker stands before each issuer. It limits the rate of renewals, and
// leaves the issuer alone while it is down.
//
// Tables: credentials, revocations, and renewal_hours.
//
// It imports models and what is below it. Connect, support, keyring, demo,
// handlers, and the commands may import it.
package keeper
