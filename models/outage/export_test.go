package outage

import "time"

// This file exports to the tests what they need besides the package's API.

// Intervals and limits.
const (
	TurnEvery      = turnEvery
	MostSamples    = mostSamples
	MostRemembered = mostRemembered
)

// InMemory returns how many connections the monitor remembers.
func (m *Monitor) InMemory() (n int) {
	for _, t := range m.tallies {
		n += len(t.working) + len(t.failing)
	}
	return n
}

// AddSample adds the size of an outage at a time.
func (o *Outage) AddSample(now time.Time) { o.addSample(now) }

// Wait waits until everybody has acted on outages that ended.
func (m *Monitor) Wait() { m.underWay.Wait() }
