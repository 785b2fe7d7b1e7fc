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

// SetupStep is the step that a guided setup has reached.
type SetupStep string

// The steps, in order.
const (
	// StepAddTenant is when we add the tenant ID to our app in the developer portal.
	StepAddTenant SetupStep = "add_tenant"
	// StepAllowAccess is when the tenant's admin allows the app in ServiceTitan.
	StepAllowAccess SetupStep = "allow_access"
	// StepEnterCredentials is when we create a client ID and secret and enter them
	// in Fieldbridge.
	StepEnterCredentials SetupStep = "enter_credentials" // #nosec G101 -- the name of a step
	// StepChecked is when the credentials work.
	StepChecked SetupStep = "checked"
)

// Side is who must act before a setup can continue.
type Side string

// The sides of a setup. Nobody has to act once it is closed.
const (
	Us         Side = "us"
	TheCompany Side = "company"
	Nobody     Side = ""
)

// Setup is one guided setup of a connection. A connection has at most one open
// setup.
type Setup struct {
	ID           uuid.UUID `gorm:"primaryKey"`
	ConnectionID uuid.UUID
	CompanyID    uuid.UUID
	Environment  servicetitan.EnvironmentName
	TenantID     int64
	Step         SetupStep
	WaitsFor     Side
	// Since is when the setup began to wait for WaitsFor.
	Since time.Time
	// Problem is why staff sent the setup back to the company; empty if they did
	// not.
	Problem         Outcome
	RequestedByName string
	RequestedAt     time.Time
	TenantAddedAt   *time.Time
	AllowedByName   string
	AllowedAt       *time.Time
	// Proof is the proof that the company controls the tenant.
	Proof    Proof `gorm:"embedded;embeddedPrefix:proven_"`
	ClosedAt *time.Time
}

// setupProblems has the problems for which staff can send a setup back to the
// company: the steps in which they can find each one, and the step that the setup
// goes back to.
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

// Wait sets the setup's step and who must act.
func (s *Setup) Wait(step SetupStep, side Side, problem Outcome, now time.Time) {
	s.Step, s.WaitsFor, s.Problem, s.Since = step, side, problem, now
}

// TenantAdded completes StepAddTenant. It reports whether the setup was at that
// step; if not, nothing changes.
func (s *Setup) TenantAdded(now time.Time) bool {
	if s.Step != StepAddTenant {
		return false
	}
	s.TenantAddedAt = &now
	s.Wait(StepAllowAccess, TheCompany, "", now)
	return true
}

// Allowed completes StepAllowAccess: by says that the tenant's admin allowed the
// app. It reports whether the setup was at that step; if not, nothing changes.
func (s *Setup) Allowed(by string, now time.Time) bool {
	if s.Step != StepAllowAccess {
		return false
	}
	s.AllowedByName, s.AllowedAt = by, &now
	s.Wait(StepEnterCredentials, Us, "", now)
	return true
}

// SentBack sends the setup back to the company because of a problem. It reports
// whether staff can find the problem in the setup's step; if not, nothing changes.
func (s *Setup) SentBack(problem Outcome, now time.Time) bool {
	p, ok := setupProblems[problem]
	if !ok {
		return false
	}
	for _, step := range p.from {
		if s.Step == step {
			s.AllowedByName, s.AllowedAt = "", nil
			if problem != OutcomeNotAllowed {
				s.Proof = Proof{} // it is no longer clear whose tenant it is
			}
			s.Wait(p.to, TheCompany, problem, now)
			return true
		}
	}
	return false
}

// Close closes the setup. Checked says that its credentials work.
func (s *Setup) Close(checked bool, now time.Time) {
	s.ClosedAt = &now
	step := s.Step
	if checked {
		step = StepChecked
	}
	s.Wait(step, Nobody, "", now)
}

// FindSetup returns the connection's open setup, or ErrNoSetup.
func FindSetup(db *gorm.DB, connectionID uuid.UUID) (Setup, error) {
	var s Setup
	err := db.Where("connection_id = ? AND closed_at IS NULL", connectionID).Take(&s).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = ErrNoSetup
	}
	if err != nil {
		return s, fmt.Errorf("find setup: %w", err)
	}
	return s, nil
}

// CloseSetup closes the connection's open setup and returns it. It returns nil if
// no setup is open. The caller saves the connection.
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
