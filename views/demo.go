package views

import (
	"context"
	"strconv"
	"strings"
)

// Demo is what the pages of a demo show beside what they always show.
type Demo struct {
	// Accounts are offered to everyone, each a click away.
	Accounts []DemoAccount
	Journeys []Journey
	// SandboxURL is the stand-in's control page, MailboxURL where the mails are
	// that a demo does not send.
	SandboxURL, MailboxURL string
}

// DemoAccount is a sign-in that is no secret.
type DemoAccount struct {
	// Who says whose it is: "Dana Whitfield, owner at Northgate".
	Who, Email, Password string
	// Sees says in a few words what she finds: "Nothing connected yet".
	Sees string
}

// name is the person's name.
func (a DemoAccount) name() string {
	name, _, _ := strings.Cut(a.Who, ",")
	return name
}

// Journey is a short way through the demo that shows one thing.
type Journey struct {
	Title, Shows string
	// Steps are what to do, in order. What stands between asterisks is a button's
	// or a page's own name.
	Steps []string
	// Starts sign somebody in; the first begins the journey.
	Starts []JourneyStart
	Links  []JourneyLink
}

// JourneyStart signs somebody in where a step of a journey is done.
type JourneyStart struct {
	Label   string // "Start as Dana"
	Account DemoAccount
	// Next is the name of the page that it leads to, as the sign-in form has it;
	// empty for the start.
	Next string
}

// JourneyLink leads to a page beside the app.
type JourneyLink struct{ Label, URL string }

// phrase is a part of a step.
type phrase struct {
	text string
	name bool // a button's or a page's own name
}

// phrases parts a step at its asterisks.
func phrases(step string) []phrase {
	var list []phrase
	name := false
	for text := range strings.SplitSeq(step, "*") {
		if text != "" {
			list = append(list, phrase{text, name})
		}
		name = !name
	}
	return list
}

// journeyID is the ID of a journey's heading, counted from 1.
func journeyID(n int) string { return "journey-" + strconv.Itoa(n) }

type demoKey struct{}

// shownDemo is a demo as one visitor sees it.
type shownDemo struct {
	*Demo
	// who is the name of the person who is signed in; empty for nobody. In a demo
	// it changes with a click, for all tabs.
	who string
}

// InDemo returns a context whose pages are a demo's, shown to who is signed in,
// if anybody is. Every page has the banner, and what goes into every page comes
// by the context that components get anyway: as an argument it would go through
// each page's own data, for a line that is never there outside a demo.
func InDemo(ctx context.Context, d *Demo, who string) context.Context {
	return context.WithValue(ctx, demoKey{}, shownDemo{d, who})
}

// demoOf is the demo that a page is shown in; it has none outside one.
func demoOf(ctx context.Context) shownDemo {
	d, _ := ctx.Value(demoKey{}).(shownDemo)
	return d
}

// IsDemo reports whether the page is shown in a demo.
func IsDemo(ctx context.Context) bool { return demoOf(ctx).Demo != nil }
