// Package database opens SQLite or PostgreSQL and lets the rest of the program
// forget which of them it is: transactions, a clock on which all instances agree,
// migrations, locks, and what every table needs.
//
// On SQLite a commit costs an fsync, and there is one writer at a time. Writes
// that wait at the same moment therefore share a commit, each behind a savepoint
// of its own. On PostgreSQL a transaction that others made fail runs again.
//
// An instance shows the others that it lives by a lock, and a lease ends when the
// lock of its holder is gone. See liveness.go for the rules.
//
// Tables: goose_db_version and schema_compatibility. The migrations of all tables
// are here, because they have one order.
//
// It imports only models/retry, models/seal, and models/secret. Every other package
// of models may import it. Views may not.
package database
