package views

import (
	"cmp"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
)

// TriesAgain says whether a connection that needs a person may work again as soon as the
// app is allowed in ServiceTitan, without anybody signing in.
func TriesAgain(c models.Connection) bool {
	return c.State == models.ReconnectNeeded && c.Reason == models.ReasonNotAllowed
}

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
