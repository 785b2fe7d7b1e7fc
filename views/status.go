package views

import (
	"fmt"
	"strings"

	"github.com/fieldbridge/fieldbridge/models"
)

// StateWords describes how a connection's state is shown. Only this table has the
// word.
type StateWords struct{ Tone, Icon, Word string }

var states = map[models.State]StateWords{
	models.Pending:         {"info", "clock", "Being set up"},
	models.Connected:       {"ok", "ok", "Connected"},
	models.Degraded:        {"info", "clock", "Retrying"},
	models.ReconnectNeeded: {"warn", "warn", "Needs reconnect"},
	models.Disconnected:    {"off", "off", "Disconnected"},
}

// WordsOfState returns how a state is shown.
func WordsOfState(s models.State) StateWords { return states[s] }

// ShownState returns the state that pages show for the connection. A connection
// that uses the app's own registration stays connected while a problem on our side
// prevents its renewal. Pages show it like other connections that are retried.
func ShownState(c models.Connection) models.State {
	if c.State == models.Connected && c.Reason == models.ReasonOurSide {
		return models.Degraded
	}
	return c.State
}

// worksInPart says whether a connection works without a part of its access.
func worksInPart(c models.Connection, partMissing bool) bool {
	return ShownState(c) == models.Connected && (partMissing || c.UpgradeNeeded)
}

// shownTone returns the tone in which a company sees a connection.
func shownTone(c models.Connection, partMissing bool, clock Clock) string {
	if worksInPart(c, partMissing) || StoppedSince(c, clock.Now) != nil {
		return "warn"
	}
	return states[ShownState(c)].Tone
}

// reasons says in a sentence why ServiceTitan could not be used.
var reasons = map[models.Reason]string{
	models.ReasonNone:          "We do not know why.",
	models.ReasonUnavailable:   "ServiceTitan did not answer, or answered with an error.",
	models.ReasonRateLimited:   "ServiceTitan asked us to wait, because it had many requests to answer.",
	models.ReasonGrantRefused:  "ServiceTitan no longer accepts our access. This usually means that someone removed Fieldbridge under API Application Access.",
	models.ReasonClientRefused: "ServiceTitan no longer accepts the client ID and secret. Someone may have disabled Fieldbridge, or made a new secret, under API Application Access.",
	models.ReasonAnswerLost:    "ServiceTitan’s answer to a renewal was lost on the way, and the access was lost with it. Nobody did anything wrong.",
	models.ReasonNotAllowed:    "ServiceTitan does not let Fieldbridge use this account anymore. Someone may have disabled or removed it under API Application Access.",
	models.ReasonUnauthorized:  "ServiceTitan did not accept our access, even right after it was renewed.",
	models.ReasonTenantUnknown: "ServiceTitan no longer knows this tenant.",
	models.ReasonScopeMissing:  "The version of Fieldbridge that is allowed in ServiceTitan lacks part of the access. A ServiceTitan admin chooses Upgrade to New Version under API Application Access.",
	models.ReasonSealBroken:    "We can no longer read the access that we kept for you. This is our mistake.",
	models.ReasonOurSide:       "There is a problem on our side. We know about it and are fixing it.",
}

// reconnectAdvice is the text for a company when a person has to act: who needs the
// reconnection, and what has to come first if reconnecting alone would not last.
type reconnectAdvice struct{ title, first string }

// next says what to do, and how long it takes.
func (a reconnectAdvice) next() string {
	return strings.TrimSpace(a.first + " Reconnecting takes about a minute.")
}

// reconnectAdviceFor returns the advice for a reason.
func reconnectAdviceFor(r models.Reason) reconnectAdvice {
	const theirs, ours = "ServiceTitan needs you to allow the access again", "We need you to allow the access again"
	switch r {
	case models.ReasonSealBroken, models.ReasonAnswerLost:
		return reconnectAdvice{ours, ""}
	case models.ReasonClientRefused:
		return reconnectAdvice{"ServiceTitan no longer accepts the client ID and secret", ""}
	case models.ReasonUnauthorized:
		return reconnectAdvice{"We have to fix something first", "There is nothing you need to do yet. We are looking into it. Once Fieldbridge support tells you that it is fixed, reconnect."}
	case models.ReasonTenantUnknown:
		return reconnectAdvice{"ServiceTitan does not know this tenant ID", "Compare the tenant ID with My Tenant ID, at the top right of API Application Access. If it is the same, reconnect. If it is different, connect that one."}
	case models.ReasonNone, models.ReasonUnavailable, models.ReasonRateLimited, models.ReasonGrantRefused,
		models.ReasonNotAllowed, models.ReasonScopeMissing, models.ReasonOurSide:
	}
	return reconnectAdvice{theirs, ""}
}

// EventWords describes how an event is shown on the timeline.
type EventWords struct {
	Tone, Icon, Title string
	Text              func(models.Event) string
}

var events = map[models.EventKind]EventWords{
	models.EventConnected: {"ok", "bridge", "Connected", func(e models.Event) string {
		return actor(e) + " connected ServiceTitan."
	}},
	models.EventReconnected: {"ok", "bridge", "Reconnected", func(e models.Event) string {
		return actor(e) + " connected ServiceTitan again."
	}},
	models.EventConnectFailed: {"warn", "bad", "Connecting did not work", func(e models.Event) string {
		if e.ConnectionID == nil {
			return actor(e) + " tried to connect. " + outcomes[e.Outcome].event
		}
		return actor(e) + " tried to reconnect. " + outcomes[e.Outcome].event
	}},
	models.EventTestPassed: {"ok", "bolt", "Test passed", func(e models.Event) string {
		return actor(e) + " ran a test. ServiceTitan answered in " + Seconds(e.Millis) + "."
	}},
	models.EventTestFailed: {"warn", "bolt", "Test did not pass", func(e models.Event) string {
		return actor(e) + " ran a test. " + reasons[e.Reason]
	}},
	models.EventRetrying: {"info", "clock", "Retrying", func(e models.Event) string {
		return reasons[e.Reason]
	}},
	models.EventRecovered: {"ok", "refresh", "Works again", func(models.Event) string {
		return "ServiceTitan answers again."
	}},
	models.EventCheckFailed: {"info", "clock", "Check did not work", func(e models.Event) string {
		return reasons[e.Reason] + " We check again soon."
	}},
	models.EventReconnectNeeded: {"warn", "warn", "Needs reconnect", func(e models.Event) string {
		return reasons[e.Reason]
	}},
	models.EventUpgradeNeeded: {"info", "info", "New version to allow", func(models.Event) string {
		return "Part of the access is missing until a ServiceTitan admin chooses Upgrade to New Version."
	}},
	models.EventDisconnected: {"off", "unplug", "Disconnected", func(e models.Event) string {
		return actor(e) + " disconnected ServiceTitan. Fieldbridge deleted its access."
	}},
	models.EventSecretReplaced: {"ok", "key", "Client secret replaced", func(e models.Event) string {
		return actor(e) + " entered a new client secret. It was tried, and is in use."
	}},
	models.EventSecretFailed: {"warn", "key", "New client secret did not work", func(e models.Event) string {
		return actor(e) + " tried a new client secret. " + outcomes[e.Outcome].event + " Nothing was changed."
	}},
	models.EventReminderSet: {"off", "clock", "Reminder set", func(e models.Event) string {
		if e.Detail == "" {
			return actor(e) + " set a reminder to replace the client secret."
		}
		return actor(e) + " set a reminder to replace the client secret on " + e.Detail + "."
	}},
	models.EventReminderEnded: {"off", "check", "Reminder ended", func(e models.Event) string {
		return actor(e) + " ended the reminder to replace the client secret."
	}},
	models.EventReminded: {"info", "mail", "Reminder sent", func(e models.Event) string {
		people := "you"
		switch e.Detail {
		case "":
		case "1":
			people = "1 person"
		default:
			people = e.Detail + " people"
		}
		return actor(e) + " reminded " + people + " by email about what there is to do."
	}},
	models.EventRevoked: {"off", "shield", "Earlier sign-in cleaned up", func(models.Event) string {
		return "ServiceTitan confirmed that the access we no longer keep was withdrawn."
	}},
	models.EventRevocationFailed: {"warn", "shield", "Earlier sign-in not confirmed as withdrawn", func(models.Event) string {
		return "ServiceTitan did not confirm it, and we stopped asking. Fieldbridge has deleted that access and cannot use it."
	}},
	models.EventSetupRequested: {"info", "clock", "Setup requested", func(e models.Event) string {
		return actor(e) + " asked us to set up the connection."
	}},
	models.EventSetupTenantAdded: {"ok", "check", "Tenant ID added", func(models.Event) string {
		return "We added the tenant ID. Now Fieldbridge can be allowed in ServiceTitan."
	}},
	models.EventSetupAllowed: {"ok", "check", "Access allowed", func(e models.Event) string {
		return actor(e) + " says that Fieldbridge is allowed in ServiceTitan."
	}},
	models.EventSetupSentBack: {"warn", "warn", "Setup needs you", func(e models.Event) string {
		return "We found a problem. " + setupProblems[e.Outcome]
	}},
	models.EventSetupFailed: {"info", "clock", "Setup not finished yet", func(e models.Event) string {
		return actor(e) + " tried to finish it. " + outcomes[e.Outcome].event
	}},
	models.EventSetupConfirmed: {"ok", "shield", "Control confirmed", func(e models.Event) string {
		with := ""
		if e.Detail != "" {
			with = " with " + Isolate(e.Detail) + ","
		}
		return actor(e) + " confirmed" + with + " that your company may connect this tenant."
	}},
	models.EventSetupWithdrawn: {"off", "off", "Setup canceled", func(e models.Event) string {
		return actor(e) + " canceled the setup."
	}},
	models.EventNamed: {"off", "pencil", "Name changed", func(e models.Event) string {
		if e.Detail == "" {
			return actor(e) + " removed the nickname."
		}
		return actor(e) + " called this connection " + Isolate(e.Detail) + "."
	}},
	models.EventRefreshed: {"ok", "refresh", "Access renewed", func(e models.Event) string {
		return actor(e) + " renewed access. ServiceTitan answered in " + Seconds(e.Millis) + "."
	}},
	models.EventRefreshFailed: {"warn", "refresh", "Renewal tried", func(e models.Event) string {
		return actor(e) + " tried to renew access. " + reasons[e.Reason]
	}},
	models.EventLinkGiven: {"info", "copy", "Link to this page shared", func(e models.Event) string {
		return actor(e) + " shared the link to this page. Only members of the company can open it."
	}},
	models.EventReconnectMailed: {"info", "mail", "Reconnect email sent", func(e models.Event) string {
		switch e.Detail {
		case "":
			return actor(e) + " sent the reconnect email."
		case "1":
			return actor(e) + " sent the reconnect email to 1 person."
		}
		return actor(e) + " sent the reconnect email to " + e.Detail + " people."
	}},
	models.EventLocked: {"warn", "lock", "Account locked", func(e models.Event) string {
		return actor(e) + " locked the account. The access is kept, and renewed as before."
	}},
	models.EventUnlocked: {"ok", "lock", "Account unlocked", func(e models.Event) string {
		return actor(e) + " unlocked the account."
	}},
	models.EventSecretDeleted: {"ok", "check", "Client secret deleted", func(e models.Event) string {
		return actor(e) + " deleted the client secret at ServiceTitan."
	}},
	models.EventTenantRemoved: {"ok", "check", "Tenant ID removed", func(e models.Event) string {
		return actor(e) + " removed the tenant ID from Fieldbridge at ServiceTitan."
	}},
	models.EventConflictSettled: {"ok", "check", "Conflict resolved", func(models.Event) string {
		return "We found out who this tenant belongs to."
	}},
	models.EventNoted: {"off", "note", "Note added", func(models.Event) string {
		return "It is next to the timeline."
	}},
	models.EventStaffViewed: {"off", "eye", "Viewed by staff", func(models.Event) string { return "The page was opened." }},
	models.EventTenantConflict: {"warn", "lock", "Another company tried to connect this tenant", func(models.Event) string {
		return "It was refused. This connection has not changed."
	}},
}

// WordsOfEvent returns the words for a kind of event. Staff also see kinds that
// only a newer version of the program knows.
func WordsOfEvent(kind models.EventKind) EventWords {
	if w, ok := events[kind]; ok {
		return w
	}
	return EventWords{"off", "info", "Something new", func(models.Event) string {
		return "A newer version of Fieldbridge recorded this as “" + string(kind) + "”."
	}}
}

// actor returns the person who did it, at the start of a sentence.
func actor(e models.Event) string {
	if e.ActorName == "" {
		return "Someone"
	}
	return Isolate(e.ActorName)
}

// troubled says whether a person may ask support about the event.
func troubled(e models.Event) bool {
	return events[e.Kind].Tone == "warn" && e.SupportCode != ""
}

// Times says how often an event happened that the timeline shows once.
func Times(e models.Event, clock Clock) string {
	return fmt.Sprintf("%d times since %s.", e.Repeats+1, clock.At(e.Began()))
}
