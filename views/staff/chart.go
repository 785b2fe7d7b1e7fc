package staff

import (
	"fmt"

	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views"
)

// chart has the shapes of the chart of renewals. All lengths are percentages of the plot,
// so that text keeps its size on every screen.
type chart struct {
	ticks []tick
	bars  []hourBar
	// step is the width of an hour. The stylesheet says how much of it a bar has.
	step string
}

// tick is a line of the scale.
type tick struct{ y, label string }

// hourBar is an hour: its failures are stacked on what worked. A part of no height is
// empty.
type hourBar struct {
	x, middle                        string
	workedY, worked, failedY, failed string
	// says is the tooltip. hour is the label below, if there is one; a minor one is left out
	// on phones.
	says, hour string
	minor      bool
}

const (
	// ticksAtMost is the most steps of the scale.
	ticksAtMost = 4
	// leastPart is the least height of a part in percent, so that people can see it.
	leastPart = 1.5
	// labelEvery is how many hours there are between two labels; every second one is minor.
	labelEvery = 3
)

// roundStep returns the distance of the lines of a scale that reaches most: 1, 2, or 5 times
// a power of ten.
func roundStep(most int64) int64 {
	step := int64(1)
	for {
		for _, times := range []int64{1, 2, 5} {
			if times*step*ticksAtMost >= most {
				return times * step
			}
		}
		step *= 10
	}
}

// hoursChart returns the chart of some hours.
func hoursChart(hours []support.RenewalHour, clock views.Clock) chart {
	most := int64(1)
	for _, h := range hours {
		most = max(most, h.OK+h.Failed)
	}
	step := roundStep(most)
	top := (most + step - 1) / step * step
	var c chart
	for n := int64(0); n <= top; n += step {
		c.ticks = append(c.ticks, tick{percent(100 - share(n, top)), views.Thousands(n)})
	}
	if len(hours) == 0 {
		return c
	}
	wide := 100 / float64(len(hours))
	c.step = percent(wide)
	for i, h := range hours {
		begins := h.Begins().In(clock.Zone)
		x := float64(i) * wide
		bar := hourBar{x: percent(x), middle: percent(x + wide/2), says: clock.Stamp(h.Begins()) + ": " + hourSays(h)}
		if begins.Hour()%labelEvery == 0 {
			bar.hour, bar.minor = begins.Format("3 PM"), begins.Hour()%(2*labelEvery) != 0
		}
		below := 0.0
		if h.OK > 0 {
			below = max(leastPart, share(h.OK, top))
			bar.workedY, bar.worked = percent(100-below), percent(below)
		}
		if h.Failed > 0 {
			height := max(leastPart, share(h.Failed, top))
			below = min(below, 100-height)
			bar.failedY, bar.failed = percent(100-below-height), percent(height)
		}
		c.bars = append(c.bars, bar)
	}
	return c
}

func share(n, of int64) float64 { return 100 * float64(n) / float64(of) }

func percent(n float64) string { return fmt.Sprintf("%.2f%%", n) }

// hourSays says what happened in an hour.
func hourSays(h support.RenewalHour) string {
	switch {
	case h.OK+h.Failed == 0:
		return "nothing to renew"
	case h.OK == 0:
		return "all " + views.Thousands(h.Failed) + " failed"
	case h.Failed == 0:
		return views.Thousands(h.OK) + " worked"
	}
	return views.Thousands(h.OK) + " worked, " + views.Thousands(h.Failed) + " failed"
}
