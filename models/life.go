package models

// change is what happens to a connection.
type change string

const (
	requested    change = "requested"    // a person asks our staff to set it up
	Authorized   change = "authorized"   // a person allowed access and the check worked
	renewed      change = "renewed"      // access was renewed, or a check worked
	failedPassed change = "failed"       // a renewal or check failed for a passing reason
	refused      change = "refused"      // ServiceTitan refused for good
	letGo        change = "disconnected" // a person disconnects
)

// life is the whole life of a connection: what each change makes of each
// state. What is not listed cannot happen and changes nothing.
//
//exhaustive:ignore
var life = map[State]map[change]State{
	"":      {requested: Pending, Authorized: Connected},
	Pending: {requested: Pending, Authorized: Connected, letGo: Disconnected},
	Connected: {
		requested: Connected, Authorized: Connected, renewed: Connected, failedPassed: Degraded,
		refused: ReconnectNeeded, letGo: Disconnected,
	},
	Degraded: {
		requested: Degraded, Authorized: Connected, renewed: Connected, failedPassed: Degraded,
		refused: ReconnectNeeded, letGo: Disconnected,
	},
	// A renewal that was under way when the grant was refused does not bring it
	// back to life; only a person does.
	ReconnectNeeded: {requested: ReconnectNeeded, Authorized: Connected, letGo: Disconnected},
	Disconnected:    {requested: Pending, Authorized: Connected},
}

// next is the state after a change, and whether the change can happen at all.
func next(s State, c change) (State, bool) {
	to, ok := life[s][c]
	return to, ok
}
