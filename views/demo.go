package views

import (
	"context"
	"strings"
)

// Demo is the data that only the pages of a demo show.
type Demo struct {
	// Accounts are the sign-ins that the demo offers to everyone, one click each.
	Accounts []DemoAccount
	Journeys []Journey
	// Done says which steps of the journeys have been done since the demo began. It may
	// be nil.
	Done func(context.Context) (StepsDone, error)
	// TenantID is one that anybody may connect.
	TenantID int64
	// SandboxURL is the sandbox's control page. MailboxURL shows the mails that a
	// demo does not send.
	SandboxURL, MailboxURL string
}

// DemoAccount is a sign-in that is not secret.
type DemoAccount struct {
	// Who describes the person: "Dana Whitfield, owner at Northgate".
	Who, Email, Password string
	// Sees says in a few words what the person finds: "Nothing connected yet".
	Sees string
}

// name returns the person's name.
func (a DemoAccount) name() string {
	name, _, _ := strings.Cut(a.Who, ",")
	return name
}

// firstName returns the person's first name.
func (a DemoAccount) firstName() string {
	name, _, _ := strings.Cut(a.name(), " ")
	return name
}

type demoKey struct{}

// shownDemo is a demo as one visitor sees it.
type shownDemo struct {
	*Demo
	// who is the name of the person who is signed in. It is empty if nobody is. In
	// a demo, a click changes the person for all tabs.
	who string
}

// InDemo returns a context whose pages belong to a demo. who is the person who is
// signed in, if anybody is. The banner is on every page, so the demo travels in the
// context that components get anyway. As an argument, it would pass through each
// page's own data for a line that only a demo shows.
func InDemo(ctx context.Context, d *Demo, who string) context.Context {
	return context.WithValue(ctx, demoKey{}, shownDemo{d, who})
}

// demoOf returns the demo that a page is shown in. Its Demo is nil outside a demo.
func demoOf(ctx context.Context) shownDemo {
	d, _ := ctx.Value(demoKey{}).(shownDemo)
	return d
}

// IsDemo reports whether the page is shown in a demo.
func IsDemo(ctx context.Context) bool { return demoOf(ctx).Demo != nil }
