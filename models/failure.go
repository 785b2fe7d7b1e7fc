package models

import (
	"errors"
	"log/slog"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Verdict says what an error from ServiceTitan means for a connection.
type Verdict struct {
	// Reason is the connection's reason after the error.
	Reason Reason
	// Permanent says that only a person can fix the problem, so that retrying does
	// not help.
	Permanent bool
	// Outcome is how connecting ends. The table outcomes has a row for it.
	Outcome Outcome
}

// verdicts says what each kind of error means when the app's own registration was
// used. If ServiceTitan refuses the registration, only we can fix it.
var verdicts = map[servicetitan.ErrorKind]Verdict{
	servicetitan.Unavailable:    {ReasonUnavailable, false, OutcomeUnavailable},
	servicetitan.RateLimited:    {ReasonRateLimited, false, OutcomeRateLimited},
	servicetitan.GrantRefused:   {ReasonGrantRefused, true, OutcomeApprovalExpired},
	servicetitan.ClientRefused:  {ReasonOurSide, false, OutcomeSetupProblem},
	servicetitan.RequestRefused: {ReasonOurSide, false, OutcomeSetupProblem},
	servicetitan.Misconfigured:  {ReasonOurSide, false, OutcomeSetupProblem},
	servicetitan.Unauthorized:   {ReasonUnauthorized, true, OutcomeUnauthorized},
	servicetitan.NotAllowed:     {ReasonNotAllowed, true, OutcomeNotAllowed},
	servicetitan.TenantUnknown:  {ReasonTenantUnknown, true, OutcomeTenantUnknown},
}

// ownVerdicts has the exceptions for a tenant's own client.
//
//exhaustive:ignore
var ownVerdicts = map[servicetitan.ErrorKind]Verdict{
	servicetitan.GrantRefused:  {ReasonGrantRefused, true, OutcomeClientRefused},
	servicetitan.ClientRefused: {ReasonClientRefused, true, OutcomeClientRefused},
}

// VerdictOf returns what an error means. Own says that a tenant's own client was
// used. An error that did not come from ServiceTitan counts as temporary.
func VerdictOf(err error, own bool) Verdict {
	e, _ := errors.AsType[*servicetitan.Error](err)
	if e == nil {
		return verdicts[servicetitan.Unavailable]
	}
	if v, ok := ownVerdicts[e.Kind]; ok && own {
		return v
	}
	if v, ok := verdicts[e.Kind]; ok {
		return v
	}
	return verdicts[servicetitan.Unavailable]
}

// answer says how we answer an outcome. Package views has the page for each
// outcome.
type answer struct {
	// status is the page's HTTP status.
	status int
	// level is the level of the log line.
	level slog.Level
}

// outcomes has a row for every outcome, since many of them are not caused by an
// error from ServiceTitan.
var outcomes = map[Outcome]answer{
	OutcomeConnected:       {303, slog.LevelInfo},
	OutcomeFinishing:       {202, slog.LevelInfo},
	OutcomeStartAgain:      {400, slog.LevelInfo},
	OutcomeApprovalExpired: {400, slog.LevelInfo},
	OutcomeInterrupted:     {409, slog.LevelInfo},
	OutcomeDenied:          {200, slog.LevelInfo},
	OutcomeUnavailable:     {503, slog.LevelInfo},
	OutcomeRateLimited:     {503, slog.LevelInfo},
	OutcomeWrongTenant:     {409, slog.LevelInfo},
	OutcomeTenantTaken:     {409, slog.LevelInfo},
	OutcomeNotAllowed:      {409, slog.LevelInfo},
	OutcomeUnauthorized:    {409, slog.LevelInfo},
	OutcomeTenantUnknown:   {409, slog.LevelInfo},
	OutcomeClientRefused:   {422, slog.LevelInfo},
	OutcomeScopeMissing:    {409, slog.LevelInfo},
	OutcomeLocked:          {403, slog.LevelInfo},
	OutcomeNoMembership:    {403, slog.LevelInfo},
	OutcomeTooMany:         {409, slog.LevelInfo},
	OutcomeLinkEnded:       {404, slog.LevelInfo},
	OutcomeNoStaff:         {403, slog.LevelInfo},
	OutcomeSetupProblem:    {503, slog.LevelError}, // an operator has to act
}

// Status returns the HTTP status of the outcome's page.
func (o Outcome) Status() int { return outcomes[o].status }

// Level returns the level of the outcome's log line.
func (o Outcome) Level() slog.Level { return outcomes[o].level }
