package views

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// mostAllocations limits how often rendering the status page allocates, with a month of
// renewals. It is 260 today, and 291 with the race detector.
const mostAllocations = 300

// Rendering the status page allocates little: what repeats on it is drawn once, or
// written by hand. What an event or a day adds is a part of that.
func TestStatusPageAllocatesLittle(t *testing.T) {
	page := ConnectionPage{
		Visitor: pagetest.Visitor(accounts.Owner), Connection: pagetest.Connection(models.Connected), Clock: testClock(),
		Events: pagetest.Events([]models.EventKind{models.EventConnected, models.EventTestPassed, models.EventRetrying, models.EventRecovered}),
	}
	for i := range connect.HealthDays {
		page.Days = append(page.Days, connect.RenewalDay{Day: pagetest.Noon.AddDate(0, 0, i-connect.HealthDays+1).Format(time.DateOnly), OK: 90})
	}
	ctx := SignedInAs(t.Context(), Account{ID: uuid.Max, CompanyID: uuid.Max, Name: "Dana Whitfield"})
	var body bytes.Buffer
	n := testing.AllocsPerRun(100, func() {
		body.Reset()
		if err := Connection(page).Render(ctx, &body); err != nil {
			t.Fatal(err)
		}
	})
	if n > mostAllocations {
		t.Errorf("%.0f allocations, want at most %d", n, mostAllocations)
	}
}
