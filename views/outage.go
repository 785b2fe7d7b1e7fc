package views

import (
	"strconv"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// StatusPath is the page that shows how ServiceTitan is doing.
const StatusPath = "/status"

// OutageNotice tells a company of an outage of an environment that it uses.
type OutageNotice struct {
	Environment models.EnvironmentName
	BeganAt     time.Time
	// EndedAt is nil while the outage lasts.
	EndedAt *time.Time
	// NeedsYou says that a connection of the company in the environment needs a person,
	// outage or not.
	NeedsYou bool
}

// ServiceTitanPage shows a company how each environment that it uses is doing.
type ServiceTitanPage struct {
	Visitor      accounts.Visitor
	Environments []EnvironmentHealth
	Clock        Clock
}

// EnvironmentHealth says how an environment is doing.
type EnvironmentHealth struct {
	Name models.EnvironmentName
	// Outage is the outage that goes on; nil if there is none.
	Outage *outage.Outage
	// TriedAt is when ServiceTitan was last asked for any connection; zero if that is not
	// known.
	TriedAt time.Time
	// Past are the outages of the last days that have ended, the newest first.
	Past []outage.Outage
}

// PastOutages is how far back the page about ServiceTitan shows outages.
const PastOutages = 30 * 24 * time.Hour

func (e EnvironmentHealth) tone() string {
	if e.Outage != nil {
		return "warn"
	}
	return "ok"
}

func (e EnvironmentHealth) icon() string {
	if e.Outage != nil {
		return "warn"
	}
	return "check"
}

func (e EnvironmentHealth) word() string {
	if e.Outage != nil {
		return "Problems"
	}
	return "Works"
}

// hasOwnPage says whether ServiceTitan has a status page for the environment.
func (e EnvironmentHealth) hasOwnPage() bool { return e.Name == servicetitan.Production }

// servicesStatus is ServiceTitan's own status page.
const servicesStatus = "https://status.servicetitan.com"

// howMany says in words how many connections have a problem.
func howMany(share int) string {
	switch {
	case share >= 95:
		return "Nearly every connection is affected."
	case share < 1:
		return "Few connections are affected."
	}
	return "About " + strconv.Itoa(share) + "% of all connections are affected."
}

// whatFails says in plain words what does not work in an outage.
func whatFails(o outage.Outage) string {
	if o.Endpoint == outage.API {
		return "Requests for data got no answer"
	}
	return "We couldn’t renew access"
}

// whatFailed says what did not work in an outage that has ended, and for how many.
func whatFailed(o outage.Outage) string {
	share := 0
	if most := max(o.Tenants, o.Peak); most > 0 {
		share = max(1, 100*o.Peak/most)
	}
	return whatFails(o) + ". Up to " + strconv.Itoa(share) + "% of all connections were affected."
}

// lasted returns how long an outage that has ended lasted.
func lasted(o outage.Outage) string {
	d := o.EndedAt.Sub(o.BeganAt)
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < time.Hour:
		return Plural(int(d.Minutes()), "minute", "minutes")
	}
	text := Plural(int(d.Hours()), "hour", "hours")
	if minutes := int(d.Minutes()) % 60; minutes > 0 {
		text += " and " + Plural(minutes, "minute", "minutes")
	}
	return text
}
