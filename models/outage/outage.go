package outage

import (
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Endpoint is a part of ServiceTitan that fails or works as a whole.
type Endpoint string

const (
	// Tokens is the token endpoint, which renewals use.
	Tokens Endpoint = "tokens"
	// API is the API, which checks use.
	API Endpoint = "api"
)

// Outage is a time in which an endpoint of an environment failed for many connections.
type Outage struct {
	ID          uuid.UUID `gorm:"primaryKey"`
	Environment servicetitan.EnvironmentName
	Endpoint    Endpoint
	// BeganAt is when the connections began to fail.
	BeganAt time.Time
	// SeenAt is when we noticed.
	SeenAt time.Time
	// EndedAt is when connections worked again; nil while the outage lasts.
	EndedAt *time.Time
	// Tenants is how many connections were tried since the beginning, within an hour at
	// most. Failing is how many of them fail.
	Tenants, Failing int
	// Peak is the most connections that failed at a time.
	Peak int
	// Kinds says how many connections fail in which way.
	Kinds Kinds `gorm:"serializer:json"`
	// Samples has the size of the outage over time, the oldest first.
	Samples []Sample `gorm:"serializer:json"`
	// TriedAt is when the latest result came.
	TriedAt time.Time
	// UpdatedAt is when an instance last measured the outage. GORM does not set it.
	UpdatedAt time.Time `gorm:"autoUpdateTime:false"`
}

// Kinds counts connections by the kind of their error.
type Kinds map[servicetitan.ErrorKind]int

// CountedKinds returns the kinds of errors that can be an outage, in the order in which pages
// list them.
func CountedKinds() []servicetitan.ErrorKind { return kinds[:] }

// Sample is the size of an outage at a time.
type Sample struct {
	At               time.Time
	Tenants, Failing int
}

// Share returns the share of connections that fail, in percent.
func (s Sample) Share() int { return share(s.Failing, s.Tenants) }

// Share returns the share of connections that fail, in percent.
func (o Outage) Share() int { return share(o.Failing, o.Tenants) }

// share returns a share in percent. A share that is not zero is at least 1.
func share(part, whole int) int {
	if part == 0 || whole == 0 {
		return 0
	}
	return max(1, 100*part/whole)
}

func (o Outage) place() place { return place{o.Environment, o.Endpoint} }

const (
	// mostSamples limits the samples of an outage. Of a long outage, they are further
	// apart.
	mostSamples  = 120
	firstSamples = time.Minute
)

// addSample adds the size of the outage now, if the last sample is old enough.
func (o *Outage) addSample(now time.Time) {
	if n := len(o.Samples); n > 0 && o.EndedAt == nil {
		apart := max(firstSamples, now.Sub(o.SeenAt)/(mostSamples/2))
		if now.Sub(o.Samples[n-1].At) < apart-turnEvery/2 {
			return
		}
	}
	if len(o.Samples) >= mostSamples {
		kept := o.Samples[:0]
		for i, s := range o.Samples {
			if i%2 == 0 {
				kept = append(kept, s)
			}
		}
		o.Samples = kept
	}
	o.Samples = append(o.Samples, Sample{At: now, Tenants: o.Tenants, Failing: o.Failing})
}
