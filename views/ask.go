package views

import (
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/connect"
)

// AskPath returns the address of an owner's page about an ask.
func AskPath(id uuid.UUID) string { return "/asks/" + id.String() }

// askEnds says how an ask ended.
var askEnds = map[connect.AskEnd]StateWords{
	connect.AskUsed:         {"ok", "ok", "Done"},
	connect.AskWithdrawn:    {"off", "off", "Canceled"},
	connect.AskReplaced:     {"off", "off", "Replaced by a newer link"},
	connect.AskConnected:    {"off", "off", "No longer needed: it was connected without this link"},
	connect.AskDisconnected: {"off", "off", "Ended when the connection or its setup ended"},
}

// askNews says how far an ask has come.
func askNews(a connect.Ask, clock Clock) StateWords {
	switch {
	case a.Ended != "":
		return askEnds[a.Ended]
	case !a.Open(clock.Now):
		return StateWords{"off", "clock", "Expired"}
	case a.AwaySince != nil:
		return StateWords{"info", "ext", "At ServiceTitan"}
	case a.OpenedAt != nil:
		return StateWords{"info", "eye", "Opened"}
	}
	return StateWords{"info", "clock", "Not opened yet"}
}

const (
	// askWatched is how long after a change an owner's page reloads by itself.
	askWatched = 30 * time.Minute
	// askPause is the time between two reloads, in seconds.
	askPause = 15
)

// refresh returns after how many seconds the page reloads, or 0 if it does not. It
// does so only if the reader asked for it. A page that is left open stops after a
// while.
func (p AskPage) refresh() int {
	last := p.Ask.CreatedAt
	for _, at := range []*time.Time{p.Ask.OpenedAt, p.Ask.AwaySince} {
		if at != nil {
			last = *at
		}
	}
	if p.Live && p.Ask.Open(p.Clock.Now) && p.Clock.Now.Sub(last) < askWatched {
		return askPause
	}
	return 0
}

// askedFor says what the person is asked to do.
var askedFor = map[models.Way]string{
	models.SignInWay:         "Sign in with ServiceTitan and allow Fieldbridge",
	models.GuidedWay:         "Allow Fieldbridge in ServiceTitan",
	models.OwnCredentialsWay: "Enter a client ID and secret from ServiceTitan",
}

// askedNext overrides what to do next where the person who was asked cannot change
// the choice.
//
//exhaustive:ignore
var askedNext = map[models.Outcome]string{
	models.OutcomeTenantTaken:   "Ask the person who sent you the link to check the tenant ID. If it is right, Fieldbridge support can help with the code below.",
	models.OutcomeTenantUnknown: "Compare the number with My Tenant ID, at the top right of Settings, Integrations, API Application Access. If it differs, ask the person who sent you the link for a new one.",
	models.OutcomeWrongTenant:   "Sign out of ServiceTitan, then try again and sign in to the right company. If the tenant ID above is wrong, ask the person who sent you the link for a new one.",
	models.OutcomeStartAgain:    "Try again in this browser and finish within 10 minutes. It takes about a minute.",
}

// setupTurn says whose turn it is in a setup, for a person without an account.
type setupTurn int

const (
	nobodysTurn setupTurn = iota
	ourTurn
	theirTurn
)

// turnOf returns whose turn it is. setup is nil if none is open.
func turnOf(setup *models.Setup) setupTurn {
	switch {
	case setup == nil:
		return nobodysTurn
	case setup.Step == models.StepAddTenant:
		return ourTurn
	case setup.Step == models.StepAllowAccess:
		return theirTurn
	}
	return nobodysTurn
}
