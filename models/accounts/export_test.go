package accounts

import "github.com/fieldbridge/fieldbridge/models/database"

// What tests in the package's own folder need besides its API.
const AddressesNamed = addressesNamed
const KeyBurst = keyBurst
const LongestSignInPause = longestSignInPause
const OtherAddresses = otherAddresses
const ReadsWaiting = readsWaiting
const RefusalsKept = refusalsKept
const RefusalsNamed = refusalsNamed
const SessionNoted = sessionNoted
const SessionsPerUser = sessionsPerUser
const SignInLanes = signInLanes

func (x *APIKeys) ReadsField() *tokenReads { return &x.reads }
func (x *Accounts) DBField() **database.DB { return &x.db }

type AccountMail = accountMail
type SecondFactor = secondFactor
type Session = session
type SignInCount = signInCount
type SignInForTest = signIn
type SignInOf = signInOf
type SignInTry = signInTry
type TokenRead = tokenRead

var APIKeysFlushTokenReads = (*APIKeys).flushTokenReads
var AccountsDeviceName = (*Accounts).deviceName
var AccountsLimited = (*Accounts).limited
var AccountsPeople = (*Accounts).people
var EndSessions = endSessions
var NewKnownRefusals = newKnownRefusals
var SignInAlarm = signInAlarm
var SignInPerAddress = signInPerAddress
var SignInPerPair = signInPerPair
