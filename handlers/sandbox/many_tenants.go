package sandbox

import (
	"errors"
	"fmt"
	"slices"
)

const (
	// MostTenants is how many made-up tenants there may be besides the samples.
	MostTenants = 10_000
	// firstGenerated is the ID of the first made-up tenant.
	firstGenerated = 200_000_001
)

// ErrTooManyTenants says that there would be more than MostTenants.
var ErrTooManyTenants = errors.New("there can be at most 10,000 tenants besides the samples")

// GeneratedTenants returns n made-up tenants for tests at scale. The nth tenant is the
// same in every sandbox.
func GeneratedTenants(n int) []Tenant { return generatedFrom(0, n) }

// generatedFrom returns n made-up tenants, starting at a position.
func generatedFrom(from, n int) []Tenant {
	list := make([]Tenant, n)
	for i := range list {
		number := from + i
		list[i] = Tenant{
			ID: firstGenerated + int64(number), Name: fmt.Sprintf("Test company %05d", number+1), City: "Dayton", State: "OH",
			BusinessUnits: []BusinessUnit{{ID: 1_000_000 + int64(number), Name: "Service", Active: true}},
		}
	}
	return list
}

// MakeTenants adds n made-up tenants until the next reset, and returns them. It does
// not repeat those that the sandbox began with.
func (s *Sandbox) MakeTenants(n int) ([]Tenant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all()
	made := 0
	for _, t := range all {
		if t.ID >= firstGenerated && t.ID < firstGenerated+MostTenants {
			made = max(made, int(t.ID-firstGenerated)+1)
		}
	}
	if n < 1 || n > MostTenants || made+n > MostTenants {
		return nil, ErrTooManyTenants
	}
	added := generatedFrom(made, n)
	now := slices.Concat(all, added)
	for _, t := range added {
		s.app.installs[t.ID] = &install{}
	}
	s.tenants.Store(&now)
	return added, nil
}
