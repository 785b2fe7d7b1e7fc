package models

import (
	"maps"
	"slices"
	"strings"
)

// TimelinePart is the part of a timeline that somebody wants to see.
type TimelinePart string

const (
	// WholeTimeline is everything.
	WholeTimeline TimelinePart = ""
	// Problems are what went wrong, and how it ended.
	Problems TimelinePart = "problems"
	// ByPeople is what a person did.
	ByPeople TimelinePart = "people"
	// SettingUp is how the connection was set up, allowed, and ended.
	SettingUp TimelinePart = "setup"
)

// TimelineParts returns the parts in the order in which pages list them.
func TimelineParts() []TimelinePart {
	return []TimelinePart{WholeTimeline, Problems, ByPeople, SettingUp}
}

// ParseTimelinePart returns the part with a name, or the whole timeline.
func ParseTimelinePart(name string) TimelinePart {
	for _, part := range TimelineParts() {
		if string(part) == name {
			return part
		}
	}
	return WholeTimeline
}

// partsOf says in which parts of a timeline the events of a kind are, besides the whole.
// What a person did is in ByPeople, whatever its kind.
var partsOf = map[EventKind]struct{ Problem, Setup bool }{
	EventConnected:        {Setup: true},
	EventReconnected:      {Setup: true},
	EventConnectFailed:    {Problem: true, Setup: true},
	EventTestPassed:       {},
	EventTestFailed:       {Problem: true},
	EventRetrying:         {Problem: true},
	EventRecovered:        {Problem: true},
	EventCheckFailed:      {Problem: true},
	EventReconnectNeeded:  {Problem: true},
	EventUpgradeNeeded:    {Problem: true, Setup: true},
	EventDisconnected:     {Setup: true},
	EventRevoked:          {},
	EventRevocationFailed: {Problem: true},
	EventSetupRequested:   {Setup: true},
	EventSetupTenantAdded: {Setup: true},
	EventSetupAllowed:     {Setup: true},
	EventSetupSentBack:    {Problem: true, Setup: true},
	EventSetupFailed:      {Problem: true, Setup: true},
	EventSetupConfirmed:   {Setup: true},
	EventSetupWithdrawn:   {Setup: true},
	EventNamed:            {},
	EventRefreshed:        {},
	EventRefreshFailed:    {Problem: true},
	EventLinkGiven:        {},
	EventReconnectMailed:  {},
	EventLocked:           {Problem: true},
	EventUnlocked:         {Problem: true},
	EventSecretReplaced:   {Setup: true},
	EventSecretFailed:     {Problem: true, Setup: true},
	EventSecretDeleted:    {Setup: true},
	EventReminderSet:      {},
	EventReminderEnded:    {},
	EventTenantRemoved:    {Setup: true},
	EventTenantConflict:   {Problem: true},
	EventConflictSettled:  {Problem: true},
	EventReminded:         {},
	EventNoted:            {},
	EventStaffViewed:      {},
}

// Selects returns the SQL condition that an event is in the part, for a table of events
// without another name.
func (part TimelinePart) Selects() string {
	var kinds []EventKind
	for _, kind := range slices.Sorted(maps.Keys(partsOf)) {
		if of := partsOf[kind]; part == Problems && of.Problem || part == SettingUp && of.Setup {
			kinds = append(kinds, kind)
		}
	}
	switch part {
	case ByPeople:
		return "actor_name <> ''"
	case Problems, SettingUp:
		return KindIsOneOf(kinds)
	case WholeTimeline:
	}
	return "true"
}

// KindIsOneOf returns the SQL condition that an event is of one of some kinds. For IN,
// SQLite would make a table of them each time that the query runs, which takes longer than
// the rest.
func KindIsOneOf(kinds []EventKind) string {
	var condition strings.Builder
	condition.WriteString("CASE kind")
	for _, kind := range kinds {
		condition.WriteString(" WHEN '" + string(kind) + "' THEN true")
	}
	return condition.String() + " ELSE false END"
}
