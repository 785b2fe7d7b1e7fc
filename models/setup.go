package models

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// SetupStep is what a guided set-up is at.
type SetupStep string

// The steps in their order.
const (
	// StepAddTenant: we add the tenant ID to our app in the developer portal.
	StepAddTenant SetupStep = "add_tenant"
	// StepAllowAccess: the tenant's admin allows the app in ServiceTitan.
	StepAllowAccess SetupStep = "allow_access"
	// StepEnterCredentials: we make a client ID and secret and enter them here.
	StepEnterCredentials SetupStep = "enter_credentials" // #nosec G101 -- the name of a step
	// StepChecked: they work.
	StepChecked SetupStep = "checked"
)

// Side is who must act for a set-up to go on.
type Side string

const (
	Us         Side = "us"
	TheCompany Side = "company"
	Nobody     Side = ""
)

// Setup is one guided set-up of a connection. A connection has at most one
// that is open.
type Setup struct {
	ID           uuid.UUID `gorm:"primaryKey"`
	ConnectionID uuid.UUID
	CompanyID    uuid.UUID
	Environment  servicetitan.EnvironmentName
	TenantID     int64
	Step         SetupStep
	WaitsFor     Side
	// Since is when it began to wait for them.
	Since time.Time
	// Problem is why it waits for the company once more; empty if it does not.
	Problem         Outcome
	RequestedByName string
	RequestedAt     time.Time
	TenantAddedAt   *time.Time
	AllowedByName   string
	AllowedAt       *time.Time
	// Proof is the confirmation that the company controls the tenant.
	Proof    Proof `gorm:"embedded;embeddedPrefix:proven_"`
	ClosedAt *time.Time
}

// Problems that our staff find and send back to the company. The tenant's
// admin may not have allowed the app after all (OutcomeNotAllowed).
//
//exhaustive:ignore
var setupProblems = map[Outcome]struct {
	from []SetupStep
	to   SetupStep
}{
	OutcomeNotAllowed:    {from: []SetupStep{StepAllowAccess, StepEnterCredentials}, to: StepAllowAccess},
	OutcomeTenantUnknown: {from: []SetupStep{StepAddTenant, StepAllowAccess, StepEnterCredentials}, to: StepAddTenant},
	OutcomeTenantTaken:   {from: []SetupStep{StepAddTenant, StepAllowAccess, StepEnterCredentials}, to: StepAddTenant},
}

// Wait sets what the set-up is at and who must act.
func (s *Setup) Wait(step SetupStep, side Side, problem Outcome, now time.Time) {
	s.Step, s.WaitsFor, s.Problem, s.Since = step, side, problem, now
}

// TenantAdded is our first step done.
func (s *Setup) TenantAdded(now time.Time) bool {
	if s.Step != StepAddTenant {
		return false
	}
	s.TenantAddedAt = &now
	s.Wait(StepAllowAccess, TheCompany, "", now)
	return true
}

// Allowed is the company's word that its admin has allowed the app.
func (s *Setup) Allowed(by string, now time.Time) bool {
	if s.Step != StepAllowAccess {
		return false
	}
	s.AllowedByName, s.AllowedAt = by, &now
	s.Wait(StepEnterCredentials, Us, "", now)
	return true
}

// SentBack is what our staff found to be in the way.
func (s *Setup) SentBack(problem Outcome, now time.Time) bool {
	p, ok := setupProblems[problem]
	if !ok {
		return false
	}
	for _, step := range p.from {
		if s.Step == step {
			s.AllowedByName, s.AllowedAt = "", nil
			if problem != OutcomeNotAllowed {
				s.Proof = Proof{} // whose tenant it is, is open again
			}
			s.Wait(p.to, TheCompany, problem, now)
			return true
		}
	}
	return false
}

// Close ends the set-up; it is checked if it ended well.
func (s *Setup) Close(checked bool, now time.Time) {
	s.ClosedAt = &now
	step := s.Step
	if checked {
		step = StepChecked
	}
	s.Wait(step, Nobody, "", now)
}

func FindSetup(db *gorm.DB, connectionID uuid.UUID) (Setup, error) {
	var s Setup
	err := db.Where("connection_id = ? AND closed_at IS NULL", connectionID).Take(&s).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = ErrNoSetup
	}
	if err != nil {
		return s, fmt.Errorf("find set-up: %w", err)
	}
	return s, nil
}

// CloseSetup closes the connection's open set-up and returns it; nil if none
// was open. The caller saves the connection.
func CloseSetup(tx *gorm.DB, connection *Connection, checked bool, now time.Time) (*Setup, error) {
	if !connection.SettingUp {
		return nil, nil
	}
	connection.SettingUp = false
	s, err := FindSetup(database.ForUpdate(tx), connection.ID)
	if err != nil {
		return nil, err
	}
	s.Close(checked, now)
	return &s, tx.Select("*").Updates(&s).Error
}
