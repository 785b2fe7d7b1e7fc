package models

import (
	"errors"
	"log/slog"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Verdict is what an error of ServiceTitan's means for us.
type Verdict struct {
	// Reason is why a connection fails by it.
	Reason Reason
	// Permanent says that only a person can put it right, so that asking again is
	// of no use.
	Permanent bool
	// Outcome is how connecting ends by it. It has its own row below.
	Outcome Outcome
}

// verdicts says what each kind of error means where the app's own registration
// was used. A refusal of it is for us to put right.
var verdicts = map[servicetitan.ErrorKind]Verdict{
	servicetitan.Unavailable:    {ReasonUnavailable, false, OutcomeUnavailable},
	servicetitan.RateLimited:    {ReasonRateLimited, false, OutcomeRateLimited},
	servicetitan.GrantRefused:   {ReasonGrantRefused, true, OutcomeStartAgain},
	servicetitan.ClientRefused:  {ReasonOurSide, false, OutcomeSetupProblem},
	servicetitan.RequestRefused: {ReasonOurSide, false, OutcomeSetupProblem},
	servicetitan.Misconfigured:  {ReasonOurSide, false, OutcomeSetupProblem},
	servicetitan.Unauthorized:   {ReasonUnauthorized, true, OutcomeUnauthorized},
	servicetitan.NotAllowed:     {ReasonNotAllowed, true, OutcomeNotAllowed},
	servicetitan.TenantUnknown:  {ReasonTenantUnknown, true, OutcomeTenantUnknown},
}

// ownVerdicts says what is different where a tenant's own client was used.
//
//exhaustive:ignore
var ownVerdicts = map[servicetitan.ErrorKind]Verdict{
	servicetitan.GrantRefused:  {ReasonGrantRefused, true, OutcomeClientRefused},
	servicetitan.ClientRefused: {ReasonClientRefused, true, OutcomeClientRefused},
}

// VerdictOf returns what an error means; own says that a tenant's own client was
// used. An error that is not ServiceTitan's will pass.
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

// answer is how an outcome is answered. The page is the one that views has under
// the outcome's name.
type answer struct {
	// status is the page's HTTP status.
	status int
	// level is that of the line in the log.
	level slog.Level
}

// outcomes has a row for each outcome, whatever caused it: much that ends an
// authorization is no error of ServiceTitan's.
var outcomes = map[Outcome]answer{
	OutcomeConnected:     {303, slog.LevelInfo},
	OutcomeFinishing:     {202, slog.LevelInfo},
	OutcomeStartAgain:    {400, slog.LevelInfo},
	OutcomeInterrupted:   {409, slog.LevelInfo},
	OutcomeDenied:        {200, slog.LevelInfo},
	OutcomeUnavailable:   {503, slog.LevelInfo},
	OutcomeRateLimited:   {503, slog.LevelInfo},
	OutcomeWrongTenant:   {409, slog.LevelInfo},
	OutcomeTenantTaken:   {409, slog.LevelInfo},
	OutcomeNotAllowed:    {409, slog.LevelInfo},
	OutcomeUnauthorized:  {409, slog.LevelInfo},
	OutcomeTenantUnknown: {409, slog.LevelInfo},
	OutcomeClientRefused: {422, slog.LevelInfo},
	OutcomeScopeMissing:  {409, slog.LevelInfo},
	OutcomeLocked:        {403, slog.LevelInfo},
	OutcomeNoMembership:  {403, slog.LevelInfo},
	OutcomeTooMany:       {409, slog.LevelInfo},
	OutcomeNoStaff:       {403, slog.LevelInfo},
	OutcomeSetupProblem:  {503, slog.LevelError}, // an operator has to act
}

// Status returns the HTTP status of the page that tells of the outcome.
func (o Outcome) Status() int { return outcomes[o].status }

// Level returns the level of the line in the log that tells of the outcome.
func (o Outcome) Level() slog.Level { return outcomes[o].level }
