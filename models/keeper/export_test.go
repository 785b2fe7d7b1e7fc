package keeper

import (
	"sync/atomic"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// What tests in the package's own folder need besides its API.
const ForegroundShare = foregroundShare
const GateTrips = breakerTrips
const LeasedAtOnce = leasedAtOnce
const LimitWindow = limitWindow
const LongestAsked = longestAsked
const LongestRest = longestRest
const LongestRetry = longestRetry
const ParallelRenewals = parallelRenewals
const PollEvery = pollEvery
const ShortestRest = shortestRest

func (x *Keeper) CacheField() *tokenCache       { return &x.cache }
func (x *Keeper) ClientsField() *models.Clients { return &x.clients }
func (x *Keeper) DBField() **database.DB        { return &x.db }
func (x *Keeper) StalledField() *atomic.Int64   { return &x.stalled }
func (x *Keeper) UnsavedField() *atomic.Int64   { return &x.unsaved }

type Credential = credential
type DueRenewal = dueRenewal
type GateKey = Lane
type Lease = lease
type Revocation = revocation

var ErrLeaseOld = errLeaseOld
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
var NewGate = newBreaker
var SealCredential = newCredential
