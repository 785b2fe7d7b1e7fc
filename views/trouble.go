package views

import (
	"cmp"
	"strings"
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

// Listed lists areas in a sentence.
func Listed(areas []models.Area) string {
	names := make([]string, len(areas))
	for i, a := range areas {
		names[i] = a.Name
	}
	return strings.ToLower(strings.Join(names, ", "))
}

// DisconnectedBy returns the beginning of the sentence that says when a connection
// was ended.
func DisconnectedBy(events []models.Event) string {
	for _, e := range events {
		if e.Kind == models.EventDisconnected && e.ActorName != "" {
			return Isolate(e.ActorName) + " disconnected it "
		}
	}
	return "It was disconnected "
}
