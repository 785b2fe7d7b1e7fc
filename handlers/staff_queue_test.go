package handlers_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// setupOf returns the ID of the open setup of a company.
func (a *app) setupOf(company string) string {
	return a.lookup("SELECT s.id FROM setups s JOIN companies c ON c.id = s.company_id WHERE s.closed_at IS NULL AND c.name = '" + company + "'")
}

// Two people of our staff share the queue: one takes an item, the other reads that, gives it
// back, and puts it off until it comes back by itself.
func TestStaffShareTheQueue(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, sam, priya := a.signUp("Harbor Line", "Amy"), a.staff("Sam", accounts.Support), a.staff("Priya", accounts.Support)
		path := amy.guided(harbor)
		id := a.setupOf("Harbor Line")
		person := func(name string) string {
			return a.lookup("SELECT id FROM users WHERE staff_role <> '' AND name = '" + name + "'")
		}
		item := "/staff/queue/" + id
		did := func(query string) string { return "/staff/queue?did=us." + id + query }

		sam.says("/staff/queue", "Harbor Line", "Due in", "Waiting 1 min", "Nobody", "None yet", "Take")
		priya.post(item+"/assign", "kind", "us", "version", "0", "back", "view=unassigned", "to", person("Priya")).want(a, 303, did("&view=unassigned"))
		a.clock.Add(time.Minute)
		sam.post(item+"/assign", "kind", "us", "version", "0", "back", "", "to", person("Sam")).want(a, 409, "Priya took this 1 minute ago.", "You changed nothing")
		sam.says("/staff/queue?view=unassigned", "Nothing is unassigned")
		priya.says(did(""), "Priya works on Harbor Line now", "Undo")
		priya.says("/staff/queue?view=mine", "Harbor Line", "You")
		sam.says("/staff", "Mine 0", "Unassigned 0", "In the queue 1")

		sam.post(item+"/assign", "kind", "us", "version", "1", "back", "", "to", "x").want(a, 422, "not on our staff")
		sam.post(item+"/assign", "kind", "us", "version", "1", "back", "", "was", person("Priya"), "to", "").want(a, 303, did("&was="+person("Priya")))
		if back := between(t, sam.says(did("&was="+person("Priya")), "Nobody works on Harbor Line now"), `name="to" value="`, `"`); back != person("Priya") {
			t.Errorf("undo gives the item to %q", back)
		}
		sam.post(item+"/snooze", "kind", "us", "version", "2", "back", "", "for", "hour", "reason", "cs1.abcdefghijkl").want(a, 422, "without a secret")
		sam.post(item+"/snooze", "kind", "us", "version", "2", "back", "", "for", "year").want(a, 400)
		sam.post(item+"/snooze", "kind", "us", "version", "2", "back", "", "for", "hour", "reason", "Their admin is out").want(a, 303, did(""))
		sam.says(did(""), "Harbor Line comes back", "Undo", "Nothing waits")
		sam.says("/staff/queue?view=snoozed", "Snoozed", "Their admin is out", "Bring back")
		sam.post(item+"/snooze", "kind", "us", "version", "3", "back", "view=snoozed").want(a, 303, did("&view=snoozed")) // undo
		sam.says("/staff/queue", "Harbor Line")
		sam.post(item+"/snooze", "kind", "us", "version", "4", "back", "", "for", "tomorrow").want(a, 303)
		sam.says("/staff/queue", "Nothing waits")
		sam.post("/staff"+path+"/tenant-added").want(a, 303)
		sam.says("/staff/queue", "Harbor Line", "Their admin allows access") // something happened

		// Filters have a name, and belong to one person.
		sam.post("/staff/views", "page", "queue", "query", "view=late&kind=us", "name", "").want(a, 422, "Write a name")
		sam.post("/staff/views", "page", "queue", "query", "", "name", "All").want(a, 422, "Choose a filter first")
		sam.post("/staff/views", "page", "queue", "query", "view=late&kind=us", "name", " Late setups ").want(a, 303, "/staff/queue?kind=us&view=late")
		sam.post("/staff/views", "page", "connections", "query", "status=pending", "name", "Setups").want(a, 303, "/staff/connections?status=pending")
		sam.says("/staff/queue", "Late setups")
		sam.says("/staff/connections", "Setups")
		priya.saysNot("/staff/queue", "Late setups")
		view := a.lookup("SELECT id FROM saved_views WHERE name = 'Late setups'")
		sam.post("/staff/views/"+view+"/delete", "page", "queue").want(a, 303, "/staff/queue?unsaved=1")
		sam.says("/staff/queue?unsaved=1", "The saved filter is deleted.")
		sam.says("/staff/connections?unsaved=1", "The saved filter is deleted.")
		sam.saysNot("/staff/queue", "Late setups")
		amy.get("/staff/queue").want(a, 404)
		amy.post(item+"/assign", "kind", "us", "version", "5", "back", "", "to", "").want(a, 404)
	})
}

// Staff select rows, read each mail before it is sent, and find it in the record.
func TestStaffRemindCompanies(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob, sam := a.signUp("Harbor Line", "Amy"), a.signUp("Northgate", "Bob"), a.staff("Sam", accounts.Support)
		waits := strings.TrimPrefix(amy.guided(harbor), "/connections/")
		sam.post("/staff/connections/"+waits+"/tenant-added").want(a, 303)
		works := strings.TrimPrefix(bob.connect("sandbox", northgate), "/connections/")
		queue := sam.get("/staff/queue").want(a, 200, "Remind…").body
		box := `name="c.` + waits + `" value="1"`
		if !strings.Contains(queue, box) || strings.Contains(queue, box+" checked") {
			t.Error("the row has no box, or it is ticked")
		}
		if all := sam.get("/staff/queue?all=1").want(a, 200, "Select none").body; !strings.Contains(all, box+" checked") {
			t.Error("the box is not ticked")
		}
		sam.says("/staff/reminders", "Nothing is selected")
		sam.says("/staff/reminders?c."+waits+"=1&c."+works+"=1", "Send 1 email?", "Harbor Line", amy.email, "Your setup waits for you", "Allow Access", "No email", "Northgate", "Nothing waits for the company")
		if n := a.count("SELECT count(*) FROM mails"); n != 0 {
			t.Errorf("%d mails are queued by a preview", n)
		}
		sam.post("/staff/reminders").want(a, 422, "Nothing is selected")
		sam.post("/staff/reminders", "c."+waits, "1", "c."+works, "1").want(a, 303, "/staff/reminders/sent?sent=1&skipped=1")
		sam.says("/staff/reminders/sent?sent=1&skipped=1", "Reminded 1 company", "1 connection was skipped", "Harbor Line", "1 person", "Sam")
		if n := a.count("SELECT count(*) FROM mails WHERE kind = 'setup_allow'"); n != 1 {
			t.Errorf("%d mails are queued", n)
		}
		sam.says("/staff/reminders?c."+waits+"=1", "No email would be sent", "in the last 24 hours")
		amy.says("/connections/"+waits, "Reminder sent")
		amy.saysNot("/connections/"+waits, "Sam")
		many := url.Values{}
		for i := range 51 {
			many.Set("c."+strings.Replace(waits, waits[:2], string("0123456789abcdef"[i/16])+string("0123456789abcdef"[i%16]), 1), "1")
		}
		sam.get("/staff/reminders?"+many.Encode()).want(a, 422, "Too many are selected")
	})
}
