package models

// change is what happens to a connection.
type change string

const (
	Requested    change = "requested"    // a person asks our staff to set it up
	Authorized   change = "authorized"   // a person allowed access and the check worked
	Renewed      change = "renewed"      // access was renewed, or a check worked
	FailedPassed change = "failed"       // a renewal or check failed for a passing reason
	Refused      change = "refused"      // ServiceTitan refused for good
	LetGo        change = "disconnected" // a person disconnects
)

// life is the whole life of a connection: what each change makes of each
// state. What is not listed cannot happen and changes nothing.
//
//exhaustive:ignore
var life = map[State]map[change]State{
	"":      {Requested: Pending, Authorized: Connected},
	Pending: {Requested: Pending, Authorized: Connected, LetGo: Disconnected},
	Connected: {
		Requested: Connected, Authorized: Connected, Renewed: Connected, FailedPassed: Degraded,
		Refused: ReconnectNeeded, LetGo: Disconnected,
	},
	Degraded: {
		Requested: Degraded, Authorized: Connected, Renewed: Connected, FailedPassed: Degraded,
		Refused: ReconnectNeeded, LetGo: Disconnected,
	},
	// A renewal that was under way when the grant was refused does not bring it
	// back to life; only a person does.
	ReconnectNeeded: {Requested: ReconnectNeeded, Authorized: Connected, LetGo: Disconnected},
	Disconnected:    {Requested: Pending, Authorized: Connected},
}

// Next is the state after a change, and whether the change can happen at all.
func Next(s State, c change) (State, bool) {
	to, ok := life[s][c]
	return to, ok
}
