package accounts

import "github.com/fieldbridge/fieldbridge/models/database"

// This file exports what the tests in accounts_test need and other packages do not.

// Limits.
const (
	AddressesNamed     = addressesNamed
	KeyQuery           = keyQuery
	KeyBurst           = keyBurst
	LongestSignInPause = longestSignInPause
	ReadsWaiting       = readsWaiting
	RefusalsKept       = refusalsKept
	RefusalsNamed      = refusalsNamed
	SessionIdle        = sessionIdle
	SessionNoted       = sessionNoted
	SessionsPerUser    = sessionsPerUser
	SignInLanes        = signInLanes
)

var (
	SignInAlarm      = signInAlarm
	SignInPerAddress = signInPerAddress
	SignInPerPair    = signInPerPair
)

// OtherAddresses is a value that the database stores.
const OtherAddresses = otherAddresses

// Rows of the database.
type (
	SecondFactor = secondFactor
	Session      = session
	SignInRow    = signIn
	TokenRead    = tokenRead
)

// Values of functions that are exported below.
type (
	SignInAttempt = signInAttempt
	SignInCount   = signInCount
	SignInOf      = signInOf
)

// Functions and methods.
var (
	APIKeysFlushTokenReads = (*APIKeys).flushTokenReads
	CheckReturnURL         = checkReturnURL
	AccountsDeviceName     = (*Accounts).deviceName
	AccountsLimited        = (*Accounts).limited
	AccountsPeople         = (*Accounts).people
	EndOtherSessions       = endOtherSessions
	EndSessions            = endSessions
	NewKnownRefusals       = newKnownRefusals
)

// DB returns the database of the accounts.
func (a *Accounts) DB() *database.DB { return a.db }

// Waiting returns how many different reads wait for the next flush.
func (a *APIKeys) Waiting() int { return len(a.reads.counts) }

// Kept returns how many refusals are remembered.
func (r *knownRefusals) Kept() int { return len(r.until) }

// PersonalRowQueries are the queries that find what is deleted with a person.
func PersonalRowQueries() (queries []string) {
	for _, rows := range personalRows {
		queries = append(queries, "SELECT 1 FROM "+rows.table+" WHERE "+rows.column+" IN (?)")
	}
	return queries
}

// KeptAnswer is the row of an Idempotency-Key.
type KeptAnswer = keptAnswer

// The limits of kept answers.
const (
	ClaimKept     = claimKept
	AnswersPerKey = answersPerKey
)
