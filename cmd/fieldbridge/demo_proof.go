package main

import (
	"context"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/demo"
)

// done returns which steps of the journeys have been done since the demo began. It asks
// the database once.
func (d demoApp) done(ctx context.Context) (handlers.StepsDone, error) {
	journeys := demoJourneys(d.boxURL, newDemoPeople())
	tenants := make([]int64, len(journeys))
	for i, j := range journeys {
		tenants[i] = j.tenant
	}
	happened, err := d.data.Happened(ctx, tenants)
	if err != nil {
		return nil, err
	}
	all := make(handlers.StepsDone, len(journeys))
	for i, j := range journeys {
		of := tracks{j.tenant, happened, d.box}
		all[i] = make([]bool, len(j.steps))
		for k, step := range j.steps {
			all[i][k] = step.done != nil && step.done(of)
		}
	}
	return all, nil
}

// tracks are what a visitor's steps leave behind, in the database and in the sandbox.
type tracks struct {
	tenant   int64
	happened map[demo.Happening]time.Time
	box      *sandbox.Sandbox
}

// last returns when an event happened last to the tenant's connection, or zero.
func (t tracks) last(kind models.EventKind, byPerson bool) time.Time {
	return t.happened[demo.Happening{TenantID: t.tenant, Kind: kind, ByPerson: byPerson}]
}

// proof reports whether a step was done.
type proof func(tracks) bool

// event says that an event happened to the connection.
func event(kind models.EventKind) proof {
	return func(t tracks) bool { return !t.last(kind, false).IsZero() }
}

// byPerson says that a person caused an event.
func byPerson(kind models.EventKind) proof {
	return func(t tracks) bool { return !t.last(kind, true).IsZero() }
}

// renewedAfter says that access was renewed after a person caused an event.
func renewedAfter(kind models.EventKind) proof {
	return func(t tracks) bool {
		since := t.last(kind, true)
		return !since.IsZero() && t.box.RenewedSince(t.tenant, since)
	}
}

// deed says that somebody has done something at the sandbox.
func deed(what sandbox.Deed) proof {
	return func(t tracks) bool { return !t.box.Happened(what, t.tenant).IsZero() }
}

// askedAgain says that somebody came to the consent page again after they had denied
// access.
func askedAgain(t tracks) bool {
	denied := t.box.Happened(sandbox.Denied, t.tenant)
	return !denied.IsZero() && t.box.Happened(sandbox.Asked, t.tenant).After(denied)
}

// everywhere says that somebody has done something to the whole sandbox.
func everywhere(what sandbox.Deed) proof {
	return func(t tracks) bool { return !t.box.Happened(what, 0).IsZero() }
}

// opened says that somebody has opened a letter to a person.
func opened(who handlers.DemoAccount, subject string) proof {
	return func(t tracks) bool { return t.box.Opened(who.Email, subject) }
}

// verified says that a genuine webhook message of a kind has come about the tenant.
func verified(kind string) proof {
	return func(t tracks) bool { return t.box.Verified(kind, t.tenant) }
}

// noFault says that no fault waits for the tenant's requests.
func noFault(t tracks) bool {
	for _, planned := range t.box.Faults() {
		if planned.TenantID == t.tenant {
			return false
		}
	}
	return true
}

// installed says how far the tenant is with the app.
func installed(enough func(sandbox.Install) bool) proof {
	return func(t tracks) bool { return enough(t.box.InstallOf(t.tenant)) }
}

func allowed(i sandbox.Install) bool      { return i.Allowed }
func firstSecret(i sandbox.Install) bool  { return i.First }
func secondSecret(i sandbox.Install) bool { return i.Second }
