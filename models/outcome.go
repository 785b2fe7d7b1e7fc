package models

import (
	"time"

	"github.com/google/uuid"
)

// Outcome is how a trip to ServiceTitan ended, as the contractor is told.
type Outcome string

const (
	// OutcomeConnected: the connection stands.
	OutcomeConnected Outcome = "connected"
	// OutcomeFinishing: another request of the same trip is still at work.
	OutcomeFinishing Outcome = "finishing"
	// OutcomeStartAgain: the way back was expired or contradicted itself.
	OutcomeStartAgain Outcome = "start_again"
	// OutcomeInterrupted: we stopped between ServiceTitan's answer and the save.
	OutcomeInterrupted Outcome = "interrupted"
	// OutcomeDenied: the person chose not to give access.
	OutcomeDenied Outcome = "denied"
	// OutcomeUnavailable: ServiceTitan did not answer.
	OutcomeUnavailable Outcome = "unavailable"
	// OutcomeRateLimited: ServiceTitan asks us to wait.
	OutcomeRateLimited Outcome = "rate_limited"
	// OutcomeWrongTenant: the person signed in to another tenant.
	OutcomeWrongTenant Outcome = "wrong_tenant"
	// OutcomeTenantTaken: the tenant is connected to another company.
	OutcomeTenantTaken Outcome = "tenant_taken"
	// OutcomeNotAllowed: the API answers 403 for the tenant.
	OutcomeNotAllowed Outcome = "not_allowed"
	// OutcomeUnauthorized: the API answers 401.
	OutcomeUnauthorized Outcome = "unauthorized"
	// OutcomeTenantUnknown: the API answers 404 for the tenant.
	OutcomeTenantUnknown Outcome = "tenant_unknown"
	// OutcomeClientRefused: the client ID and secret that were typed are refused.
	OutcomeClientRefused Outcome = "client_refused"
	// OutcomeScopeMissing: access was given, without the scope of the check call.
	OutcomeScopeMissing Outcome = "scope_missing"
	// OutcomeLocked: the company was locked meanwhile.
	OutcomeLocked Outcome = "locked"
	// OutcomeNoMembership: the person was removed from the company meanwhile.
	OutcomeNoMembership Outcome = "no_membership"
	// OutcomeTooMany: the company has as many connections as it can.
	OutcomeTooMany Outcome = "too_many"
	// OutcomeNoStaff: the person was removed from our staff meanwhile.
	OutcomeNoStaff Outcome = "no_staff"
	// OutcomeSetupProblem: ServiceTitan does not accept our registration.
	OutcomeSetupProblem Outcome = "setup_problem"
)

// Result is the end of a trip to ServiceTitan.
type Result struct {
	Outcome Outcome
	// ConnectionID is set when connected, and on a trip to reconnect.
	ConnectionID uuid.UUID
	// Choice is what the trip was begun with.
	Choice Choice
	// FoundTenantID is the tenant that the person signed in to, with
	// OutcomeWrongTenant.
	FoundTenantID int64
	// RetryAt is when to try again, with OutcomeRateLimited; zero if unknown.
	RetryAt time.Time
}
