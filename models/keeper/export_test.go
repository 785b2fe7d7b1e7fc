package keeper

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// This file exports to the tests in package keeper_test what they need besides the
// package's API.

// Limits and intervals.
const (
	BreakerTrips     = breakerTrips
	ForegroundShare  = foregroundShare
	LeasedAtOnce     = leasedAtOnce
	LimitWindow      = limitWindow
	LongestAsked     = longestAsked
	LongestRest      = longestRest
	LongestRetry     = longestRetry
	ParallelRenewals = parallelRenewals
	PollEvery        = pollEvery
	ShortestRest     = shortestRest
)

// Types of rows and of what a renewal passes on.
type (
	Credential = credential
	DueRenewal = dueRenewal
	Lease      = lease
	Revocation = revocation
)

// Errors.
var ErrLeaseOld = errLeaseOld

// Constructors.
var (
	NewBreaker    = newBreaker
	NewCredential = newCredential
)

// Methods of the keeper, as functions.
var (
	KeeperBringForward    = (*Keeper).bringForward
	KeeperDue             = (*Keeper).due
	KeeperDueRevocations  = (*Keeper).dueRevocations
	KeeperGiveUp          = (*Keeper).giveUp
	KeeperLoad            = (*Keeper).load
	KeeperMaySend         = (*Keeper).maySend
	KeeperOpenGrant       = (*Keeper).openGrant
	KeeperOwnersDead      = (*Keeper).ownersDead
	KeeperPutBack         = (*Keeper).putBack
	KeeperQueueRevocation = (*Keeper).queueRevocation
	KeeperRenewDue        = (*Keeper).renewDue
	KeeperRenewLeased     = (*Keeper).renewLeased
	KeeperTakeLease       = (*Keeper).takeLease
	KeeperTakeOver        = (*Keeper).takeOver
	KeeperTakeOverNow     = (*Keeper).takeOverNow
	KeeperTendRevocations = (*Keeper).tendRevocations
)

// Fields of the keeper that tests replace or count in.

func (k *Keeper) ClientsField() *models.Clients { return &k.clients }
func (k *Keeper) DBField() **database.DB        { return &k.db }
func (k *Keeper) StalledField() *atomic.Int64   { return &k.stalled }
func (k *Keeper) UnsavedField() *atomic.Int64   { return &k.unsaved }

// Unsaved returns the number of renewals that wait to be saved.
func (k *Keeper) Unsaved() int64 { return k.unsaved.Load() }

// Cached returns a token that is in memory.
func (k *Keeper) Cached(companyID, connectionID uuid.UUID, now time.Time) (Access, bool) {
	return k.cache.get(companyID, connectionID, now)
}

// Methods of the breaker and of a grant.

func (b *breaker) Admit() (probe bool, refused *servicetitan.Error) { return b.admit() }

func (b *breaker) Learn(of uuid.UUID, probe bool, err *servicetitan.Error) { b.learn(of, probe, err) }
func (b *breaker) Status() (models.Reason, time.Time)                      { return b.status() }

func (g grant) Ask(ctx context.Context, client *servicetitan.Client) (servicetitan.Tokens, error) {
	return g.ask(ctx, client)
}

// KeyedQueries returns the queries that read a key and a connection together.
func KeyedQueries() []string {
	by := keyed[accounts.ScopeTokensRead]
	return []string{by.inMemory, by.sealed}
}

// SaveConnection is the statement that saves the connection of an ordinary renewal.
const SaveConnection = saveConnection

// RenewLeasedTogether leases connections that are due with one write, and renews them one
// after the other in the order of ids.
func (k *Keeper) RenewLeasedTogether(ctx context.Context, environment servicetitan.EnvironmentName, ids []uuid.UUID) error {
	list, err := k.due(ctx, Lane{Environment: environment}, len(ids))
	for _, id := range ids {
		for _, d := range list {
			if err == nil && d.Connection.ID == id {
				k.renewDue(ctx, d)
			}
		}
	}
	return err
}
