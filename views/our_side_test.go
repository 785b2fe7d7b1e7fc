package views

import (
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// A problem on our side asks nothing of a contractor, in any state of the
// connection.
func TestProblemOnOurSide(t *testing.T) {
	for _, state := range []models.State{models.Connected, models.Degraded} {
		c := pagetest.Connection(state)
		c.Reason, c.FailingSince, c.ExpiresAt = models.ReasonOurSide, pagetest.Ago(time.Hour), *pagetest.Ago(time.Minute)
		if c.StateSince = *pagetest.Ago(48 * time.Hour); state == models.Degraded {
			c.StateSince = *c.FailingSince
		}
		c.Failures, c.NextRenewalAt = 3, pagetest.Ago(-2*time.Minute)
		page := pagetest.Show(t, Connection(ConnectionPage{Visitor: pagetest.Visitor(accounts.Owner), Connection: c, Clock: testClock()}))
		page.Says("There is a problem on our side. We are fixing it.", "fixing it", "Retrying", "We keep trying", "We try to renew access again at")
		page.DoesNotSay("ServiceTitan did not answer", "This usually passes", "invalid_scope", "Access renews automatically", "reconnect it")
		list := pagetest.Show(t, Connections(ConnectionsPage{Visitor: pagetest.Visitor(accounts.Owner), Connections: []connect.InOverview{{Connection: c}}, Clock: testClock()}))
		list.Says("Retrying")
	}
}
