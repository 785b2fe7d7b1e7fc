// Package database opens SQLite or PostgreSQL and hides the difference from the rest
// of the program. It has transactions, a clock on which all instances agree,
// migrations, locks, and what every table needs.
//
// On SQLite a commit costs an fsync, and there is one writer at a time. Writes
// that wait at the same moment therefore share a commit, each behind a savepoint
// of its own. On PostgreSQL, a transaction that failed because of others runs again.
//
// A lock shows the other instances that an instance is alive. A lease ends when the
// lock of its holder is gone. See liveness.go for the rules.
//
// Tables: goose_db_version and schema_compatibility. The migrations of all tables
// are here, because they have one order.
//
// It imports only models/retry, models/seal, and models/secret. Every other package
// of models may import it. Views may not.
package database
