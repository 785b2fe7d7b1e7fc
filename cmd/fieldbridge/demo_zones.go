package main

// zoneOf returns the time zone of the demo's companies in a state, which is Eastern unless
// the state is in the list.
func zoneOf(state string) string {
	switch state {
	case "AZ":
		return "America/Phoenix"
	case "CA", "NV", "OR", "WA":
		return "America/Los_Angeles"
	case "CO", "ID", "MT", "NM", "UT", "WY":
		return "America/Denver"
	case "AL", "AR", "IA", "IL", "KS", "LA", "MN", "MO", "MS", "ND", "NE", "OK", "SD", "TX", "WI":
		return "America/Chicago"
	}
	return "America/New_York"
}
