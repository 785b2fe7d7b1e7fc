package keeper

import (
	"sync/atomic"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// What tests in the package's own folder need besides its API.
const (
	ForegroundShare  = foregroundShare
	GateTrips        = breakerTrips
	LeasedAtOnce     = leasedAtOnce
	LimitWindow      = limitWindow
	LongestAsked     = longestAsked
	LongestRest      = longestRest
	LongestRetry     = longestRetry
	ParallelRenewals = parallelRenewals
	PollEvery        = pollEvery
	ShortestRest     = shortestRest
)

func (x *Keeper) CacheField() *tokenCache       { return &x.cache }
func (x *Keeper) ClientsField() *models.Clients { return &x.clients }
func (x *Keeper) DBField() **database.DB        { return &x.db }
func (x *Keeper) StalledField() *atomic.Int64   { return &x.stalled }
func (x *Keeper) UnsavedField() *atomic.Int64   { return &x.unsaved }

type (
	Credential = credential
	DueRenewal = dueRenewal
	GateKey    = Lane
	Lease      = lease
	Revocation = revocation
)

var (
	ErrLeaseOld           = errLeaseOld
	KeeperDue             = (*Keeper).due
	KeeperDueRevocations  = (*Keeper).dueRevocations
	KeeperGiveUp          = (*Keeper).giveUp
	KeeperLoad            = (*Keeper).load
	KeeperMaySend         = (*Keeper).maySend
	KeeperOpenBasis       = (*Keeper).openGrant
	KeeperOwnersDead      = (*Keeper).ownersDead
	KeeperQueueRevocation = (*Keeper).queueRevocation
	KeeperRenewDue        = (*Keeper).renewDue
	KeeperRenewLeased     = (*Keeper).renewLeased
	KeeperTakeLease       = (*Keeper).takeLease
	KeeperTakeOver        = (*Keeper).takeOver
	KeeperTakeOverNow     = (*Keeper).takeOverNow
	KeeperTendRevocations = (*Keeper).tendRevocations
	NewGate               = newBreaker
	SealCredential        = newCredential
)
