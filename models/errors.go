package models

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrReconnectNeeded says that ServiceTitan refused the connection for good.
	ErrReconnectNeeded = errors.New("reconnect needed")
	// ErrNoSetup says that the connection has no open guided setup.
	ErrNoSetup = errors.New("no setup is open")
	// ErrNotConnected says that the connection has no credential to use.
	ErrNotConnected = errors.New("not connected")
)

// ReasonError says why ServiceTitan could not be used for a connection.
type ReasonError struct {
	Reason Reason
	// RetryAt is the time of the next attempt; zero if it is unknown.
	RetryAt time.Time
	// Err is ErrUnavailable, ErrReconnectNeeded, or ErrNotConnected.
	Err error
}

// Error returns the reason and the text of Err.
func (e *ReasonError) Error() string { return fmt.Sprintf("%s: %v", e.Reason, e.Err) }

// Unwrap returns Err.
func (e *ReasonError) Unwrap() error { return e.Err }
