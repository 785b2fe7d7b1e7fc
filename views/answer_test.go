package views

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// answerCase is a page of a connection, and what it is about.
type answerCase struct {
	name string
	page ConnectionPage
}

// answerCases returns a page for each state, reason, outage, result of a test, setup, and
// part of the access that can come together.
func answerCases(t *testing.T) (list []answerCase) {
	ended := pagetest.Ago(time.Minute)
	outages := map[string][]OutageNotice{
		"no outage": nil, "outage": {{Environment: "production", BeganAt: *pagetest.Ago(time.Hour)}},
		"ended outage": {{Environment: "production", BeganAt: *pagetest.Ago(time.Hour), EndedAt: ended}},
	}
	setups := map[string]*models.Setup{
		"no setup":   nil,
		"our setup":  {Step: models.StepAddTenant, WaitsFor: models.Us, Since: pagetest.Noon},
		"your setup": {Step: models.StepAllowAccess, WaitsFor: models.TheCompany, Since: pagetest.Noon},
		"bad setup":  {Step: models.StepAddTenant, WaitsFor: models.TheCompany, Problem: models.OutcomeTenantUnknown, Since: pagetest.Noon},
	}
	tests := map[string]func(p *ConnectionPage){
		"no test": func(p *ConnectionPage) { p.Connection.TestedAt = nil },
		"passed": func(p *ConnectionPage) {
			p.Connection.TestedAt, p.Connection.TestPassed = pagetest.Ago(time.Hour), true
		},
		"failed": func(p *ConnectionPage) {
			p.Connection.TestedAt, p.Connection.TestPassed = pagetest.Ago(time.Second), false
		},
		"failed once": func(p *ConnectionPage) {
			p.Connection.TestedAt, p.Connection.TestPassed = pagetest.Ago(time.Hour), false
		},
		"just failed": func(p *ConnectionPage) {
			p.Connection.TestedAt, p.Connection.TestPassed, p.Tested = pagetest.Ago(time.Second), false, true
			p.Events = []models.Event{{Kind: models.EventTestFailed, Reason: models.ReasonUnavailable, At: *pagetest.Ago(time.Second)}}
		},
		"just passed": func(p *ConnectionPage) {
			p.Connection.TestedAt, p.Connection.TestPassed, p.Tested = pagetest.Ago(time.Second), true, true
			p.Check.AnsweredAt = pagetest.Ago(time.Second)
			p.Events = []models.Event{{Kind: models.EventTestPassed, At: *pagetest.Ago(time.Second)}}
		},
	}
	for _, state := range pagetest.Constants[models.State](t) {
		for _, reason := range pagetest.Constants[models.Reason](t) {
			if !reasonOf(state, reason) {
				continue
			}
			for outage, notices := range outages {
				for setup, s := range setups {
					for tested, test := range tests {
						for _, missing := range [][]models.Area{nil, models.Areas([]string{"tn.crm.bookings:rw"})} {
							for _, way := range []models.Way{models.SignInWay, models.GuidedWay, models.OwnCredentialsWay} {
								if !comesTogether(state, setup, tested, way, missing) {
									continue
								}
								c := pagetest.Connection(state)
								c.Reason, c.Way, c.UpgradeNeeded, c.SettingUp = reason, way, len(missing) > 0, s != nil
								if way != models.SignInWay {
									c.SecretAt = pagetest.Ago(time.Hour)
								}
								p := ConnectionPage{
									Visitor: pagetest.Visitor(accounts.Owner), Connection: c, Setup: s, Outages: notices, Missing: missing, Clock: testClock(),
									AppURL: "https://go.servicetitan.com/", Check: models.Check{AnsweredAt: pagetest.Ago(2 * time.Minute), DueAt: pagetest.Ago(-time.Minute)},
								}
								test(&p)
								list = append(list, answerCase{fmt.Sprint(state, ", ", reason, ", ", outage, ", ", setup, ", ", tested, ", missing ", len(missing), ", ", way), p})
							}
						}
					}
				}
			}
		}
	}
	return list
}

// comesTogether says whether there is something new in a combination.
func comesTogether(s models.State, setup, tested string, way models.Way, missing []models.Area) bool {
	works := s == models.Connected || s == models.Degraded
	switch {
	case !works && len(missing) > 0, works && way != models.SignInWay:
		return false
	case s == models.Disconnected && setup != "no setup", s == models.Pending && setup == "no setup":
		return false
	case s == models.ReconnectNeeded && way != models.OwnCredentialsWay && setup != "no setup":
		return false
	}
	return works || tested == "no test" || s == models.ReconnectNeeded && tested == "just failed"
}

// reasonOf says whether a connection in a state can have a reason.
func reasonOf(s models.State, r models.Reason) bool {
	switch s {
	case models.Connected:
		return r == models.ReasonNone || r == models.ReasonOurSide
	case models.Degraded:
		return r == models.ReasonUnavailable || r == models.ReasonRateLimited || r == models.ReasonOurSide
	case models.ReconnectNeeded:
		return r != models.ReasonNone
	case models.Pending, models.Disconnected:
	}
	return r == models.ReasonNone
}

// hasClass says whether an element has a class.
func hasClass(n *html.Node, class string) bool {
	return slices.Contains(strings.Fields(pagetest.Value(n, "class")), class)
}

// Whatever comes together, the page has one heading, one answer, no banner beside it, and
// at most one primary button, which is in the answer. It does not contradict itself.
func TestPageOfAConnectionHasOneAnswer(t *testing.T) {
	contradictions := map[string][]string{
		"Working.":                 {"Needs reconnect", "Retrying", "is disconnected", "did not work", "is not answering", "Your turn", "cannot reach", "still down"},
		"nothing you need to do":   {"We stopped trying, so", "Your turn:", "I have allowed it"},
		"nothing for you to do":    {"We stopped trying, so", "Your turn:", "I have allowed it"},
		"Connected, but":           {"Needs reconnect", "Retrying", "is disconnected"},
		"is disconnected.":         {"We keep trying", "Test connection", "Next try"},
		"We stopped trying, so":    {"Next try", "Test connection", "as before"},
		"have not reached":         {"as before", "nothing you need to do"},
		"Your turn: please check ": {"I have allowed it"},
	}
	answers := map[string]bool{}
	for _, c := range answerCases(t) {
		page := pagetest.Show(t, Connection(c.page))
		if n := len(page.All("h1")); n != 1 {
			t.Errorf("%s: %d main headings", c.name, n)
		}
		if len(page.Banners()) > 0 {
			t.Errorf("%s: there is a banner beside the answer", c.name)
		}
		var answer []*html.Node
		for _, n := range page.All("section") {
			if hasClass(n, "answer") {
				answer = append(answer, n)
			}
		}
		if len(answer) != 1 {
			t.Fatalf("%s: %d answers", c.name, len(answer))
		}
		primary, inside := 0, 0
		for _, n := range page.All("*") {
			if hasClass(n, "primary") {
				primary++
			}
		}
		for n := range answer[0].Descendants() {
			if n.Type == html.ElementNode && hasClass(n, "primary") {
				inside++
			}
		}
		if primary > 1 || inside != primary {
			t.Errorf("%s: %d primary buttons, %d of them in the answer", c.name, primary, inside)
		}
		words := pagetest.Text(answer[0])
		answers[c.page.title(c.page.verdict())] = true
		for says, others := range contradictions {
			for _, other := range others {
				whole := words
				if says == "Working." {
					whole = pagetest.Text(page.All("h1")[0]) + " " + words
				}
				unauthorized := c.page.Connection.Reason == models.ReasonUnauthorized && says == "nothing you need to do"
				if strings.Contains(words, says) && strings.Contains(whole, other) && !unauthorized {
					t.Errorf("%s: says %q and %q: %s", c.name, says, other, whole)
				}
			}
		}
		for _, bad := range []string{" .", "..", "  ", " ,"} {
			if strings.Contains(words, bad) {
				t.Errorf("%s: %q in: %s", c.name, bad, words)
			}
		}
		if t.Failed() {
			return
		}
	}
	if len(answers) < 12 {
		t.Errorf("there are only %d different answers: %v", len(answers), answers)
	}
}

// What ends a refusal depends on its reason, and is one button. Where there is a choice,
// a quieter one has the rest.
func TestCureOfARefusal(t *testing.T) {
	for _, tt := range []struct {
		way            models.Way
		reason         models.Reason
		primary, quiet string
	}{
		{models.SignInWay, models.ReasonGrantRefused, "Reconnect", ""},
		{models.SignInWay, models.ReasonUnauthorized, "", ""},
		{models.OwnCredentialsWay, models.ReasonClientRefused, "Replace secret", "Enter both again"},
		{models.GuidedWay, models.ReasonClientRefused, "Reconnect", ""},
		{models.OwnCredentialsWay, models.ReasonNotAllowed, "I have allowed it again", "Reconnect instead"},
		{models.GuidedWay, models.ReasonTenantUnknown, "Try again", "Reconnect instead"},
	} {
		c := pagetest.Connection(models.ReconnectNeeded)
		c.Reason, c.Way = tt.reason, tt.way
		if tt.way != models.SignInWay {
			c.SecretAt = pagetest.Ago(time.Hour)
		}
		page := pagetest.Show(t, Connection(ConnectionPage{Visitor: pagetest.Visitor(accounts.Member), Connection: c, Clock: testClock()}))
		primary, quiet := "", ""
		for _, n := range page.All("*") {
			switch {
			case hasClass(n, "primary"):
				primary += pagetest.Text(n)
			case hasClass(n, "quiet") && pagetest.Text(n) != "Menu":
				quiet += pagetest.Text(n)
			}
		}
		if primary != tt.primary || quiet != tt.quiet {
			t.Errorf("%s, %s: %q and %q, want %q and %q", tt.way, tt.reason, primary, quiet, tt.primary, tt.quiet)
		}
	}
}
