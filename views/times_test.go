package views

import (
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

func TestTimesInWords(t *testing.T) {
	chicago, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	utc := Clock{Now: time.Date(2026, 11, 23, 12, 36, 0, 0, time.UTC), Zone: time.UTC}
	central := Clock{Now: utc.Now, Zone: chicago} // 6:36 AM there
	day := 24 * time.Hour
	before := func(d time.Duration) time.Time { return utc.Now.Add(-d) }
	for _, c := range []struct{ what, got, want string }{
		{"this moment", utc.Ago(before(0)), "just now"},
		{"a clock that is ahead", utc.Ago(before(-time.Minute)), "just now"},
		{"under a minute", utc.Ago(before(59 * time.Second)), "just now"},
		{"a minute", utc.Ago(before(time.Minute)), "1 minute ago"},
		{"under an hour", utc.Ago(before(time.Hour - time.Second)), "59 minutes ago"},
		{"an hour", utc.Ago(before(time.Hour)), "1 hour ago"},
		{"yesterday by the calendar", utc.Ago(before(23 * time.Hour)), "23 hours ago"},
		{"a day", utc.Ago(before(day)), "Nov 22 at 12:36 PM"},
		{"another year", utc.Ago(before(365 * day)), "Nov 23, 2025 at 12:36 PM"},

		{"today", utc.At(before(4 * time.Hour)), "8:36 AM"},
		{"later today", utc.At(before(-11 * time.Minute)), "12:47 PM"},
		{"yesterday", utc.At(before(13 * time.Hour)), "Nov 22 at 11:36 PM"},
		{"yesterday in the zone", central.At(before(7 * time.Hour)), "Nov 22 at 11:36 PM"},
		{"today in a sentence", utc.On(before(time.Hour)), "today at 11:36 AM"},
		{"pagetest.Noon", utc.On(before(36 * time.Minute)), "today at 12:00 PM"},
		{"midnight", utc.On(before(12*time.Hour + 36*time.Minute)), "today at 12:00 AM"},

		{"on the timeline today", utc.Stamp(before(4 * time.Minute)), "12:32 PM"},
		{"on the timeline", utc.Stamp(before(18 * time.Hour)), "Nov 22, 6:36 PM"},
		{"on the timeline, another year", utc.Stamp(before(365 * day)), "Nov 23, 2025, 12:36 PM"},

		{"date", utc.Date(before(174 * day)), "Jun 2, 2026"},
		{"full", utc.full(utc.Now), "Nov 23, 2026, 12:36 PM UTC"},
		{"full in the zone", central.full(utc.Now), "Nov 23, 2026, 6:36 AM CST"},
		{"zone", central.ZoneName(), "CST"},
		{"for machines", MachineTime(utc.Now.In(chicago)), "2026-11-23T12:36:00Z"},

		{"wait is over", utc.wait(before(time.Second)), "a few seconds"},
		{"wait 5 s", utc.wait(before(-5 * time.Second)), "a few seconds"},
		{"wait 31 s", utc.wait(before(-31 * time.Second)), "about 40 seconds"},
		{"wait a minute", utc.wait(before(-time.Minute)), "about 1 minute"},
		{"wait over a minute", utc.wait(before(-61 * time.Second)), "about 2 minutes"},
		{"wait an hour", utc.wait(before(-time.Hour)), "about 60 minutes"},
		{"wait over an hour", utc.wait(before(-time.Hour - time.Second)), "about 2 hours"},

		{"quick", Seconds(40), "less than 0.1 seconds"},
		{"measured", Seconds(420), "0.4 seconds"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Plain(either(nil)), ""},
		{Plain(either([]string{"Dana"})), "Dana"},
		{Plain(either([]string{"Dana", "Ruth"})), "Dana or Ruth"},
		{Plain(either([]string{"Dana", "Luis", "Ruth"})), "Dana, Luis or Ruth"},
		{Initials("dana whitfield"), "DW"},
		{Initials("Northgate Heating & Plumbing"), "NP"},
		{Initials("Øystein"), "Ø"},
		{Initials(" "), ""},
		{firstName("Dana Whitfield"), "Dana"},
		{Plural(1, "area", "areas"), "1 area"},
		{Plural(0, "area", "areas"), "0 areas"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// Pages of staff show times in UTC and in the zone of the company.
func TestTimesInBothZones(t *testing.T) {
	newYork := accounts.Location("America/New_York")
	staff := Clock{Now: pagetest.Noon, Zone: time.UTC, Theirs: newYork}
	early := time.Date(2026, 11, 22, 3, 31, 0, 0, time.UTC)
	for got, want := range map[string]string{
		staff.At(pagetest.Noon): "12:36 PM (7:36 AM EST)",
		staff.On(early):         "Nov 22 at 3:31 AM (Nov 21, 10:31 PM EST)",
		staff.Stamp(early):      "Nov 22, 3:31 AM (Nov 21, 10:31 PM EST)",
		Clock{Now: pagetest.Noon, Zone: time.UTC, Theirs: time.UTC}.Stamp(early):           "Nov 22, 3:31 AM",
		Clock{Now: pagetest.Noon, Zone: newYork}.Stamp(early):                              "Nov 21, 10:31 PM",
		Clock{Now: pagetest.Noon, Zone: newYork}.ZoneName():                                "EST",
		Clock{Now: pagetest.Noon, Zone: accounts.Location("America/Sao_Paulo")}.ZoneName(): "UTC-03",
		Clock{Now: pagetest.Noon, Zone: newYork}.CSVTime(early):                            "2026-11-21T22:31:00-05:00",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
