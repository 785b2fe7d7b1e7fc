package demo

import (
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// leastInOutage is the least number of connections whose renewals failed at the same
// time because of an outage of ServiceTitan.
const leastInOutage = 5

// outages writes the past outages: the times at which renewals of many samples failed
// together.
func (s *seeding) outages(tx *gorm.DB, companies []SampleCompany) error {
	failed := map[SampleTrouble]int{}
	var ages []time.Duration
	for _, company := range companies {
		for _, connection := range company.Connections {
			ages = append(ages, connection.Age)
			for _, t := range connection.Troubles {
				if t.Reason == models.ReasonUnavailable {
					failed[t]++
				}
			}
		}
	}
	for t, n := range failed {
		if n < leastInOutage {
			continue
		}
		there := len(slices.DeleteFunc(slices.Clone(ages), func(age time.Duration) bool { return age < t.Age }))
		if err := tx.Create(pastOutage(t, n, there, s.environment, s.now)).Error; err != nil {
			return err
		}
	}
	return nil
}

// pastOutage is an outage in which some of the connections that were there failed.
func pastOutage(t SampleTrouble, failing, there int, environment servicetitan.EnvironmentName, now time.Time) *outage.Outage {
	began := now.Add(-t.Age)
	ended := began.Add(t.Length)
	kinds := make(outage.Kinds)
	kinds[servicetitan.Unavailable] = failing
	o := &outage.Outage{
		ID: newIDAt(began), Environment: environment, Endpoint: outage.Tokens, BeganAt: began, SeenAt: began.Add(time.Minute), EndedAt: &ended,
		Tenants: there, Peak: failing, Kinds: kinds, TriedAt: ended, UpdatedAt: ended,
	}
	const samples = 12
	for i := range samples {
		size := outage.Sample{At: o.SeenAt.Add(t.Length * time.Duration(i) / samples), Tenants: there, Failing: failing}
		if i == samples-1 {
			size.Failing = failing / 3 // it ends
		}
		o.Samples = append(o.Samples, size)
	}
	return o
}
