package views

import (
	"slices"
	"testing"

	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// testDemo returns a demo with one of everything, with the same words everywhere.
func testDemo(words string) *Demo {
	account := DemoAccount{Who: words, Email: words, Password: words, Sees: words}
	return &Demo{
		Accounts: []DemoAccount{account}, SandboxURL: "/sandbox", MailboxURL: "/sandbox/mailbox",
		Journeys: []Journey{{
			Title: words, Shows: words, Minutes: 2, Steps: []JourneyStep{{Text: words}, {Text: "Choose *Continue*, then *Allow*"}, {Text: "Read it.", Look: true}},
			Starts: []JourneyStart{{Label: words, Account: account, Next: "connect"}, {Label: "Go on as Priya", Account: account}},
			Links:  []JourneyLink{{Label: "Requests", URL: "/sandbox/requests?live=1"}},
		}},
	}
}

func TestStepsNameButtons(t *testing.T) {
	for step, want := range map[string][]phrase{
		"Wait.":                        {{"Wait.", false}},
		"*Allow* it":                   {{"Allow", true}, {" it", false}},
		"Choose *Continue*":            {{"Choose ", false}, {"Continue", true}},
		"Choose *Try again*, *Allow*.": {{"Choose ", false}, {"Try again", true}, {", ", false}, {"Allow", true}, {".", false}},
		"":                             nil,
	} {
		if got := phrases(step); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", step, got, want)
		}
	}
}

func TestDemoTour(t *testing.T) {
	p := pagetest.Show(t, DemoTour(testDemo("Dana, owner"), StepsDone{{true, false, false}}, 1))
	p.Says("Contractor", "Dana, owner", "1 of 2", "2 min", "Done: Dana, owner", "To look at: Read it.", "Choose Continue, then Allow", "Go on as Priya", "Requests (opens in a new tab)")
	p.DoesNotSay("*")
	var primary, next []string
	for _, n := range p.All("button") {
		if pagetest.Value(n, "class") == "btn primary" {
			primary = append(primary, pagetest.Text(n))
		}
	}
	for _, n := range p.All("input") {
		if pagetest.Value(n, "name") == "next" {
			next = append(next, pagetest.Value(n, "value"))
		}
	}
	if !slices.Equal(primary, []string{"Dana, owner (opens in a new tab)"}) || !slices.Equal(next, []string{"connect"}) {
		t.Errorf("primary buttons %q lead to %q", primary, next)
	}
	if !slices.Equal(p.Actions(), []string{"/signin", "/signin", "/signin"}) {
		t.Errorf("forms post to %q", p.Actions())
	}
}

// The banner reaches the frame of every page through the context. It comes after
// the link that skips to the content.
func TestBannerComesByTheContext(t *testing.T) {
	ctx := InDemo(t.Context(), testDemo("Dana, owner"), "Dana Whitfield")
	for name, page := range everyPage() {
		pagetest.Bannered(ctx, t, name, page)
		pagetest.Show(t, page).DoesNotSay("Nothing here is real")
	}
}
