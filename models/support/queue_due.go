package support

import "time"

// dueRule says how long an item of the queue may wait. Either field is zero.
type dueRule struct {
	within time.Duration
	// days are working days: from Monday to Friday, in UTC.
	days int
}

// dueRules has the rule of each kind of item. An item of a kind without one is never late.
// For an item that waits for the company, it says when staff should remind them.
// An upgrade is never late.
//
//exhaustive:ignore
var dueRules = map[ItemKind]dueRule{
	OurSideFailing:  {within: time.Hour},
	TenantConflict:  {days: 1},
	SetupForUs:      {days: 1},
	SecretToReplace: {days: 1},
	SecretToDelete:  {days: 2},
	SetupForCompany: {days: 3},
	TenantToRemove:  {days: 5},
}

// due returns when an item that waits since a time is due. Later items of a kind are never
// due earlier. ok is false if the kind has no rule.
func (k ItemKind) due(since time.Time) (at time.Time, ok bool) {
	rule, ok := dueRules[k]
	at = since.UTC()
	if rule.days == 0 {
		return at.Add(rule.within), ok
	}
	at = pastWeekend(at)
	for range rule.days {
		at = at.AddDate(0, 0, 1)
		if at.Weekday() == time.Saturday {
			at = at.AddDate(0, 0, 2)
		}
	}
	return at, ok
}

// lastDue returns the latest time since which an item can wait that is due by now.
func (k ItemKind) lastDue(now time.Time) time.Time {
	rule, at := dueRules[k], now.UTC()
	if rule.days == 0 {
		return at.Add(-rule.within)
	}
	at = beforeWeekend(at)
	for range rule.days {
		at = at.AddDate(0, 0, -1)
		if at.Weekday() == time.Sunday {
			at = at.AddDate(0, 0, -2)
		}
	}
	return at
}

// onWeekend reports whether t is on a Saturday or Sunday.
func onWeekend(t time.Time) bool { return t.Weekday() == time.Saturday || t.Weekday() == time.Sunday }

// pastWeekend returns when Monday begins if t is on a weekend, and t otherwise.
func pastWeekend(t time.Time) time.Time {
	for onWeekend(t) {
		t = midnight(t).AddDate(0, 0, 1)
	}
	return t
}

// beforeWeekend returns the last moment of Friday if t is on a weekend, and t otherwise.
// The databases know no shorter time than a microsecond.
func beforeWeekend(t time.Time) time.Time {
	for onWeekend(t) {
		t = midnight(t).Add(-time.Microsecond)
	}
	return t
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}
