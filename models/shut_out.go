package models

import "errors"

// shutOut is how a try ends for somebody who may no longer act.
func shutOut(err error) (failure, bool) {
	for _, e := range []struct {
		err     error
		outcome Outcome
	}{
		{ErrLocked, OutcomeLocked},
		{ErrNoMembership, OutcomeNoMembership},
		{errNoStaff, OutcomeNoStaff},
		{ErrTooManyConnections, OutcomeTooMany},
	} {
		if errors.Is(err, e.err) {
			return failure{outcome: e.outcome, cause: err}, true
		}
	}
	return failure{}, false
}
