package staff

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

func testQueue(items ...support.QueueItem) support.QueuePage {
	counts := support.QueueCounts{Everything: len(items), ByHand: len(items)}
	return support.QueuePage{Items: items, Counts: counts, Colleagues: []support.Colleague{{ID: testStaff.UserID, Name: "Priya Nair"}, {ID: uuid.Max, Name: "Omar Haddad"}}}
}

func testItem(kind support.ItemKind, due time.Duration) support.QueueItem {
	i := support.QueueItem{Kind: kind, ID: uuid.New(), Since: *pagetest.Ago(26 * time.Hour), Due: pagetest.Ago(-due)}
	i.Connection.Connection, i.Connection.CompanyName = pagetest.Connection(models.Connected), "Northgate"
	return i
}

func taskItem(task support.Task) support.QueueItem {
	i := testItem(support.OurSideFailing, time.Hour)
	i.Task = &task
	return i
}

// everyItem returns an item of each kind, in different conditions.
func everyItem() []support.QueueItem {
	conflict := taskItem(support.Task{ID: uuid.New(), Kind: models.TaskTenantConflict, CompanyName: "Northgate", Environment: "production", TenantID: 842193311})
	conflict.Due, conflict.Contact.MailedAt, conflict.Contact.NotedAt = pagetest.Ago(2*time.Hour), pagetest.Ago(time.Hour), pagetest.Ago(3*time.Hour)
	ours := testItem(support.SetupForUs, 3*time.Hour)
	ours.Setup = &support.QueuedSetup{Setup: models.Setup{Step: models.StepEnterCredentials, WaitsFor: models.Us}, Others: []support.OtherRow{{CompanyName: "Bob", State: models.Connected}}, Taken: true}
	ours.Mark = support.Mark{Version: 1, AssigneeID: &testStaff.UserID, AssigneeName: testStaff.Name}
	theirs := testItem(support.SetupForCompany, 30*time.Hour)
	theirs.Setup = &support.QueuedSetup{Setup: models.Setup{Step: models.StepAllowAccess, WaitsFor: models.TheCompany, Problem: models.OutcomeNotAllowed}}
	theirs.Connection.CompanyLockedAt = pagetest.Ago(time.Hour)
	secret := testItem(support.SecretToReplace, 72*time.Hour)
	secret.Connection.Way, secret.Connection.SecretAt = models.GuidedWay, pagetest.Ago(time.Hour)
	secret.Mark = support.Mark{Version: 2, SnoozedUntil: pagetest.Ago(-time.Hour), SnoozeReason: "They are on vacation"}
	upgrade := testItem(support.UpgradeToAllow, 0)
	upgrade.Due, upgrade.Contact.CalledAt = nil, pagetest.Ago(time.Hour)
	return []support.QueueItem{conflict, ours, theirs, secret, upgrade}
}

func testSaved() []support.SavedView {
	return []support.SavedView{{ID: uuid.Max, Page: support.QueueSaved, Name: "My late tasks", Query: "kind=tasks&view=late"}}
}

func testReminders() []support.MailReminder {
	var list []support.MailReminder
	for skip := range skipWords {
		r := support.MailReminder{Kind: models.MailSetupAllow, To: []models.Recipient{{Name: "Dana Whitfield", Email: "dana@northgate.example"}, {Name: "Ruth Abara", Email: "ruth@northgate.example"}}, Skip: skip, LastAt: pagetest.Ago(time.Hour)}
		r.Connection.Connection, r.Connection.CompanyName = pagetest.Connection(models.Pending), "Northgate"
		list = append(list, r)
	}
	return list
}

func TestEveryWordOfTheQueue(t *testing.T) {
	for _, v := range pagetest.Constants[support.QueueView](t) {
		if viewWords[v] == "" {
			t.Errorf("view %q has no word", v)
		}
	}
	for _, g := range pagetest.Constants[support.QueueGroup](t) {
		if groupWords[g].name == "" || groupWords[g].one == "" || groupWords[g].many == "" {
			t.Errorf("group %q has no words", g)
		}
	}
	for _, c := range pagetest.Constants[support.MarkChange](t) {
		if markWords[c] == "" {
			t.Errorf("change %q has no words", c)
		}
	}
	for _, f := range support.SnoozesFor() {
		if snoozeWords[f] == "" {
			t.Errorf("snooze %q has no words", f)
		}
	}
	for _, s := range pagetest.Constants[support.Skip](t) {
		if words, ok := skipWords[s]; !ok || (words == "") != (s == "") {
			t.Errorf("skip %q has the words %q", s, words)
		}
	}
	for _, r := range support.FailureReasons() {
		if incidentAdvice[r] == "" {
			t.Errorf("reason %q has no advice", r)
		}
	}
}

// Each row says when it is due, in words, and who was last in touch.
func TestQueueRows(t *testing.T) {
	page := pagetest.Show(t, Queue(QueuePage{Staff: testStaff, Clock: testClock(), Queue: testQueue(everyItem()...)}))
	page.Says("2 h late", "Due in 3 h", "Due in 30 h", "Email 1 h ago", "Call 1 h ago", "Waiting 26 h", "None yet", "Snoozed Until today at", "They are on vacation", "Nobody", "You", "Locked", "Also at Bob", "Bring back", "Take")
	for _, form := range page.All("form") {
		action := pagetest.Value(form, "action")
		if !strings.HasPrefix(action, queuePath+"/") {
			continue
		}
		for _, want := range []string{"kind", "version", "back"} {
			found := false
			for n := range form.Descendants() {
				found = found || n.Data == "input" && pagetest.Value(n, "name") == want
			}
			if !found {
				t.Errorf("the form for %s has no %s", action, want)
			}
		}
	}
}

// The second of two people reads who was faster.
func TestQueueSaysWhoWasFaster(t *testing.T) {
	for want, e := range map[string]support.ChangedError{
		"Priya took this 1 minute ago.":          {Change: support.ItemTaken, ByName: "Priya", ToName: "Priya", At: *pagetest.Ago(time.Minute)},
		"Priya gave this to Sam 2 minutes ago.":  {Change: support.ItemGiven, ByName: "Priya", ToName: "Sam", At: *pagetest.Ago(2 * time.Minute)},
		"Someone gave this to someone just now.": {Change: support.ItemGiven, At: pagetest.Noon},
		"Priya snoozed this just now.":           {Change: support.ItemSnoozed, ByName: "Priya", At: pagetest.Noon},
	} {
		pagetest.Show(t, Queue(QueuePage{Staff: testStaff, Clock: testClock(), Changed: &e})).Says(want, "You changed nothing")
	}
}

// A preview names each recipient, shows the words of the mail, and says once for each reason
// why others get none. Only the mails to be sent are in the form.
func TestRemindersPreview(t *testing.T) {
	list := testReminders()
	reasons := len(skipWords) - 1
	// One more has the reason of another.
	list = append(list, list[slices.IndexFunc(list, func(r support.MailReminder) bool { return r.Skip == support.CompanyLocked })])
	page := pagetest.Show(t, Reminders(RemindersPage{Staff: testStaff, Clock: testClock(), Reminders: list}))
	page.Says("Send 2 emails?", "Dana Whitfield", "dana@northgate.example", "Ruth Abara", "Your setup waits for you: ServiceTitan tenant", "One step in ServiceTitan is left", "Gets an email", "1 connection", "No email", "7 connections", "2 connections")
	if n := len(page.All("h3")); n != reasons {
		t.Errorf("%d groups for %d reasons", n, reasons)
	}
	boxes := 0
	for _, input := range page.All("input") {
		if strings.HasPrefix(pagetest.Value(input, "name"), "c.") {
			boxes++
		}
	}
	if boxes != 1 {
		t.Errorf("%d reminders are in the form, want 1", boxes)
	}
}

// The scale of the chart has round numbers, and failures stand on what worked.
func TestHoursChart(t *testing.T) {
	for most, want := range map[int64]int64{1: 1, 4: 1, 5: 2, 9: 5, 37: 10, 41: 20, 39_803: 10_000} {
		if step := roundStep(most); step != want {
			t.Errorf("up to %d the step is %d, want %d", most, step, want)
		}
	}
	hours := []support.RenewalHour{{Hour: "2026-11-23T06", OK: 30, Failed: 10}, {Hour: "2026-11-23T07"}, {Hour: "2026-11-23T08", Failed: 1}}
	c := hoursChart(hours, testClock())
	if n := len(c.ticks); n != 5 || c.ticks[0].label != "0" || c.ticks[4] != (tick{"0.00%", "40"}) {
		t.Errorf("ticks %+v", c.ticks)
	}
	if b := c.bars[0]; b.worked != "75.00%" || b.workedY != "25.00%" || b.failed != "25.00%" || b.failedY != "0.00%" {
		t.Errorf("stacked bar %+v", b)
	}
	if b := c.bars[1]; b.worked != "" || b.failed != "" || !strings.HasSuffix(b.says, "nothing to renew") {
		t.Errorf("empty bar %+v", b)
	}
	if b := c.bars[2]; b.worked != "" || b.failedY != "97.50%" || b.failed != "2.50%" {
		t.Errorf("bar that failed %+v", b)
	}
}
