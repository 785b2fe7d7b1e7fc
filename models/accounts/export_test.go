package accounts

import "github.com/fieldbridge/fieldbridge/models/database"

// What tests in the package's own folder need besides its API.
const (
	AddressesNamed     = addressesNamed
	KeyBurst           = keyBurst
	LongestSignInPause = longestSignInPause
	OtherAddresses     = otherAddresses
	ReadsWaiting       = readsWaiting
	RefusalsKept       = refusalsKept
	RefusalsNamed      = refusalsNamed
	SessionIdle        = sessionIdle
	SessionNoted       = sessionNoted
	SessionsPerUser    = sessionsPerUser
	SignInLanes        = signInLanes
)

func (x *APIKeys) ReadsField() *tokenReads { return &x.reads }
func (x *Accounts) DBField() **database.DB { return &x.db }

type (
	AccountMail   = accountMail
	SecondFactor  = secondFactor
	Session       = session
	SignInCount   = signInCount
	SignInForTest = signIn
	SignInOf      = signInOf
	SignInAttempt = signInAttempt
	TokenRead     = tokenRead
)

var (
	APIKeysFlushTokenReads = (*APIKeys).flushTokenReads
	AccountsDeviceName     = (*Accounts).deviceName
	AccountsLimited        = (*Accounts).limited
	AccountsPeople         = (*Accounts).people
	EndSessions            = endSessions
	NewKnownRefusals       = newKnownRefusals
	SignInAlarm            = signInAlarm
	SignInPerAddress       = signInPerAddress
	SignInPerPair          = signInPerPair
)
