package models

// Change is what happens to a connection.
type Change string

const (
	// Requested means that a person asked us to set up the connection.
	Requested Change = "requested"
	// Authorized means that a person allowed access and the check call worked.
	Authorized Change = "authorized"
	// SecretReplaced means that a person entered a new secret of the tenant's own client,
	// and that it worked.
	SecretReplaced Change = "secret_replaced"
	// Renewed means that access was renewed.
	Renewed Change = "renewed"
	// FailedTemporarily means that a renewal failed for a temporary reason.
	FailedTemporarily Change = "failed"
	// Answered means that a check worked.
	Answered Change = "answered"
	// Unanswered means that checks failed for a temporary reason, two in a row or more.
	Unanswered Change = "unanswered"
	// Refused means that ServiceTitan refused for good.
	Refused Change = "refused"
	// PutBack means that a refusal turned out to be part of an outage. Nobody has to act.
	PutBack Change = "put_back"
	// LetGo means that a person disconnected or withdrew the connection.
	LetGo Change = "disconnected"
)

// life is the whole life cycle of a connection: the state that each change leads
// to from each state. A change that is not listed cannot happen.
//
//exhaustive:ignore
var life = map[State]map[Change]State{
	"":      {Requested: Pending, Authorized: Connected},
	Pending: {Requested: Pending, Authorized: Connected, LetGo: Disconnected},
	Connected: {
		Requested: Connected, Authorized: Connected, SecretReplaced: Connected, Renewed: Connected, FailedTemporarily: Degraded,
		Answered: Connected, Unanswered: Degraded, Refused: ReconnectNeeded, LetGo: Disconnected,
	},
	// Renewals and checks are two troubles. See Connection.next.
	Degraded: {
		Requested: Degraded, Authorized: Connected, SecretReplaced: Connected, Renewed: Connected, FailedTemporarily: Degraded,
		Answered: Connected, Unanswered: Degraded, Refused: ReconnectNeeded, LetGo: Disconnected,
	},
	// A renewal that was still running when the grant was refused does not bring
	// the connection back. Only a person can, or an outage that explains the refusal.
	ReconnectNeeded: {Requested: ReconnectNeeded, Authorized: Connected, SecretReplaced: Connected, PutBack: Degraded, LetGo: Disconnected},
	Disconnected:    {Requested: Pending, Authorized: Connected},
}

// NextState returns the state after a change, and whether the change can happen.
func NextState(s State, c Change) (State, bool) {
	to, ok := life[s][c]
	return to, ok
}

// next is NextState for a connection. A renewal that works says nothing about checks that
// fail, and a check that works says nothing about renewals that fail. The connection
// stays degraded until both work again.
func (c Connection) next(what Change) (State, bool) {
	to, ok := NextState(c.State, what)
	if c.State == Degraded && (what == Renewed && c.UnansweredSince != nil || what == Answered && c.FailingSince != nil) {
		to = Degraded
	}
	return to, ok
}
