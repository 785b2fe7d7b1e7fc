package staff

import (
	"strconv"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views"
)

// steps names the steps of a setup for staff.
var steps = map[models.SetupStep]string{
	models.StepAddTenant:        "Add the tenant ID to the app",
	models.StepAllowAccess:      "Their admin allows access",
	models.StepEnterCredentials: "Generate and enter client ID and secret",
	models.StepChecked:          "Checked",
}

// nextStep returns what staff do next in a setup.
func nextStep(s support.QueuedSetup) string {
	if s.Step == models.StepEnterCredentials && !s.Proven {
		return "Confirm who controls the tenant"
	}
	return steps[s.Step]
}

// sentBack names for staff the problem that was sent to the company.
// Other outcomes are not sent back.
//
//exhaustive:ignore
var sentBack = map[models.Outcome]string{
	models.OutcomeNotAllowed:    "Sent back: Not Connected Yet",
	models.OutcomeTenantUnknown: "Sent back: tenant ID unknown",
	models.OutcomeTenantTaken:   "Sent back: tenant belongs to another company",
}

// taskWords names the tasks that are done by hand.
var taskWords = map[models.TaskKind]string{
	models.TaskDeleteSecret:   "Delete the client secret in the developer portal",
	models.TaskRemoveTenant:   "Remove the tenant ID from the app in the developer portal",
	models.TaskTenantConflict: "Another company tried to connect this tenant: find out who it belongs to",
	models.TaskOurSide:        "Renewals with the company’s own client fail because of a problem on our side.",
}

// taskQuestions asks whether a task is really done, says yes, and says afterwards that it is.
// Tasks that close by themselves are not asked about.
//
//exhaustive:ignore
var taskQuestions = map[models.TaskKind]struct{ question, yes, done string }{
	models.TaskDeleteSecret:   {"Did you delete the client secret in the developer portal?", "Yes, it is deleted", "The client secret is recorded as deleted."},
	models.TaskRemoveTenant:   {"Did you remove the tenant ID in the developer portal?", "Yes, it is removed", "The tenant ID is recorded as removed."},
	models.TaskTenantConflict: {"Did you find out who the tenant belongs to?", "Yes, it is settled", "The conflict is recorded as settled."},
}

// viewWords names the views of the queue.
var viewWords = map[support.QueueView]string{
	support.Everything: "Everything", support.Mine: "Mine", support.Unassigned: "Unassigned", support.Late: "Late", support.Snoozed: "Snoozed",
}

// groupWords names the groups of the queue, and says what is not there if a group is empty.
var groupWords = map[support.QueueGroup]struct{ name, one, many, none string }{
	support.Conflicts:          {"Tenant conflicts", "conflict", "conflicts", ""},
	support.SetupsForUs:        {"Setups waiting for us", "setup", "setups", "No setup is waiting for us."},
	support.ByHand:             {"To do by hand", "task", "tasks", "There is nothing to do by hand."},
	support.Secrets:            {"Secrets to replace", "reminder", "reminders", ""},
	support.Upgrades:           {"Upgrade needed", "connection", "connections", ""},
	support.SetupsForCompanies: {"Setups waiting for companies", "setup", "setups", "No company has a step to do."},
}

// groupCount says how many items a group has.
func groupCount(g support.QueueGroup, n int) string {
	if n >= support.CountedUpTo {
		return counted(n) + " " + groupWords[g].many
	}
	return views.Plural(n, groupWords[g].one, groupWords[g].many)
}

// snoozeWords names the choices of how long an item is put off.
var snoozeWords = map[support.SnoozeFor]string{
	support.SnoozeHour: "For an hour", support.SnoozeTomorrow: "Until tomorrow, 9:00 AM", support.SnoozeWeek: "Until next Monday, 9:00 AM",
}

// markWords says what somebody did with an item, in a sentence with their name in front.
var markWords = map[support.MarkChange]string{
	support.ItemTaken: "took this", support.ItemGiven: "gave this to", support.ItemReleased: "released this", support.ItemSnoozed: "snoozed this", support.ItemWoken: "brought this back",
}

// changedWords says who was faster.
func changedWords(e *support.ChangedError, clock views.Clock) string {
	by := "Someone"
	if e.ByName != "" {
		by = views.Isolate(e.ByName)
	}
	words := by + " " + markWords[e.Change]
	if e.Change == support.ItemGiven {
		if e.ToName == "" {
			return by + " gave this to someone " + clock.Ago(e.At) + "."
		}
		words += " " + views.Isolate(e.ToName)
	}
	return words + " " + clock.Ago(e.At) + "."
}

// span returns a length of time in one short unit.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "1 min"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " h"
	}
	return strconv.Itoa(int(d.Hours()/24)) + " days"
}

// dueWords says when an item is due. It has an icon and a word besides the color.
func dueWords(i support.QueueItem, now time.Time) views.StateWords {
	switch {
	case i.Due == nil:
		return views.StateWords{Tone: "off", Icon: "off", Word: "No due time"}
	case i.Late(now):
		return views.StateWords{Tone: "bad", Icon: "warn", Word: span(now.Sub(*i.Due)) + " late"}
	case i.Due.Sub(now) < 4*time.Hour:
		return views.StateWords{Tone: "warn", Icon: "clock", Word: "Due in " + span(i.Due.Sub(now))}
	}
	return views.StateWords{Tone: "off", Icon: "clock", Word: "Due in " + span(i.Due.Sub(now))}
}

// contact is the last time that staff and a company were in touch.
type contact struct {
	icon, word string
	at         time.Time
}

// lastContact returns the latest of the contacts; ok is false if there was none.
func lastContact(c support.Contact) (last contact, ok bool) {
	for _, one := range []struct {
		icon, word string
		at         *time.Time
	}{{"mail", "Email", c.MailedAt}, {"phone", "Call", c.CalledAt}, {"note", "Note", c.NotedAt}} {
		if one.at != nil && one.at.After(last.at) {
			last, ok = contact{one.icon, one.word, *one.at}, true
		}
	}
	return last, ok
}

// reminded reports whether the company of an item can be reminded of what it has to do.
func reminded(i support.QueueItem) bool {
	return i.Kind == support.SetupForCompany || i.Kind == support.UpgradeToAllow
}

// skipWords says why no reminder is sent.
var skipWords = map[support.Skip]string{
	support.NotSkipped:     "",
	support.NothingToDo:    "Nothing waits for the company.",
	support.CompanyLocked:  "The company is locked. Its emails wait until it is unlocked.",
	support.OutageUnderWay: "ServiceTitan has an outage. The company could not do it now.",
	support.MailedLately:   "An email about it went out in the last 24 hours.",
	support.NobodyToMail:   "Nobody at the company has a confirmed address.",
	support.InboxesFull:    "The people there have got as many emails as an address gets in a day.",
}
