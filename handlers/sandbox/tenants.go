package sandbox

import "time"

// Tenant is a sample ServiceTitan account.
type Tenant struct {
	ID            int64
	Name          string
	BusinessUnits []BusinessUnit
	city, state   string
}

// BusinessUnit is a division of a tenant.
type BusinessUnit struct {
	ID     int64
	Name   string
	Active bool
}

// Tenants returns the sample tenants.
func (*Sandbox) Tenants() []Tenant { return sampleTenants() }

func sampleTenants() []Tenant {
	return []Tenant{
		{ID: 842193311, Name: "Northgate Heating & Plumbing", city: "Columbus", state: "OH", BusinessUnits: []BusinessUnit{
			{ID: 301, Name: "HVAC - Service", Active: true},
			{ID: 302, Name: "HVAC - Install", Active: true},
			{ID: 303, Name: "Plumbing - Service", Active: true},
		}},
		{ID: 905118274, Name: "Northgate South", city: "Cincinnati", state: "OH", BusinessUnits: []BusinessUnit{
			{ID: 311, Name: "HVAC - Service", Active: true},
		}},
		{ID: 617402958, Name: "Blue Mesa Air Conditioning", city: "Tucson", state: "AZ", BusinessUnits: []BusinessUnit{
			{ID: 321, Name: "Residential Service", Active: true}, {ID: 322, Name: "Residential Replacement", Active: true},
		}},
		{ID: 738846120, Name: "Harbor Line Electric", city: "Tacoma", state: "WA", BusinessUnits: []BusinessUnit{
			{ID: 331, Name: "Electrical - Service", Active: true},
			{ID: 332, Name: "Generators", Active: true},
			{ID: 333, Name: "Solar", Active: false},
		}},
		{ID: 580937745, Name: "Kettle Creek Plumbing & Drain", city: "Knoxville", state: "TN", BusinessUnits: []BusinessUnit{
			{ID: 341, Name: "Plumbing", Active: true}, {ID: 342, Name: "Drain and Sewer", Active: true},
		}},
		{ID: 463205819, Name: "Empty company, no records", city: "Dayton", state: "OH"},
	}
}

// tenantsSince is when the sample records say that they were made.
func tenantsSince() time.Time { return time.Date(2024, time.March, 1, 9, 0, 0, 0, time.UTC) }

func tenantByID(id int64) (Tenant, bool) {
	for _, t := range sampleTenants() {
		if t.ID == id {
			return t, true
		}
	}
	return Tenant{}, false
}
