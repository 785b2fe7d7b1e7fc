package views

import (
	"fmt"
	"strconv"
	"strings"
)

// Journey is a short tour of the demo that shows one thing.
type Journey struct {
	Title, Shows string
	Audience     Audience
	// Minutes is about how long it takes.
	Minutes int
	// Steps say what to do, in order.
	Steps []JourneyStep
	// Starts sign a person in. The first one begins the journey.
	Starts []JourneyStart
	Links  []JourneyLink
}

// JourneyStep is one thing to do.
type JourneyStep struct {
	// Text says what to do. Words between asterisks are the name of a button or a page.
	Text string
	// Look says that nobody can know whether the step was done, because it is about
	// looking at something.
	Look bool
}

// Audience is who a journey is for.
type Audience int

// The audiences, in the order of the page.
const (
	ForContractors Audience = iota
	ForSupport
	ForEngineers
	ForTrouble
)

// audiences has the headings of the audiences.
var audiences = [...]string{
	ForContractors: "Contractor", ForSupport: "Support", ForEngineers: "Integration engineer", ForTrouble: "When things go wrong",
}

// JourneyStart signs a person in at the page where a step of a journey begins.
type JourneyStart struct {
	Label   string // "Start as Dana"
	Account DemoAccount
	// Next is the page that it leads to, by the name that the sign-in form uses. It
	// is empty for the start.
	Next string
}

// JourneyLink leads to a page outside the app.
type JourneyLink struct{ Label, URL string }

// StepsDone says for each journey which of its steps have been done.
type StepsDone [][]bool

// tour is a journey on the page, with what has been done of it.
type tour struct {
	Journey
	// n is its number, counted from 1.
	n    int
	done []bool
	// back and next are the numbers of the tours before and after it on the page. They
	// are 0 at the ends.
	back, next int
}

// toursFor is the part of the page for an audience.
type toursFor struct {
	heading string
	tours   []tour
}

// toursOf returns the journeys by audience, in the order of the page.
func toursOf(journeys []Journey, done StepsDone) []toursFor {
	var parts []toursFor
	var before *tour
	for audience, heading := range audiences {
		part := toursFor{heading: heading}
		for i, j := range journeys {
			if j.Audience != Audience(audience) {
				continue
			}
			t := tour{Journey: j, n: i + 1, done: make([]bool, len(j.Steps))}
			if i < len(done) {
				copy(t.done, done[i])
			}
			part.tours = append(part.tours, t)
		}
		if len(part.tours) == 0 {
			continue
		}
		for i := range part.tours {
			t := &part.tours[i]
			if before != nil {
				before.next, t.back = t.n, before.n
			}
			before = t
		}
		parts = append(parts, part)
	}
	return parts
}

// count returns how many steps have been done, of those that anybody can know about.
func (t tour) count() (done, all int) {
	for i, step := range t.Steps {
		if step.Look {
			continue
		}
		all++
		if t.done[i] {
			done++
		}
	}
	return done, all
}

// finished reports whether everything was done that anybody can know about.
func (t tour) finished() bool {
	done, all := t.count()
	return all > 0 && done == all
}

// progress says how far the visitor is. It is empty before the first step.
func (t tour) progress() string {
	switch done, all := t.count(); done {
	case 0:
		return ""
	case all:
		return "Done"
	default:
		return fmt.Sprintf("%d of %d", done, all)
	}
}

// id returns the ID of the tour's heading.
func (t tour) id() string { return journeyID(t.n) }

// time says how long the tour takes.
func (t tour) time() string { return strconv.Itoa(t.Minutes) + " min" }

// tourLink returns the address of a tour. The page opens it.
func tourLink(n int) string { return fmt.Sprintf("/demo?tour=%d#%s", n, journeyID(n)) }

// journeyID returns the ID of a journey's heading, counted from 1.
func journeyID(n int) string { return "journey-" + strconv.Itoa(n) }

// phrase is a part of a step.
type phrase struct {
	text string
	name bool // the name of a button or a page
}

// phrases splits a step at its asterisks.
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
