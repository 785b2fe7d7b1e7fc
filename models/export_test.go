package models

import (
	"sync/atomic"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// What tests in the package's own folder need besides its API.
const AccountMailsKept = accountMailsKept
const AddressesNamed = addressesNamed
const CandidatesRead = candidatesRead
const CompanyAndStaff = companyAndStaff
const DeliverLimit = deliverLimit
const EventsViewed = eventsViewed
const FailedPassed = failedPassed
const ForegroundShare = foregroundShare
const GateTrips = breakerTrips
const KeyBurst = keyBurst
const LeasedAtOnce = leasedAtOnce
const LetGo = letGo
const LimitWindow = limitWindow
const LongestAsked = longestAsked
const LongestRest = longestRest
const LongestRetry = longestRetry
const LongestSignInPause = longestSignInPause
const MailDay = mailDay
const MailsADay = mailsADay
const MailsKept = mailsKept
const MessageLease = messageLease
const NoAge = noAge
const OtherAddresses = otherAddresses
const ParallelRenewals = parallelRenewals
const PollEvery = pollEvery
const ReadsWaiting = readsWaiting
const RefusalsKept = refusalsKept
const RefusalsNamed = refusalsNamed
const Refused = refused
const Renewed = renewed
const Requested = requested
const SentShown = sentShown
const SessionNoted = sessionNoted
const SessionsPerUser = sessionsPerUser
const ShortestRest = shortestRest
const SignInLanes = signInLanes
const SignInsKept = signInsKept
const SupportName = supportName
const TokenReadsKept = tokenReadsKept

func (x *APIKeys) ReadsField() *tokenReads                { return &x.reads }
func (x *Accounts) DBField() **database.DB                { return &x.db }
func (x *Keeper) CacheField() *tokenCache                 { return &x.cache }
func (x *Keeper) ClientsField() *Clients                  { return &x.clients }
func (x *Keeper) DBField() **database.DB                  { return &x.db }
func (x *Keeper) StalledField() *atomic.Int64             { return &x.stalled }
func (x *Keeper) UnsavedField() *atomic.Int64             { return &x.unsaved }
func (x *Outbox) TransportsField() *map[Channel]transport { return &x.transports }

type AccountMail = accountMail
type Authorization = authorization
type Change = change
type Credential = credential
type DueRenewal = dueRenewal
type GateKey = Lane
type KeyCanary = keyCanary
type Lease = lease
type Limit = limit
type Proven = grantedAccess
type Revocation = revocation
type SecondFactor = secondFactor
type Session = session
type SignInCount = signInCount
type SignInForTest = signIn
type SignInOf = signInOf
type SignInTry = signInTry
type StaffTask = staffTask
type Story = story
type TokenRead = tokenRead

var APIKeysFlushTokenReads = (*APIKeys).flushTokenReads
var AccountsDeviceName = (*Accounts).deviceName
var AccountsLimited = (*Accounts).limited
var AccountsPeople = (*Accounts).people
var AddMails = addMails
var AddTask = addTask
var Audiences = audiences
var BelowMailLimit = belowMailLimit
var ConnectionsSave = (*Connections).save
var DeskBrowse = (*Desk).browse
var DeskLook = (*Desk).look
var DeskLookAtCompany = (*Desk).lookAtCompany
var EndSessions = endSessions
var ErrLeaseOld = errLeaseOld
var IsProven = isProven
var KeeperDue = (*Keeper).due
var KeeperDueRevocations = (*Keeper).dueRevocations
var KeeperGiveUp = (*Keeper).giveUp
var KeeperLoad = (*Keeper).load
var KeeperMaySend = (*Keeper).maySend
var KeeperOpenBasis = (*Keeper).openGrant
var KeeperOwnersDead = (*Keeper).ownersDead
var KeeperQueueRevocation = (*Keeper).queueRevocation
var KeeperRenewDue = (*Keeper).renewDue
var KeeperRenewLeased = (*Keeper).renewLeased
var KeeperTakeLease = (*Keeper).takeLease
var KeeperTakeOver = (*Keeper).takeOver
var KeeperTakeOverNow = (*Keeper).takeOverNow
var KeeperTendRevocations = (*Keeper).tendRevocations
var NameKey = nameKey
var NewGate = newBreaker
var NewKnownRefusals = newKnownRefusals
var Next = next
var OthersHave = othersHave
var OutboxDeliver = (*Outbox).deliver
var OutboxDeliverAll = (*Outbox).deliverAll
var OutboxDue = (*Outbox).due
var OutboxDueToAccounts = (*Outbox).dueToAccounts
var QueueMails = queueMails
var QueueWorksAgain = queueWorksAgain
var Record = record
var RecordSeries = recordSeries
var Refreshes = refreshes
var SealCredential = newCredential
var SealedTables = sealedTables
var SecretForms = secretForms
var SignInAlarm = signInAlarm
var SignInPerAddress = signInPerAddress
var SignInPerPair = signInPerPair
var SignInsOf = signInsOf
var TestsOfCompany = testsOfCompany
var TokenReadsOf = tokenReadsOf
