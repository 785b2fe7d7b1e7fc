package database

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// ForUpdate locks the rows that are read, until the transaction ends. On SQLite
// there is one writer, so nothing is locked.
//
// Two transactions that lock the same rows in opposite orders are a deadlock.
// Every transaction therefore locks, updates, and deletes rows in this order,
// and leaves out what it does not need:
//
//  1. a throttle's count
//  2. the company
//  3. users, by ID
//  4. the connection
//  5. its setup, then its tasks
//  6. its credential, then its check
//  7. its counts, and the totals of all connections
//  8. everything else
//
// Several rows of one table are taken in the order of their keys, or with SKIP
// LOCKED. A transaction that starts at the credential or the check, as taking a lease
// does, must not go back to the connection. One that has the connection's row may take
// its setup, tasks, and credential in any order, since nobody else takes two of
// them without it. A throttle may come last where whoever takes that count locks
// nothing after it, such as the notes of one of staff, or the tries of a sign-in.
//
// Inserts do not count: a foreign key takes KEY SHARE on the row that it refers
// to, and NO KEY UPDATE does not conflict with that. This is why nothing locks
// with plain FOR UPDATE, except rows that nothing refers to and that are taken with
// SKIP LOCKED, and why no transaction may set a column of a unique key. The
// exceptions are the email of a user and the hash of an API key, which rarely change.
// Such a transaction may deadlock with an insert that refers to the row, and Write then
// tries again.
func ForUpdate(tx *gorm.DB) *gorm.DB { return tx.Clauses(clause.Locking{Strength: "NO KEY UPDATE"}) }
