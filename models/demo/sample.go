package demo

import (
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// SampleCompany is a made-up company of a demo. An age is how long ago something
// happened.
type SampleCompany struct {
	Name string
	// TimeZone is the name of the zone where it works.
	TimeZone string
	// People has the person who connects first.
	People []SamplePerson
	// Age is how long the company has had its account.
	Age         time.Duration
	Connections []SampleConnection
	// Failed is an authorization that ended without a connection. It may be nil.
	Failed *SampleFailure
	// APIKey is the name of its back end's key; empty if it has none.
	APIKey string
	// Locked is why it is locked, since LockedAge; empty if it is not.
	Locked    string
	LockedAge time.Duration
}

// standing returns the number of connections that the sandbox must know.
func (c SampleCompany) standing() int {
	n := 0
	for _, connection := range c.Connections {
		if connection.State != models.Disconnected {
			n++
		}
	}
	return n
}

// SamplePerson is someone of a made-up company.
type SamplePerson struct {
	Name, Email string
	Role        accounts.Role
}

// SampleStaff is a member of staff in a demo.
type SampleStaff struct {
	Name, Email string
	Role        accounts.StaffRole
}

// SampleFailure is an authorization that ended without a connection.
type SampleFailure struct {
	Age     time.Duration
	Outcome models.Outcome
}

// SampleConnection is the story of a made-up connection. What pages show of it
// is worked out from here, so that counters, health strip and timeline agree.
type SampleConnection struct {
	TenantID      int64
	TenantName    string
	BusinessUnits int
	Way           servicetitan.Way
	// Age is since when it is connected or, while pending, asked for.
	Age    time.Duration
	State  models.State
	Reason models.Reason
	// StateAge is since when it is in its state; for one that is connected, Age
	// says it.
	StateAge time.Duration
	// Troubles are those that are over, the oldest first.
	Troubles []SampleTrouble
	// TestedAge is when a person last tested it; zero for never.
	TestedAge time.Duration
	// Used says that a back end asks for its access.
	Used bool
	// UpgradeAge is since when a new version of the app waits to be allowed; zero
	// if none does.
	UpgradeAge time.Duration
	// ReminderAge is since when staff are reminded to replace the client secret; zero if
	// they are not.
	ReminderAge time.Duration
	// Step and Problem describe a setup that is under way.
	Step    models.SetupStep
	Problem models.Outcome
	// Note is what our staff wrote down, NoteAge ago.
	Note    string
	NoteAge time.Duration
	// ContestedBy is a company that tried to connect the same tenant, ContestedAge
	// ago.
	ContestedBy  string
	ContestedAge time.Duration
}

// SampleTrouble is a time in which renewals failed. For a passing reason they
// were tried again until one worked; after a refusal the owner reconnected.
type SampleTrouble struct {
	Age, Length time.Duration
	Reason      models.Reason
}

// passing says whether renewals are tried again.
func (t SampleTrouble) passing() bool {
	return t.Reason == models.ReasonUnavailable || t.Reason == models.ReasonRateLimited || t.Reason == models.ReasonOurSide
}
