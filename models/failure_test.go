package models

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Each kind of error has the documented effect on renewals and on connecting.
func TestVerdicts(t *testing.T) {
	passing := func(r Reason) string { return string(r) + ", retried" }
	final := func(r Reason) string { return string(r) + ", for good" }
	for kind, want := range map[servicetitan.ErrorKind]struct {
		app, own           string
		appEnds, ownEnds   Outcome
		appLevel, ownLevel slog.Level
	}{
		servicetitan.Unavailable:    {app: passing(ReasonUnavailable), appEnds: OutcomeUnavailable},
		servicetitan.RateLimited:    {app: passing(ReasonRateLimited), appEnds: OutcomeRateLimited},
		servicetitan.GrantRefused:   {app: final(ReasonGrantRefused), appEnds: OutcomeApprovalExpired, ownEnds: OutcomeClientRefused},
		servicetitan.ClientRefused:  {passing(ReasonOurSide), final(ReasonClientRefused), OutcomeSetupProblem, OutcomeClientRefused, slog.LevelError, slog.LevelInfo},
		servicetitan.RequestRefused: {app: passing(ReasonOurSide), appEnds: OutcomeSetupProblem, appLevel: slog.LevelError, ownLevel: slog.LevelError},
		servicetitan.Misconfigured:  {app: passing(ReasonOurSide), appEnds: OutcomeSetupProblem, appLevel: slog.LevelError, ownLevel: slog.LevelError},
		servicetitan.Unauthorized:   {app: final(ReasonUnauthorized), appEnds: OutcomeUnauthorized},
		servicetitan.NotAllowed:     {app: final(ReasonNotAllowed), appEnds: OutcomeNotAllowed},
		servicetitan.TenantUnknown:  {app: final(ReasonTenantUnknown), appEnds: OutcomeTenantUnknown},
		"of a newer version":        {app: passing(ReasonUnavailable), appEnds: OutcomeUnavailable},
	} {
		if want.own == "" {
			want.own = want.app
		}
		if want.ownEnds == "" {
			want.ownEnds = want.appEnds
		}
		err := fmt.Errorf("renew: %w", &servicetitan.Error{Kind: kind})
		for _, of := range []struct {
			own   bool
			reads string
			ends  Outcome
			level slog.Level
		}{{false, want.app, want.appEnds, want.appLevel}, {true, want.own, want.ownEnds, want.ownLevel}} {
			v := VerdictOf(err, of.own)
			got := passing(v.Reason)
			if v.Permanent {
				got = final(v.Reason)
			}
			if got != of.reads || v.Outcome != of.ends || outcomes[v.Outcome].level != of.level {
				t.Errorf("%s, own client %t: %s, %s, %s", kind, of.own, got, v.Outcome, outcomes[v.Outcome].level)
			}
		}
	}
	for _, err := range []error{nil, io.EOF, errors.New("something else")} {
		if v := VerdictOf(err, false); v.Permanent || v.Reason != ReasonUnavailable {
			t.Errorf("%v: %+v", err, v)
		}
	}
}

// Package models does not import net/http, so its statuses are numbers. Each of
// them is a status that exists.
func TestOutcomesHaveStatuses(t *testing.T) {
	for o := range outcomes {
		if http.StatusText(o.Status()) == "" {
			t.Errorf("%s has the status %d", o, o.Status())
		}
	}
	for o, want := range map[Outcome]int{
		OutcomeConnected: http.StatusSeeOther, OutcomeFinishing: http.StatusAccepted, OutcomeDenied: http.StatusOK,
		OutcomeStartAgain: http.StatusBadRequest, OutcomeTenantTaken: http.StatusConflict, OutcomeLocked: http.StatusForbidden,
		OutcomeClientRefused: http.StatusUnprocessableEntity, OutcomeUnavailable: http.StatusServiceUnavailable,
	} {
		if o.Status() != want {
			t.Errorf("%s has the status %d", o, o.Status())
		}
	}
}
