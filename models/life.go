package models

// Change is what happens to a connection.
type Change string

const (
	Requested    Change = "requested"    // a person asks our staff to set it up
	Authorized   Change = "authorized"   // a person allowed access and the check worked
	Renewed      Change = "renewed"      // access was renewed, or a check worked
	FailedPassed Change = "failed"       // a renewal or check failed for a passing reason
	Refused      Change = "refused"      // ServiceTitan refused for good
	LetGo        Change = "disconnected" // a person disconnects
)

// life is the whole life of a connection: what each change makes of each
// state. What is not listed cannot happen and changes nothing.
//
//exhaustive:ignore
var life = map[State]map[Change]State{
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

// NextState is the state after a change, and whether the change can happen at all.
func NextState(s State, c Change) (State, bool) {
	to, ok := life[s][c]
	return to, ok
}
