package models

import (
	"slices"
	"strings"
)

// Area is a part of a ServiceTitan account, named as contractors know it.
type Area struct {
	Name string
	// About says in one sentence what access to the area lets us see or do.
	About string
	// Change says that access includes changes; otherwise it is view only.
	Change bool
	Scopes []string
	// Icon is the name of the icon beside the area.
	Icon string
}

// areas lists the known areas in the order in which pages show them. A scope
// belongs to the first area that names its module and resource.
var areas = []struct {
	name, view, change, icon string
	prefixes                 []string
}{
	{"Customers and locations", "See names, addresses and contact details, so records match.", "See and update names, addresses and contact details.", "users", []string{"tn.crm.customers", "tn.crm.locations"}},
	{"Jobs and appointments", "See job type, status, dates and the technician assigned.", "See and update jobs and appointments.", "wrench", []string{"tn.jpm."}},
	{"Technicians and schedule", "See who is working and when there is room.", "See and update the schedule.", "calendar", []string{"tn.dis.", "tn.stt.technicians"}},
	{"Invoices and payments", "See amounts, balances and what is paid.", "See and update invoices and payments.", "receipt", []string{"tn.acc."}},
	{"Bookings", "See booking requests.", "Add new booking requests, and update the ones Fieldbridge added.", "pencil", []string{"tn.crm.bookings"}},
	{"Company setup", "See your business units, to show that the connection works.", "See and update your business units.", "building", []string{"tn.stt.businessunits"}},
}

// Areas describes scopes in plain words. A scope of no known area is listed
// under its own name, so that the list leaves nothing out.
func Areas(scopes []string) []Area {
	found := make([]Area, 0, len(areas))
	taken := map[string]bool{}
	for _, a := range areas {
		area := Area{Name: a.name, About: a.view, Icon: a.icon}
		for _, scope := range scopes {
			resource, right, _ := strings.Cut(scope, ":")
			if taken[scope] || !hasAnyPrefix(resource, a.prefixes) {
				continue
			}
			taken[scope] = true
			area.Scopes = append(area.Scopes, scope)
			if strings.Contains(right, "w") {
				area.Change, area.About = true, a.change
			}
		}
		if len(area.Scopes) > 0 {
			found = append(found, area)
		}
	}
	for _, scope := range scopes {
		if !taken[scope] && !protocolScope(scope) {
			taken[scope] = true
			found = append(found, Area{Name: scope, About: "Named by ServiceTitan.", Icon: "key", Scopes: []string{scope}})
		}
	}
	return found
}

// protocolScope reports whether a scope gives access to no part of the account.
func protocolScope(scope string) bool {
	return scope == "openid" || scope == "offline_access" || scope == "profile"
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// MissingAreas returns the required areas that the granted scopes do not cover,
// or do not cover in full. Some are missing while a new version of the app waits
// for an admin to allow it.
func MissingAreas(granted, required []string) []Area {
	var missing []string
	for _, scope := range required {
		if !slices.Contains(granted, scope) && !protocolScope(scope) {
			missing = append(missing, scope)
		}
	}
	return Areas(missing)
}
