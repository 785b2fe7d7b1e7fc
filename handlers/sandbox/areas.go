package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Endpoints of the API besides PathBusinessUnits, one for each of a few more areas.
const (
	PathTechnicians = "/settings/v2/tenant/{tenant}/technicians"
	PathCustomers   = "/crm/v2/tenant/{tenant}/customers"
	PathJobs        = "/jpm/v2/tenant/{tenant}/jobs"
	PathInvoices    = "/accounting/v2/tenant/{tenant}/invoices"
)

// area is a part of the API that needs a scope of its own.
type area struct{ path, scope, name string }

// areas returns the areas of the API.
func areas() []area {
	return []area{
		{PathBusinessUnits, scopeBusinessUnits, "business units"},
		{PathTechnicians, "tn.stt.technicians:r", "technicians"},
		{PathCustomers, "tn.crm.customers:r", "customers"},
		{PathJobs, "tn.jpm.jobs:r", "jobs"},
		{PathInvoices, "tn.acc.invoices:r", "invoices"},
	}
}

// isAPI reports whether an endpoint belongs to the API.
func isAPI(endpoint string) bool {
	return slices.ContainsFunc(areas(), func(of area) bool { return of.path == endpoint })
}

// entry is a row of the lists other than business units. Each list has the fields that
// fit it.
type entry struct {
	ID             int64     `json:"id"`
	Active         *bool     `json:"active,omitempty"`
	Name           string    `json:"name,omitempty"`
	JobNumber      string    `json:"jobNumber,omitempty"`
	JobStatus      string    `json:"jobStatus,omitempty"`
	Summary        string    `json:"summary,omitempty"`
	ReferenceNo    string    `json:"referenceNumber,omitempty"`
	Total          string    `json:"total,omitempty"`
	BusinessUnitID int64     `json:"businessUnitId,omitempty"`
	CreatedOn      time.Time `json:"createdOn"`
	ModifiedOn     time.Time `json:"modifiedOn"`
}

// entryOf fills in what is special about an area's entry. Its number counts the
// tenant's business units from 0.
type entryOf func(e *entry, number int)

// list answers with one made-up entry for each of the tenant's business units.
func (s *Sandbox) list(in area, of entryOf) func(*answer, *http.Request) {
	return func(a *answer, r *http.Request) {
		tenant, ok := s.admit(a, r, in.scope)
		if !ok {
			return
		}
		showPage(a, r, func(string) []entry {
			rows := []entry{} // an empty list, not null
			for i, unit := range tenant.BusinessUnits {
				e := entry{ID: 10*unit.ID + 1, BusinessUnitID: unit.ID, CreatedOn: tenantsSince(), ModifiedOn: tenantsSince()}
				of(&e, i)
				rows = append(rows, e)
			}
			return rows
		})
	}
}

// handleAPI registers the endpoints of the API.
func (s *Sandbox) handleAPI() {
	s.handle("GET "+PathBusinessUnits, s.businessUnits)
	active := true
	entries := map[string]entryOf{
		PathTechnicians: func(e *entry, i int) { e.Active, e.Name = &active, pick(i, "Alex Rivera", "Sam Okafor", "Jo Lindgren") },
		PathCustomers: func(e *entry, i int) {
			e.Active, e.Name, e.BusinessUnitID = &active, pick(i, "Maple Street Bakery", "Dana Brook", "Hill Road School"), 0
		},
		PathJobs: func(e *entry, i int) {
			e.JobNumber, e.JobStatus = strconv.FormatInt(e.ID, 10), pick(i, "Scheduled", "InProgress", "Completed")
			e.Summary = pick(i, "No heat upstairs", "Yearly maintenance", "Replace the water heater")
		},
		PathInvoices: func(e *entry, i int) {
			e.ReferenceNo, e.Total = strconv.FormatInt(e.ID, 10), pick(i, "189.00", "1240.50", "96.75")
		},
	}
	for _, in := range areas() {
		if of, ok := entries[in.path]; ok {
			s.handle("GET "+in.path, s.list(in, of))
		}
	}
}

// pick returns one of the words, the same one for the same number.
func pick(number int, words ...string) string { return words[number%len(words)] }
