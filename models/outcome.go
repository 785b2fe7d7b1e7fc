package models

import (
	"time"

	"github.com/google/uuid"
)

// Outcome is how an attempt to connect ended. Package views has the page for each
// one.
type Outcome string

const (
	// OutcomeConnected means that the connection was saved.
	OutcomeConnected Outcome = "connected"
	// OutcomeFinishing means that another request is still completing the same
	// authorization.
	OutcomeFinishing Outcome = "finishing"
	// OutcomeStartAgain means that the authorization expired, or that its answer
	// made no sense.
	OutcomeStartAgain Outcome = "start_again"
	// OutcomeApprovalExpired means that ServiceTitan no longer accepts the code of an
	// answer. A code lives for a short time, and works once.
	OutcomeApprovalExpired Outcome = "approval_expired"
	// OutcomeInterrupted means that we stopped after ServiceTitan's answer and
	// before the save.
	OutcomeInterrupted Outcome = "interrupted"
	// OutcomeDenied means that the person chose not to allow access.
	OutcomeDenied Outcome = "denied"
	// OutcomeUnavailable means that ServiceTitan did not answer.
	OutcomeUnavailable Outcome = "unavailable"
	// OutcomeRateLimited means that ServiceTitan asked us to wait.
	OutcomeRateLimited Outcome = "rate_limited"
	// OutcomeWrongTenant means that the person signed in to another tenant.
	OutcomeWrongTenant Outcome = "wrong_tenant"
	// OutcomeTenantTaken means that another company has the tenant connected.
	OutcomeTenantTaken Outcome = "tenant_taken"
	// OutcomeNotAllowed means that the API answers 403 for the tenant.
	OutcomeNotAllowed Outcome = "not_allowed"
	// OutcomeUnauthorized means that the API answers 401.
	OutcomeUnauthorized Outcome = "unauthorized"
	// OutcomeTenantUnknown means that the API answers 404 for the tenant.
	OutcomeTenantUnknown Outcome = "tenant_unknown"
	// OutcomeClientRefused means that ServiceTitan refuses the client ID and secret.
	OutcomeClientRefused Outcome = "client_refused"
	// OutcomeScopeMissing means that access was granted without the scope for the
	// check call.
	OutcomeScopeMissing Outcome = "scope_missing"
	// OutcomeLocked means that the company was locked during the attempt.
	OutcomeLocked Outcome = "locked"
	// OutcomeNoMembership means that the person was removed from the company during
	// the attempt.
	OutcomeNoMembership Outcome = "no_membership"
	// OutcomeTooMany means that the company has ConnectionsPerCompany connections.
	OutcomeTooMany Outcome = "too_many"
	// OutcomeLinkEnded means that the link by which a person was asked ended during
	// the attempt.
	OutcomeLinkEnded Outcome = "link_ended"
	// OutcomeNoStaff means that the person was removed from our staff during the
	// attempt.
	OutcomeNoStaff Outcome = "no_staff"
	// OutcomeSetupProblem means that ServiceTitan does not accept our registration.
	OutcomeSetupProblem Outcome = "setup_problem"
)

// Result is how an attempt to connect ended, with what its page needs.
type Result struct {
	Outcome Outcome
	// ConnectionID is the new connection, or the one to reconnect; uuid.Nil if there
	// is none.
	ConnectionID uuid.UUID
	// Choice is what the person chose in the wizard.
	Choice Choice
	// FoundTenantID is the tenant that the person signed in to. It is set with
	// OutcomeWrongTenant.
	FoundTenantID int64
	// RetryAt is when to try again. It is set with OutcomeRateLimited; zero if
	// ServiceTitan did not say when.
	RetryAt time.Time
}
