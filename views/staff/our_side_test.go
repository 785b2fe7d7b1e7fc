package staff

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// A problem on our side tells staff the cause and the next step, in any state of
// the connection.
func TestProblemOnOurSide(t *testing.T) {
	for _, state := range []models.State{models.Connected, models.Degraded} {
		c := pagetest.Connection(state)
		c.Reason, c.FailingSince, c.ExpiresAt = models.ReasonOurSide, pagetest.Ago(time.Hour), *pagetest.Ago(time.Minute)
		if c.StateSince = *pagetest.Ago(48 * time.Hour); state == models.Degraded {
			c.StateSince = *c.FailingSince
		}
		c.Failures, c.NextRenewalAt = 3, pagetest.Ago(-2*time.Minute)
		task := support.Task{ID: uuid.New(), Kind: models.TaskOurSide, Cause: "invalid_scope", ConnectionID: c.ID, CreatedAt: *pagetest.Ago(time.Hour), CompanyName: "Northgate"}
		p := staffPage(t, models.Degraded, models.ReasonOurSide)
		p.View.Connection, p.View.Tasks = c, []support.Task{task}
		shown := pagetest.Show(t, Connection(p))
		shown.Says("There is a problem on our side", "ServiceTitan answers invalid_scope", "fieldbridge doctor", "Tell them: “There is a problem on our side.", "nothing you need to do", "Closes automatically")
		shown.DoesNotSay("It works")
		for _, form := range shown.All("form") {
			if pagetest.Value(form, "action") == "/staff/tasks/"+task.ID.String()+"/done" {
				t.Error("a task that closes automatically can be checked off")
			}
		}
		row := pagetest.Show(t, Connections(ConnectionsPage{Staff: testStaff, List: support.ConnectionPage{
			Connections: []support.ListedConnection{{Connection: c, CompanyName: "Northgate"}},
		}, Clock: testClock()}))
		row.Says("There is a problem on our side", "since today at 11:36 AM", "our_side")

		queue := pagetest.Show(t, Queue(QueuePage{Staff: testStaff, Clock: testClock(), Queue: testQueue(taskItem(task))}))
		queue.Says("1 task", "Renewals with the company’s own client fail because of a problem on our side. ServiceTitan answers invalid_scope. Ask an engineer to run fieldbridge doctor.")
		task.Cause = models.CauseMetadata
		pagetest.Show(t, Queue(QueuePage{Staff: testStaff, Clock: testClock(), Queue: testQueue(taskItem(task))})).Says("ServiceTitan’s metadata contradicts our settings.")
	}
}
