// Package calls keeps account of the calls that Fieldbridge makes to ServiceTitan for
// back ends: how many a tenant may still get, and how many each connection made.
//
// ServiceTitan allows an app 60 calls a second for each tenant. A Budget keeps all
// instances together below that. It remembers when the latest calls were made, so that
// no second has too many, wherever it begins. On PostgreSQL, one statement asks and
// takes; on SQLite, there is one process, and its memory knows.
//
// Tables: call_budgets and call_hours.
//
// It imports only database and servicetitan. The package models and the packages above
// it may import it, and so may handlers and the commands.
package calls
