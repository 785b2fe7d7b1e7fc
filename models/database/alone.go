package database

import (
	"context"
	"time"
)

// ActAlone makes PostgreSQL behave as if no other process used the database: the app's
// clock counts, and no session shows that this instance is alive. Tests use it to run in
// virtual time.
func (db *DB) ActAlone() {
	db.alone = true
	db.ahead.Store(0)
	db.alive = alone{}
}

// alone is the liveness of the only instance.
type alone struct{}

func (alone) prove(context.Context) (Term, error) { return Term{holder: "alone", number: 1}, nil }
func (alone) holds(context.Context, Term) error   { return nil }
func (alone) dead(string, time.Time) bool         { return false }
func (alone) suspects() bool                      { return false }
func (alone) close()                              {}
