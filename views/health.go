package views

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/fieldbridge/fieldbridge/models/connect"
)

// Bar is one bar of a chart: a day of the health strip, or an hour.
type Bar struct {
	// X, Y, and Height are coordinates in a chart that is BarHeight high. A bar
	// begins half a unit after X, and the next one BarStep later.
	X, Y, Height int
	// Tone is "ok", "warn", "bad", or "off".
	Tone string
	// When is the day or hour, and Says describes the bar in words.
	When, Says string
}

// words describes the bar and says when it was.
func (b Bar) words() string { return b.When + ": " + b.Says }

// The dimensions of a chart of bars.
const (
	BarStep   = 10
	BarHeight = 40
)

// Bars draws the bars of a chart.
func Bars(bars []Bar) templ.Component {
	return byHand(func(p *pen) { p.bars(bars) })
}

// bars draws the bars of a chart.
func (p *pen) bars(bars []Bar) {
	for _, bar := range bars {
		p.html(`<rect data-tone="`)
		p.text(bar.Tone)
		p.html(`" x="`)
		p.number(bar.X)
		p.html(`.5" y="`)
		p.number(bar.Y)
		p.html(`" height="`)
		p.number(bar.Height)
		p.html(`"><title>`)
		p.text(bar.When)
		p.html(`: `)
		p.text(bar.Says)
		p.html(`</title></rect>`)
	}
}

// days draws the bars of days. The stylesheet gives them their shapes.
func (p *pen) days(bars []Bar) {
	for _, bar := range bars {
		p.html(`<rect data-tone="`)
		p.text(bar.Tone)
		p.html(`" x="`)
		p.number(bar.X)
		p.html(`.5"><title>`)
		p.text(bar.When)
		p.html(`: `)
		p.text(bar.Says)
		p.html(`</title></rect>`)
	}
}

// healthBars returns the days as bars. A bar is high for a day without a problem
// and lower for a day with one. It is a mere line for a day on which there was
// nothing to renew, such as a day before the connection or after its end.
func healthBars(days []connect.RenewalDay) []Bar {
	bars := make([]Bar, len(days))
	for i, d := range days {
		tone, says := "ok", "all renewals worked"
		switch {
		case d.DownFrom != nil:
			tone, says = "bad", downWords(d)
		case d.OK+d.Failed == 0:
			tone, says = "off", "nothing to renew"
		case d.OK == 0:
			tone, says = "bad", "renewals did not work"
		case d.Failed > 0:
			tone, says = "warn", Plural(d.Failed, "renewal", "renewals")+" of "+strconv.Itoa(d.OK+d.Failed)+" did not work at first"
		}
		bars[i] = dayBar(i, d.Day, tone, says)
	}
	return bars
}

// dayBar returns the bar of the day in a place.
func dayBar(place int, date, tone, says string) Bar {
	return Bar{X: place*BarStep + 1, Tone: tone, When: day(date), Says: says}
}

// checkBars returns the checks of the days as bars, with the same shapes as healthBars.
func checkBars(days []connect.RenewalDay, stopped *time.Time) []Bar {
	bars, since := make([]Bar, len(days)), ""
	if stopped != nil {
		since = stopped.UTC().Format(time.DateOnly)
	}
	for i, d := range days {
		tone, says := "ok", "ServiceTitan answered all checks"
		switch {
		case since != "" && d.Day >= since:
			tone, says = "warn", "nothing got through for part of the day"
		case d.ChecksOK+d.ChecksFailed == 0:
			tone, says = "off", "no checks"
		case d.ChecksOK == 0:
			tone, says = "bad", "no check worked"
		case d.ChecksFailed > 0:
			tone, says = "warn", Plural(d.ChecksFailed, "check", "checks")+" of "+strconv.Itoa(d.ChecksOK+d.ChecksFailed)+" did not work"
		}
		bars[i] = dayBar(i, d.Day, tone, says)
	}
	return bars
}

// downWords says for which part of a day the connection needed a person.
func downWords(d connect.RenewalDay) string {
	switch from := d.DownFrom.UTC(); {
	case d.UpAgain:
		return "not connected for part of the day"
	case from.Equal(from.Truncate(24 * time.Hour)):
		return "not connected"
	default:
		return "not connected since " + from.Format(minuteLayout) + " UTC"
	}
}

// dayNames has the days of a leap year in the form that people read.
var dayNames = nameDays()

func nameDays() map[string]string {
	names := make(map[string]string, 366)
	for t := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC); t.Year() == 2000; t = t.AddDate(0, 0, 1) {
		names[t.Format("01-02")] = t.Format(dayLayout)
	}
	return names
}

// day returns a day of the counters in the form that people read.
func day(iso string) string {
	_, monthAndDay, _ := strings.Cut(iso, "-")
	if name, ok := dayNames[monthAndDay]; ok {
		return name
	}
	return iso
}

// healthSum says how many of the days with something to renew had no problem. It
// counts the bars, so that the two cannot disagree.
func healthSum(bars []Bar) string {
	counted, fine := 0, 0
	for _, bar := range bars {
		switch bar.Tone {
		case "off":
		case "ok":
			fine++
			fallthrough
		default:
			counted++
		}
	}
	if counted == 0 {
		return "None"
	}
	return strconv.Itoa(fine) + " of " + Plural(counted, "day", "days") + " without a problem"
}

// troubledDays describes the days with a problem, newest first. Days in a row about which
// there is the same to say are one entry.
func troubledDays(bars []Bar) []string {
	var list []string
	for i := len(bars) - 1; i >= 0; i-- {
		last := bars[i]
		if last.Tone != "warn" && last.Tone != "bad" {
			continue
		}
		for i > 0 && bars[i-1].Says == last.Says {
			i--
		}
		if bars[i].When == last.When {
			list = append(list, last.words())
		} else {
			list = append(list, bars[i].When+" to "+last.words())
		}
	}
	return list
}

// daysInTrouble counts the days with a problem.
func daysInTrouble(bars []Bar) (n int) {
	for _, bar := range bars {
		if bar.Tone == "warn" || bar.Tone == "bad" {
			n++
		}
	}
	return n
}

// healthWords describes a strip of renewals or checks for screen readers.
func healthWords(what string, bars []Bar) string {
	words := what + " of the last 30 days: " + healthSum(bars) + "."
	if list := troubledDays(bars); len(list) > 0 {
		words += " " + strings.Join(list, ". ") + "."
	}
	return words
}

// HealthStrip shows the renewals and the checks of the last 30 days, and the times without
// any because somebody had to reconnect. A high bar is a day without a problem, a lower one
// a day with problems, and a mere line a day without data. The days before a connection
// that began in that time have no bar, and until a day is over, there are none at all.
//
// If nothing gets through since a moment, no check can be made. The days since then count as
// days with a problem.
func HealthStrip(days []connect.RenewalDay, began time.Time, stopped *time.Time) templ.Component {
	return byHand(func(p *pen) {
		first := firstDay(days, began)
		p.html(`<section class="card" aria-labelledby="health"><header><h2 id="health">Last 30 days</h2><small>Days in UTC</small></header><div class="body stack">`)
		if first == len(days)-1 && healthy(days[first]) && stopped == nil {
			p.html(`<p class="sm muted">History starts today. From tomorrow, each day has a bar here: high without a problem, low with one.</p></div></section>`)
			return
		}
		renewals, checks := healthBars(days)[first:], checkBars(days, stopped)[first:]
		p.strip("Renewals", renewals)
		p.strip("Checks", checks)
		p.html(`<div class="stack tight"><div class="row split"><small>`)
		if first == 0 {
			p.html(`30 days ago`)
		} else {
			p.html(`History starts `)
			p.text(day(days[first].Day))
		}
		p.html(`</small><small>Today</small></div>`)
		if slices.ContainsFunc(renewals, notHigh) || slices.ContainsFunc(checks, notHigh) {
			p.html(`<small class="muted">High: no problem. Low: problems. Line: no data.</small>`)
		}
		p.html(`</div></div></section>`)
	})
}

// healthy says whether a day had no problem.
func healthy(d connect.RenewalDay) bool {
	return d.DownFrom == nil && d.Failed == 0 && d.ChecksFailed == 0
}

// notHigh says whether the bar needs a word about its height.
func notHigh(b Bar) bool { return b.Tone != "ok" }

// firstDay returns the place of the first day of a history: the first one, unless the
// connection began later. Then it is the first day with data.
func firstDay(days []connect.RenewalDay, began time.Time) int {
	if len(days) == 0 || began.IsZero() || began.UTC().Format(time.DateOnly) <= days[0].Day {
		return 0
	}
	for i, d := range days {
		if d.OK+d.Failed+d.ChecksOK+d.ChecksFailed > 0 || d.DownFrom != nil {
			return i
		}
	}
	return len(days) - 1
}

// strip shows a bar for each day, and lists the days with a problem.
func (p *pen) strip(what string, bars []Bar) {
	p.html(`<div class="stack tight"><div class="row split"><h3>`)
	p.text(what)
	p.html(`</h3> <small>`)
	p.text(healthSum(bars))
	p.html(`</small></div><svg class="bars days" viewBox="0 0 300 40" preserveAspectRatio="none" role="img" aria-label="`)
	p.text(healthWords(what, bars))
	p.html(`">`)
	p.days(bars)
	p.html(`</svg>`)
	if list := troubledDays(bars); len(list) > 0 {
		p.html(`<details class="sm"><summary>`)
		p.text(Plural(daysInTrouble(bars), "day", "days"))
		p.html(` with a problem</summary><ul role="list">`)
		for _, line := range list {
			p.html(`<li>`)
			p.text(line)
			p.html(`</li>`)
		}
		p.html(`</ul></details>`)
	}
	p.html(`</div>`)
}
