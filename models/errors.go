package models

import (
	"errors"
	"fmt"
	"time"
)

// The errors that a caller may tell apart. Everything else is our own fault.
var (
	// ErrReconnectNeeded: ServiceTitan has refused for good.
	ErrReconnectNeeded = errors.New("reconnect needed")
	// ErrNoSetup: no guided set-up of the connection is open.
	ErrNoSetup = errors.New("no set-up is open")
	// ErrNotConnected: the connection has no credential to use.
	ErrNotConnected = errors.New("not connected")
)

// ReasonError says why ServiceTitan could not be used for a connection.
type ReasonError struct {
	Reason Reason
	// RetryAt is when the connection is tried again; zero if that is unknown.
	RetryAt time.Time
	Err     error // ErrUnavailable, ErrReconnectNeeded or ErrNotConnected
}

func (e *ReasonError) Error() string { return fmt.Sprintf("%s: %v", e.Reason, e.Err) }

// Unwrap lets errors.Is find the kind.
func (e *ReasonError) Unwrap() error { return e.Err }
