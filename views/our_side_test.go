package views

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
)

// A problem on our side asks nothing of a contractor, and tells our staff the
// cause and the next step, whatever state the connection is in.
func TestProblemOnOurSide(t *testing.T) {
	for _, state := range []models.State{models.Connected, models.Degraded} {
		c := testConnection(state)
		c.Reason, c.FailingSince, c.ExpiresAt = models.ReasonOurSide, ago(time.Hour), *ago(time.Minute)
		if c.StateSince = *ago(48 * time.Hour); state == models.Degraded {
			c.StateSince = *c.FailingSince
		}
		c.Failures, c.NextRenewalAt = 3, ago(-2*time.Minute)
		page := show(t, Connection(ConnectionPage{Visitor: testVisitor(models.Owner), Connection: c, Clock: testClock()}))
		page.says("There is a problem on our side. There is nothing you need to do.", "putting it right", "Retrying", "We keep trying", "The next try is at")
		page.doesNotSay("ServiceTitan did not answer", "Usually this passes", "invalid_scope", "Access renews by itself", "reconnect it")
		list := show(t, Connections(ConnectionsPage{Visitor: testVisitor(models.Owner), Connections: []models.Connection{c}, Clock: testClock()}))
		list.says("Retrying")

		task := models.Task{ID: uuid.New(), Kind: models.TaskOurSide, Cause: "invalid_scope", ConnectionID: c.ID, CreatedAt: *ago(time.Hour), CompanyName: "Northgate"}
		p := staffPage(models.Degraded, models.ReasonOurSide)
		p.View.Connection, p.View.Tasks = c, []models.Task{task}
		staff := show(t, StaffConnection(p))
		staff.says("There is a problem on our side", "ServiceTitan answers invalid_scope", "fieldbridge doctor", "Tell them: “There is a problem on our side.", "nothing you need to do", "Ends by itself")
		staff.doesNotSay("It works")
		for _, form := range staff.all("form") {
			if value(form, "action") == "/staff/tasks/"+task.ID.String()+"/done" {
				t.Error("a task that ends by itself can be ticked")
			}
		}
		row := show(t, StaffConnections(StaffConnectionsPage{Staff: testStaff, List: models.ConnectionPage{
			Connections: []models.ListedConnection{{Connection: c, CompanyName: "Northgate"}},
		}, Clock: testClock()}))
		row.says("There is a problem on our side", "since today at 11:36 AM", "our_side")

		queue := show(t, StaffQueue(StaffQueuePage{Staff: testStaff, Clock: testClock(), Queue: models.Queue{Tasks: []models.Task{task}}}))
		queue.says("1 task", "Renewals with the company’s own client fail because of a problem on our side. ServiceTitan answers invalid_scope. Ask an engineer to run fieldbridge doctor.")
		task.Cause = models.CauseMetadata
		show(t, StaffQueue(StaffQueuePage{Staff: testStaff, Clock: testClock(), Queue: models.Queue{Tasks: []models.Task{task}}})).says("ServiceTitan’s metadata contradicts our settings.")
	}
}
