package sandbox

import "strings"

// asking is a scope with its description.
type asking struct{ words, scope string }

// describeScopes describes what each scope allows. A scope without a description is
// shown by its name.
func describeScopes(scopes []string) []asking {
	list := make([]asking, len(scopes))
	for i, scope := range scopes {
		list[i] = asking{words: describeScope(scope), scope: scope}
	}
	return list
}

func describeScope(scope string) string {
	resource, right, _ := strings.Cut(scope, ":")
	what := ""
	switch resource {
	case "offline_access":
		return "Keep access while nobody is signed in"
	case "tn.crm.customers":
		what = "customers"
	case "tn.crm.locations":
		what = "locations"
	case "tn.crm.bookings":
		what = "bookings"
	case "tn.jpm.jobs":
		what = "jobs"
	case "tn.jpm.appointments":
		what = "appointments"
	case "tn.dis.capacity":
		what = "technicians and schedule"
	case "tn.acc.invoices":
		what = "invoices"
	case "tn.acc.payments":
		what = "payments"
	case "tn.stt.businessunits":
		what = "business units"
	case "tn.stt.employees":
		what = "employees"
	case "tn.stt.technicians":
		what = "technicians"
	default:
		return "Access of this name"
	}
	if strings.Contains(right, "w") {
		return "View and change " + what
	}
	return "View " + what
}
