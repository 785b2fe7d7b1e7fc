package main

import (
	"strings"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/demo"
)

const (
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * hour
)

// demoCompany is a made-up company and its tenant in the sandbox. It has at most one
// connection. The tenant's name, units, and state are the company's.
type demoCompany struct {
	name, place string // "Tucson, AZ"
	trade       string
	// people are in the form "name <email>": the owner first, then a member.
	people  []string
	age     time.Duration
	tenant  *demo.SampleConnection
	failed  *demo.SampleFailure
	apiKey  string
	locked  string
	lockAge time.Duration
}

// demoStaff returns our staff. The first sets up connections, and the last may lock
// companies.
func demoStaff() []demo.SampleStaff {
	return []demo.SampleStaff{
		{Name: "Priya Nair", Email: "priya@fieldbridge.example", Role: accounts.Support},
		{Name: "Ada Reyes", Email: "ada@fieldbridge.example", Role: accounts.Admin},
	}
}

// unitsOf returns the business units of a company in a trade.
func unitsOf(trade string) []string {
	switch trade {
	case "hvac":
		return []string{"HVAC - Service", "HVAC - Install"}
	case "plumbing":
		return []string{"Plumbing - Service", "Drain and Sewer"}
	case "electrical":
		return []string{"Electrical - Service", "Generators"}
	}
	return []string{"HVAC - Service", "Plumbing - Service", "Electrical - Service"}
}

// demoSamples returns the companies for a demo's database.
func demoSamples(tenants []sandbox.Tenant) []demo.SampleCompany {
	samples := make([]demo.SampleCompany, 0, len(tenants))
	for _, c := range demoCompanies() {
		_, state, _ := strings.Cut(c.place, ", ")
		sample := demo.SampleCompany{Name: c.name, Age: c.age, Failed: c.failed, APIKey: c.apiKey, Locked: c.locked, LockedAge: c.lockAge}
		for i, person := range c.people {
			name, email, _ := strings.Cut(strings.TrimSuffix(person, ">"), " <")
			role := accounts.Owner
			if i > 0 {
				role = accounts.Member
			}
			sample.People = append(sample.People, demo.SamplePerson{Name: name, Email: email, Role: role})
		}
		if c.tenant != nil {
			for _, t := range tenants {
				if t.ID == c.tenant.TenantID {
					c.tenant.TenantName, c.tenant.BusinessUnits = t.Name, activeUnits(t)
					state = t.State
				}
			}
			sample.Connections = []demo.SampleConnection{*c.tenant}
			// The account is a little older than everything that was done with it.
			sample.Age = max(sample.Age, c.tenant.Age+30*hour)
		}
		sample.TimeZone = zoneOf(state)
		samples = append(samples, sample)
	}
	return samples
}

// activeUnits returns how many units the API counts by default.
func activeUnits(t sandbox.Tenant) int {
	n := 0
	for _, unit := range t.BusinessUnits {
		if unit.Active {
			n++
		}
	}
	return n
}

// demoTenants returns the tenants that the sandbox does not have by default: one that
// nobody has connected yet, and the companies' tenants.
func demoTenants() []sandbox.Tenant {
	known := map[int64]bool{}
	for _, t := range sandbox.SampleTenants() {
		known[t.ID] = true
	}
	list := []sandbox.Tenant{{
		ID: 918640725, Name: "Northgate East", City: "Zanesville", State: "OH",
		BusinessUnits: []sandbox.BusinessUnit{{ID: 401, Name: "Plumbing - Service", Active: true}},
	}, {
		ID: brightSky, Name: "Bright Sky Plumbing", City: "Boise", State: "ID",
		BusinessUnits: []sandbox.BusinessUnit{{ID: 411, Name: "Plumbing - Service", Active: true}, {ID: 412, Name: "Drains", Active: true}},
	}, {
		ID: copperBasin, Name: "Copper Basin Heating", City: "Butte", State: "MT",
		BusinessUnits: []sandbox.BusinessUnit{{ID: 421, Name: "Heating", Active: true}},
	}, {
		ID: juniperRidge, Name: "Juniper Ridge Mechanical", City: "Flagstaff", State: "AZ",
		BusinessUnits: []sandbox.BusinessUnit{{ID: 431, Name: "HVAC - Service", Active: true}, {ID: 432, Name: "HVAC - Install", Active: true}, {ID: 433, Name: "Plumbing", Active: true}},
	}}
	for _, c := range demoCompanies() {
		if c.tenant == nil || known[c.tenant.TenantID] {
			continue
		}
		city, state, _ := strings.Cut(c.place, ", ")
		tenant := sandbox.Tenant{ID: c.tenant.TenantID, Name: c.name, City: city, State: state}
		for i, unit := range unitsOf(c.trade) {
			tenant.BusinessUnits = append(tenant.BusinessUnits, sandbox.BusinessUnit{ID: int64(401 + i), Name: unit, Active: true})
		}
		list = append(list, tenant)
	}
	return list
}
