package staff

import (
	"fmt"
	"time"

	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views"
)

// hourBars returns the hours as bars. The height shows the renewals of the hour,
// compared with the busiest hour. A second bar over the top of the first shows the
// share that failed, so that one failure in a thousand looks like one.
func hourBars(hours []support.RenewalHour, clock views.Clock) []views.Bar {
	most := int64(1)
	for _, h := range hours {
		most = max(most, h.OK+h.Failed)
	}
	var bars []views.Bar
	for i, h := range hours {
		all := h.OK + h.Failed
		tone, says := "ok", views.Thousands(h.OK)+" worked"
		switch {
		case all == 0:
			tone, says = "off", "nothing to renew"
		case h.OK == 0:
			tone, says = "bad", "all "+views.Thousands(h.Failed)+" failed"
		case h.Failed > 0:
			says += ", " + views.Thousands(h.Failed) + " failed"
		}
		height := 2 + int(all*(views.BarHeight-4)/most)
		bar := views.Bar{
			X: i*views.BarStep + 1, Y: views.BarHeight - height, Height: height,
			Tone: tone, When: clock.Stamp(h.Begins()), Says: says,
		}
		bars = append(bars, bar)
		if h.OK > 0 && h.Failed > 0 {
			bar.Tone, bar.Height = "bad", max(leastFailed, int(int64(height)*h.Failed/all))
			bars = append(bars, bar)
		}
	}
	return bars
}

// leastFailed is the minimum height of the bar of failures, so that people can see
// it.
const leastFailed = 2

func renewalsOf(hours []support.RenewalHour) (ok, failed int64) {
	for _, h := range hours {
		ok, failed = ok+h.OK, failed+h.Failed
	}
	return ok, failed
}

// renewalShare returns the percentage of renewals that worked. It is rounded down
// so that 100% means all.
func renewalShare(hours []support.RenewalHour) string {
	ok, failed := renewalsOf(hours)
	switch {
	case ok+failed == 0:
		return "None"
	case failed == 0:
		return "100%"
	}
	hundredths := ok * 10_000 / (ok + failed)
	return fmt.Sprintf("%d.%02d%%", hundredths/100, hundredths%100)
}

// renewalSum says the same in numbers.
func renewalSum(hours []support.RenewalHour, clock views.Clock) string {
	ok, failed := renewalsOf(hours)
	if ok+failed == 0 {
		return "Nothing was renewed" + sinceFirst(hours, clock) + "."
	}
	return views.Thousands(ok) + " of " + views.Thousands(ok+failed) + sinceFirst(hours, clock) + "."
}

// sinceFirst says when the count of hours begins. The first hour is complete, and
// the last has just begun.
func sinceFirst(hours []support.RenewalHour, clock views.Clock) string {
	if len(hours) == 0 {
		return ""
	}
	return " since " + clock.On(hours[0].Begins())
}

// lag describes how late a renewal is.
func lag(d time.Duration) string {
	switch {
	case d < time.Second:
		return "Nothing is late"
	case d < time.Minute:
		return views.Plural(int(d.Seconds()), "second", "seconds")
	case d < time.Hour:
		return views.Plural(int(d.Minutes()), "minute", "minutes")
	}
	return views.Plural(int(d.Hours()), "hour", "hours")
}

// counted returns a number that may have been counted only up to a limit.
func counted(n int) string {
	if n >= support.CountedUpTo {
		return views.Thousands(int64(n)) + " or more"
	}
	return views.Thousands(int64(n))
}
