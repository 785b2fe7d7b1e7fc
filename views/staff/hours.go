package staff

import (
	"fmt"
	"strconv"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/views"
)

// hourBars are the hours as bars: as high as the hour had renewals, beside the
// hour with the most. Where some failed, a second bar covers the top of the first,
// as much of it as failed, so that one failure in a thousand looks like one.
func hourBars(hours []models.RenewalHour, clock views.Clock) []views.Bar {
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
			X: fmt.Sprintf("%d.5", i*views.BarStep+1), Y: strconv.Itoa(views.BarHeight - height), Height: strconv.Itoa(height),
			Tone: tone, Says: clock.Stamp(h.Begins()) + ": " + says,
		}
		bars = append(bars, bar)
		if h.OK > 0 && h.Failed > 0 {
			bar.Tone, bar.Height = "bad", strconv.Itoa(max(leastFailed, int(int64(height)*h.Failed/all)))
			bars = append(bars, bar)
		}
	}
	return bars
}

// leastFailed is how high the bar of failures is at least, so that it can be seen.
const leastFailed = 2

func renewalsOf(hours []models.RenewalHour) (ok, failed int64) {
	for _, h := range hours {
		ok, failed = ok+h.OK, failed+h.Failed
	}
	return ok, failed
}

// renewalShare is how many of the renewals worked, in per cent, rounded down so
// that 100% means all.
func renewalShare(hours []models.RenewalHour) string {
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
func renewalSum(hours []models.RenewalHour, clock views.Clock) string {
	ok, failed := renewalsOf(hours)
	if ok+failed == 0 {
		return "Nothing was renewed" + sinceFirst(hours, clock) + "."
	}
	return views.Thousands(ok) + " of " + views.Thousands(ok+failed) + sinceFirst(hours, clock) + "."
}

// sinceFirst says from when on the hours are counted: the first is a whole one,
// and the last has just begun.
func sinceFirst(hours []models.RenewalHour, clock views.Clock) string {
	if len(hours) == 0 {
		return ""
	}
	return " since " + clock.On(hours[0].Begins())
}

// lag is for how long a renewal is late.
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

// counted is a number that was counted only so far.
func counted(n int) string {
	if n >= models.CountedUpTo {
		return views.Thousands(int64(n)) + " or more"
	}
	return views.Thousands(int64(n))
}
