package views

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fieldbridge/fieldbridge/models/connect"
)

// Bar is one bar of a chart: a day of the health strip, or an hour.
type Bar struct {
	// X, Y, and Height are coordinates in a chart that is BarHeight high. A bar
	// begins every BarStep.
	X, Y, Height string
	// Tone is "ok", "warn", "bad", or "off".
	Tone string
	// Says describes the bar in words.
	Says string
}

// The dimensions of a chart of bars.
const (
	BarStep   = 10
	BarHeight = 40
)

// healthBars returns the days as bars. A bar is high for a day without a problem
// and lower for a day with one. It is a mere line for a day on which there was
// nothing to renew, such as a day before the connection or after its end.
func healthBars(days []connect.RenewalDay) []Bar {
	bars := make([]Bar, len(days))
	for i, d := range days {
		tone, height, says := "ok", BarHeight-2, "all renewals worked"
		switch {
		case d.DownFrom != nil:
			tone, height, says = "bad", BarHeight/3, downWords(d)
		case d.OK+d.Failed == 0:
			tone, height, says = "off", 4, "nothing to renew"
		case d.OK == 0:
			tone, height, says = "bad", BarHeight/3, "renewals did not work"
		case d.Failed > 0:
			tone, height, says = "warn", BarHeight*2/3, Plural(d.Failed, "renewal", "renewals")+" of "+strconv.Itoa(d.OK+d.Failed)+" did not work at first"
		}
		bars[i] = Bar{
			X: fmt.Sprintf("%d.5", i*BarStep+1), Y: strconv.Itoa(BarHeight - height), Height: strconv.Itoa(height),
			Tone: tone, Says: day(d.Day) + ": " + says,
		}
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

// day returns a day of the counters in the form that people read.
func day(iso string) string {
	t, err := time.Parse(time.DateOnly, iso)
	if err != nil {
		return iso
	}
	return t.Format(dayLayout)
}

// healthSum says how many of the days with something to renew had no problem. It
// counts the bars, so that the two cannot disagree.
func healthSum(days []connect.RenewalDay) string {
	counted, fine := 0, 0
	for _, bar := range healthBars(days) {
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
		return "No renewals"
	}
	return fmt.Sprintf("%d of %s without a problem", fine, Plural(counted, "day", "days"))
}

// troubledDays describes the days with a problem, newest first.
func troubledDays(bars []Bar) []string {
	var list []string
	for i := len(bars) - 1; i >= 0; i-- {
		if bars[i].Tone == "warn" || bars[i].Tone == "bad" {
			list = append(list, bars[i].Says)
		}
	}
	return list
}

// healthWords describes the strip for screen readers.
func healthWords(days []connect.RenewalDay) string {
	words := "Renewals of the last 30 days: " + healthSum(days) + "."
	if list := troubledDays(healthBars(days)); len(list) > 0 {
		words += " " + strings.Join(list, ". ") + "."
	}
	return words
}
