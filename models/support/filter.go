package support

import (
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// ConnectionFilter selects connections of all companies. An empty field selects all
// of them.
type ConnectionFilter struct {
	// Query is the text to search for: part of a company's name, a tenant ID, an
	// email address, a connection ID, a company ID, or a support code.
	Query       string
	Status      Status
	Environment servicetitan.EnvironmentName
	Way         models.Way
	Reason      models.Reason
	Age         Age
	Order       Order
}

// Status selects connections by state: NeedsAttention, Overdue, or a models.State.
type Status string

const (
	// NeedsAttention selects connections that need a reconnect or are retrying.
	NeedsAttention Status = "attention"
	// Overdue selects connections whose renewal has been due for longer than
	// lateAfter.
	Overdue Status = "overdue"
)

// Statuses returns every status, in the order in which pages list them.
func Statuses() []Status {
	return []Status{
		NeedsAttention, Status(models.ReconnectNeeded), Status(models.Degraded), Overdue,
		Status(models.Pending), Status(models.Connected), Status(models.Disconnected),
	}
}

// has reports whether the status selects a state.
func (s Status) has(state models.State) bool {
	switch s {
	case "", Overdue:
		return true
	case NeedsAttention:
		return state == models.ReconnectNeeded || state == models.Degraded
	}
	return models.State(s) == state
}

// Age selects connections by the least time that they have been in their state.
type Age string

// The ages to select by.
const (
	AnHour  Age = "1h"
	ADay    Age = "1d"
	AWeek   Age = "7d"
	AMonth  Age = "30d"
	noAge   Age = ""
	dayLong     = 24 * time.Hour
)

// Ages returns every age, shortest first.
func Ages() []Age { return []Age{AnHour, ADay, AWeek, AMonth} }

var ages = map[Age]time.Duration{noAge: 0, AnHour: time.Hour, ADay: dayLong, AWeek: 7 * dayLong, AMonth: 30 * dayLong}

// Order is how a list is sorted.
type Order string

const (
	// AttentionFirst begins with the state that needs a person most. In each state,
	// connections that have been in it the longest come first.
	AttentionFirst Order = ""
	// LongestFirst begins with the connections that have been in their state the
	// longest.
	LongestFirst Order = "longest"
	// LatestFirst begins with the connections that changed their state last.
	LatestFirst Order = "latest"
	// ByCompany sorts by the company's name.
	ByCompany Order = "company"
	// NewestFirst begins with the connections that were made last.
	NewestFirst Order = "newest"
)

// Orders returns every order, in the order in which pages list them.
func Orders() []Order {
	return []Order{AttentionFirst, LongestFirst, LatestFirst, ByCompany, NewestFirst}
}

// ranks has the place of each state in AttentionFirst.
var ranks = map[models.State]int{models.ReconnectNeeded: 0, models.Degraded: 1, models.Pending: 2, models.Connected: 3, models.Disconnected: 4}

// sorted returns the order in which the list is read. Selecting by age needs an
// index on the time of the last change of state, so ByCompany and NewestFirst are
// then replaced by LongestFirst.
func (f ConnectionFilter) sorted() Order {
	if f.Age != noAge && (f.Order == ByCompany || f.Order == NewestFirst) {
		return LongestFirst
	}
	return f.Order
}
