package connect

import (
	"slices"
	"time"

	"gorm.io/gorm"
)

// This file exports what the tests of package connect_test need besides the API.

// Types.
type (
	Authorization = authorization
	GrantedAccess = grantedAccess
)

// TestsOfCompany limits how often a company can test its connections.
var TestsOfCompany = testsOfCompany

// ConnectionsSave is the method save of Connections.
var ConnectionsSave = (*Connections).save

// SessionMayMove reports whether the table leads a session from one status to another.
func SessionMayMove(from, to SessionStatus) bool { return slices.Contains(sessionMoves[to], from) }

// Move is the method move of Session.
func (s *Session) Move(tx *gorm.DB, to SessionStatus, now time.Time) error {
	return s.move(tx, to, now, nil)
}
