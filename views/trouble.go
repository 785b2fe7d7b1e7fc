package views

import (
	"cmp"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
)

// TroubledSince returns when the first of a connection's troubles began; nil if it has
// none.
func TroubledSince(c models.Connection) *time.Time {
	if c.FailingSince != nil && c.UnansweredSince != nil && c.UnansweredSince.Before(*c.FailingSince) {
		return c.UnansweredSince
	}
	return cmp.Or(c.FailingSince, c.UnansweredSince)
}

// retryingTitle says in a sentence what does not work while a connection is retried.
func retryingTitle(c models.Connection) string {
	switch {
	case c.Reason == models.ReasonOurSide:
		return "There is a problem on our side. There is nothing you need to do."
	case c.FailingSince == nil && c.UnansweredSince != nil:
		return "ServiceTitan is not answering. There is nothing you need to do."
	}
	return "Renewing the access did not work. There is nothing you need to do."
}

// shownTrouble returns the state whose trouble the page tells. While ServiceTitan has an
// outage, that is all to say about a connection that is retried.
func (p *ConnectionPage) shownTrouble() models.State {
	state := ShownState(p.Connection)
	if state != models.Degraded || p.Connection.Reason == models.ReasonOurSide {
		return state
	}
	for _, n := range p.Outages {
		if n.EndedAt == nil {
			return models.Connected
		}
	}
	return state
}
