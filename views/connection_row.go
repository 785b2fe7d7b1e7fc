package views

import (
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/connect"
)

// tries says when ServiceTitan was last asked without success, and when it is asked next.
func tries(last, next *time.Time, clock Clock) templ.Component {
	return byHand(func(p *pen) {
		if last != nil {
			p.html(`Last tried `)
			p.time(*last, clock.At(*last))
			if next != nil {
				p.html(`, next try `)
			}
		} else if next != nil {
			p.html(`Next try `)
		}
		switch {
		case next == nil:
		case next.After(clock.Now):
			p.time(*next, clock.At(*next))
		default:
			p.html(`in a moment`)
		}
	})
}

// howTheyAre sums up the states of several connections: first what needs a person, and
// then what we do.
func howTheyAre(list []connect.InOverview) string {
	needed, toAllow, turns, trouble, working, pending := 0, 0, 0, 0, 0, 0
	for _, c := range list {
		switch {
		case c.WaitsFor == models.TheCompany && !c.ToAllow:
			turns++
		case c.ToAllow || c.Refreshable() && c.UpgradeNeeded:
			toAllow++
		case c.State == models.Pending || c.State == models.ReconnectNeeded && c.WaitsFor == models.Us:
			pending++
		case c.State == models.ReconnectNeeded:
			needed++
		case ShownState(c.Connection) == models.Degraded:
			trouble++
		case c.Refreshable():
			working++
		}
	}
	first := ""
	switch {
	case needed == 1:
		first = "One connection needs you to reconnect it."
	case needed > 1:
		first = strconv.Itoa(needed) + " connections need you to reconnect them."
	case toAllow == 1:
		first = "One connection needs your OK in ServiceTitan."
	case toAllow > 1:
		first = strconv.Itoa(toAllow) + " connections need your OK in ServiceTitan."
	case turns > 0:
		first = "A setup needs you."
	}
	return sentences(first, troubleWords(trouble), restWords(first != "" || trouble > 0, pending, working))
}

// troubleWords says that we try to end the trouble of connections.
func troubleWords(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "One connection is having trouble. We are on it."
	}
	return strconv.Itoa(n) + " connections are having trouble. We are on it."
}

// restWords says how it is if nobody has to act, and nothing is in trouble.
func restWords(said bool, pending, working int) string {
	switch {
	case said:
		return ""
	case pending > 0:
		return "A setup is under way."
	case working == 0:
		return "Nothing is connected right now."
	}
	return "Nothing needs you right now."
}

// sentences joins those that are not empty.
func sentences(list ...string) string {
	all := ""
	for _, s := range list {
		if s != "" && all != "" {
			all += " "
		}
		all += s
	}
	return all
}
