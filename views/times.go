package views

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Clock holds the current time and the time zone of a page.
type Clock struct {
	Now  time.Time
	Zone *time.Location
	// Theirs is the zone of the company that a page of staff is about. Times are then
	// shown in both zones. It is nil for pages with one zone.
	Theirs *time.Location
}

const (
	minuteLayout = "3:04 PM"
	dayLayout    = "Jan 2"
	dateLayout   = "Jan 2, 2006"
)

// Ago returns how long ago t was. After a day, it returns the date and time.
func (c Clock) Ago(t time.Time) string {
	switch past := c.Now.Sub(t); {
	case past < time.Minute:
		return "just now"
	case past < time.Hour:
		return Plural(int(past.Minutes()), "minute", "minutes") + " ago"
	case past < 24*time.Hour:
		return Plural(int(past.Hours()), "hour", "hours") + " ago"
	}
	return c.On(t)
}

// At returns the time of day if t is today, and the day and time otherwise.
func (c Clock) At(t time.Time) string {
	if c.today(t) {
		return t.In(c.Zone).Format(minuteLayout) + c.theirs(t)
	}
	return c.On(t)
}

// On returns t as part of a sentence: "today at 9:02 AM", "Nov 22 at 6:15 PM".
func (c Clock) On(t time.Time) string {
	return c.short(t) + " at " + t.In(c.Zone).Format(minuteLayout) + c.theirs(t)
}

// theirs returns t in the zone of the company that a page of staff is about, to be
// put behind t in UTC: " (7:47 AM EST)". It names the day if it is another one. It
// is empty if there is only one zone.
func (c Clock) theirs(t time.Time) string {
	if !c.TwoZones() {
		return ""
	}
	form := minuteLayout
	if t.In(c.Theirs).YearDay() != t.In(c.Zone).YearDay() {
		form = dayLayout + ", " + minuteLayout
	}
	return " (" + t.In(c.Theirs).Format(form) + " " + zoneName(t.In(c.Theirs)) + ")"
}

// Clocked returns the time of day now, with the zone: "7:36 AM EST".
func (c Clock) Clocked() string {
	return c.Now.In(c.Zone).Format(minuteLayout) + " " + c.ZoneName()
}

// zoneName returns the abbreviation of a time's zone. A zone that has none gets its
// distance from UTC.
func zoneName(t time.Time) string {
	name := t.Format("MST")
	if strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") {
		return "UTC" + name
	}
	return name
}

// short returns the day of t: "today", "Nov 22", or a date with the year if it is
// not this year.
func (c Clock) short(t time.Time) string {
	switch {
	case c.today(t):
		return "today"
	case t.In(c.Zone).Year() == c.Now.In(c.Zone).Year():
		return t.In(c.Zone).Format(dayLayout)
	}
	return c.Date(t)
}

// seen returns when somebody was last here: "Today, 8:10 AM", "Yesterday", "Nov 18".
func (c Clock) seen(t time.Time) string {
	switch {
	case c.today(t):
		return "Today, " + t.In(c.Zone).Format(minuteLayout)
	case c.today(t.AddDate(0, 0, 1)):
		return "Yesterday"
	}
	return c.short(t)
}

// onDay returns the day of t as part of a sentence: "today", "on Nov 22".
func (c Clock) onDay(t time.Time) string {
	if c.today(t) {
		return "today"
	}
	return "on " + c.short(t)
}

// Date returns the day with its year: "Jun 2, 2026".
func (c Clock) Date(t time.Time) string { return t.In(c.Zone).Format(dateLayout) }

// full returns the date and time with the zone: "Nov 23, 2026, 12:47 PM UTC".
func (c Clock) full(t time.Time) string {
	return t.In(c.Zone).Format(dateLayout+", "+minuteLayout) + " " + zoneName(t.In(c.Zone))
}

// ZoneName returns the abbreviation of the time zone.
func (c Clock) ZoneName() string { return zoneName(c.Now.In(c.Zone)) }

// TwoZones reports whether times are shown in the company's zone too.
func (c Clock) TwoZones() bool { return c.Theirs != nil && c.Theirs.String() != c.Zone.String() }

// TheirTime returns the time of day at the company.
func (c Clock) TheirTime() string { return Clock{Now: c.Now, Zone: c.Theirs}.Clocked() }

// wait returns how long it is until t, rounded up so that nobody comes too early.
func (c Clock) wait(t time.Time) string {
	const few = 10 * time.Second
	switch left := t.Sub(c.Now); {
	case left <= few:
		return "a few seconds"
	case left < time.Minute:
		return fmt.Sprintf("about %d seconds", 10*roundUp(left, few))
	case left <= time.Hour:
		return "about " + Plural(roundUp(left, time.Minute), "minute", "minutes")
	default:
		return "about " + Plural(roundUp(left, time.Hour), "hour", "hours")
	}
}

func (c Clock) today(t time.Time) bool {
	y, m, d := t.In(c.Zone).Date()
	ny, nm, nd := c.Now.In(c.Zone).Date()
	return y == ny && m == nm && d == nd
}

func roundUp(d, unit time.Duration) int { return int((d + unit - 1) / unit) }

// Seconds returns a duration for people: "0.4 seconds".
func Seconds(millis int64) string {
	if millis < 100 {
		return "less than 0.1 seconds"
	}
	return fmt.Sprintf("%.1f seconds", float64(millis)/1000)
}

// Stamp returns a time for the timeline: "12:32 PM", "Nov 22, 6:31 PM".
func (c Clock) Stamp(t time.Time) string {
	clock := t.In(c.Zone).Format(minuteLayout)
	if c.today(t) {
		return clock + c.theirs(t)
	}
	return c.short(t) + ", " + clock + c.theirs(t)
}

// MachineTime returns t in the form of the datetime attribute.
func MachineTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Plural returns a number with its noun: "1 day", "2 days".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// Thousands returns a number with separators: "39,803".
func Thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// either lists names: "Dana Whitfield, Luis Ortega or Ruth Abara".
func either(names []string) string {
	isolated := make([]string, len(names))
	for i, name := range names {
		isolated[i] = Isolate(name)
	}
	if len(names) < 2 {
		return strings.Join(isolated, "")
	}
	last := len(names) - 1
	return strings.Join(isolated[:last], ", ") + " or " + isolated[last]
}

// Initials returns the first letters of the first and the last word.
func Initials(name string) string {
	words := strings.Fields(name)
	if len(words) > 2 {
		words = []string{words[0], words[len(words)-1]}
	}
	letters := ""
	for _, word := range words {
		letters += string([]rune(word)[:1])
	}
	return strings.ToUpper(letters)
}

// firstName returns the first word of a name.
func firstName(name string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(name), " ")
	return first
}
