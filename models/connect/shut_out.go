package connect

import (
	"errors"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// shutOut is how a try ends for somebody who may no longer act.
func shutOut(err error) (failure, bool) {
	for _, e := range []struct {
		err     error
		outcome models.Outcome
	}{
		{accounts.ErrLocked, models.OutcomeLocked},
		{accounts.ErrNoMembership, models.OutcomeNoMembership},
		{accounts.ErrNoStaff, models.OutcomeNoStaff},
		{models.ErrTooManyConnections, models.OutcomeTooMany},
	} {
		if errors.Is(err, e.err) {
			return failure{outcome: e.outcome, cause: err}, true
		}
	}
	return failure{}, false
}
