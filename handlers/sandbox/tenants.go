package sandbox

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Tenant is a sample ServiceTitan account.
type Tenant struct {
	ID            int64
	Name          string
	City, State   string
	BusinessUnits []BusinessUnit
}

// BusinessUnit is a division of a tenant.
type BusinessUnit struct {
	ID     int64
	Name   string
	Active bool
}

// all returns all tenants.
func (s *Sandbox) all() tenants { return *s.tenants.Load() }

// Tenants returns all tenants: the samples, and those of the options.
func (s *Sandbox) Tenants() []Tenant { return slices.Clone(s.all()) }

// SampleTenants returns the tenants that every sandbox has.
func SampleTenants() []Tenant {
	return []Tenant{
		{ID: 842193311, Name: "Northgate Heating & Plumbing", City: "Columbus", State: "OH", BusinessUnits: []BusinessUnit{
			{ID: 301, Name: "HVAC - Service", Active: true},
			{ID: 302, Name: "HVAC - Install", Active: true},
			{ID: 303, Name: "Plumbing - Service", Active: true},
		}},
		{ID: 905118274, Name: "Northgate South", City: "Cincinnati", State: "OH", BusinessUnits: []BusinessUnit{
			{ID: 311, Name: "HVAC - Service", Active: true},
		}},
		{ID: 617402958, Name: "Blue Mesa Air Conditioning", City: "Tucson", State: "AZ", BusinessUnits: []BusinessUnit{
			{ID: 321, Name: "Residential Service", Active: true}, {ID: 322, Name: "Residential Replacement", Active: true},
		}},
		{ID: 738846120, Name: "Harbor Line Electric", City: "Tacoma", State: "WA", BusinessUnits: []BusinessUnit{
			{ID: 331, Name: "Electrical - Service", Active: true},
			{ID: 332, Name: "Generators", Active: true},
			{ID: 333, Name: "Solar", Active: false},
		}},
		{ID: 580937745, Name: "Kettle Creek Plumbing & Drain", City: "Knoxville", State: "TN", BusinessUnits: []BusinessUnit{
			{ID: 341, Name: "Plumbing", Active: true}, {ID: 342, Name: "Drain and Sewer", Active: true},
		}},
		{ID: 463205819, Name: "Empty company, no records", City: "Dayton", State: "OH"},
	}
}

// tenantsSince returns the creation time of the sample records.
func tenantsSince() time.Time { return time.Date(2024, time.March, 1, 9, 0, 0, 0, time.UTC) }

// tenants is a list of tenants.
type tenants []Tenant

func (ts tenants) byID(id int64) (Tenant, bool) {
	for _, t := range ts {
		if t.ID == id {
			return t, true
		}
	}
	return Tenant{}, false
}

// shownAtOnce is how many tenants a page shows before the others.
const shownAtOnce = 6

func (ts tenants) first() tenants  { return ts[:min(shownAtOnce, len(ts))] }
func (ts tenants) others() tenants { return ts[len(ts.first()):] }

// name returns a tenant's name, or an empty string.
func (ts tenants) name(id int64) string {
	t, _ := ts.byID(id)
	return t.Name
}

// known returns the ID of a tenant that exists, or 0.
func (ts tenants) known(id string) int64 {
	n, ok := parseTenant(id)
	if _, known := ts.byID(n); !ok || !known {
		return 0
	}
	return n
}

// parseTenant reads a tenant ID, which has at most 10 digits.
func parseTenant(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n <= 0 || n > 9_999_999_999 {
		return 0, false
	}
	return n, true
}
