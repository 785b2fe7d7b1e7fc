package staff

import (
	"fmt"
	"time"

	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views"
)

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
