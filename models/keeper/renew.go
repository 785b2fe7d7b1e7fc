package keeper

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// renew replaces the credential of the generation. It does so once, no matter how many
// callers ask at the same time.
func (k *Keeper) renew(ctx context.Context, companyID, connectionID uuid.UUID, generation int64) (Access, error) {
	answer := k.flights.DoChan(companyID.String()+connectionID.String(), func() (any, error) {
		k.underWay.Add(1)
		defer k.underWay.Done()
		// The renewal continues even if the caller goes away, because the old token may
		// already be spent.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewLimit)
		defer cancel()
		return k.renewOnce(ctx, companyID, connectionID, generation)
	})
	select {
	case <-ctx.Done():
		return Access{}, fmt.Errorf("wait for renewal: %w", context.Cause(ctx))
	case got := <-answer:
		if got.Err != nil {
			return Access{}, got.Err
		}
		return got.Val.(Access), nil
	}
}

// renewOnce waits until it has the lease, and renews. If another instance has renewed by
// then, it returns what that instance got.
func (k *Keeper) renewOnce(ctx context.Context, companyID, connectionID uuid.UUID, generation int64) (Access, error) {
	for range retry.NowAndEvery(ctx, leasePause) {
		connection, cred, err := k.load(ctx, companyID, connectionID)
		if err != nil {
			return Access{}, err
		}
		if cred.Generation > generation {
			return k.open(ctx, connection, cred) // another instance has renewed it
		}
		held, err := k.takeLease(ctx, cred)
		if err != nil {
			return Access{}, err
		}
		if held.Owner != "" {
			return k.renewForSomebody(ctx, connection, cred, held)
		}
	}
	return Access{}, &models.ReasonError{Reason: models.ReasonUnavailable, Err: database.ErrUnavailable}
}

// grant is what a token request needs: a refresh token or the tenant's own client.
type grant struct {
	Refresh secret.Value
	Own     servicetitan.OwnClient
}

// openGrant decrypts the grant of a credential.
func (k *Keeper) openGrant(cred credential) (g grant, err error) {
	if g.Refresh, err = cred.refresh(k.keys); err != nil {
		return grant{}, err
	}
	g.Own, err = cred.ownClient(k.keys)
	return g, err
}

// ask sends a token request to ServiceTitan: the client credentials grant
// (RFC 6749, section 4.4) for a tenant's own client, or else a refresh (section 6).
func (g grant) ask(ctx context.Context, client *servicetitan.Client) (servicetitan.Tokens, error) {
	if !g.Own.IsZero() {
		return client.ClientCredentials(ctx, g.Own)
	}
	return client.Refresh(ctx, g.Refresh)
}

// renewLeased requests new tokens under a lease, and saves them. ahead says that no
// caller waits for them.
func (k *Keeper) renewLeased(ctx context.Context, connection models.Connection, cred credential, held lease, ahead bool) (Access, error) {
	client, ok := k.clients.In(connection.Environment)
	if !ok {
		return k.postpone(ctx, connection, cred, held, errNotConfigured)
	}
	oldGrant, err := k.openGrant(cred)
	if errors.Is(err, seal.ErrKeyMissing) {
		return k.postpone(ctx, connection, cred, held, err)
	}
	if err != nil {
		return k.giveUp(ctx, connection, held, models.ReasonSealBroken, err)
	}
	if oldGrant.Refresh.IsZero() && oldGrant.Own.IsZero() {
		return k.giveUp(ctx, connection, held, models.ReasonGrantRefused, errors.New("the grant has no refresh token"))
	}
	began := k.db.Now()
	tokens, lost, err := k.askThroughBreaker(ctx, client, connection.ID, oldGrant, held, ahead)
	outcome := "ok"
	defer func() {
		now := k.db.Now()
		k.options.Watch.Renewed(connection.Environment, outcome, now.Sub(began))
		switch {
		case outcome == "ok":
			k.tally.add(connection.Environment, 1, 0, now)
		case !unasked(err):
			k.tally.add(connection.Environment, 0, 1, now)
		}
	}()
	k.noteResult(connection, !oldGrant.Own.IsZero(), err)
	if err == nil {
		return k.keep(ctx, answered{client: client, connection: connection, cred: cred, held: held, old: oldGrant, tokens: tokens})
	}
	v := models.VerdictOf(err, !oldGrant.Own.IsZero())
	if v.Reason == models.ReasonGrantRefused && (lost || held.Abandoned) {
		v.Reason = models.ReasonAnswerLost
	}
	outcome = string(v.Reason)
	cause, excused := k.excused(connection, err)
	if v.Permanent && !excused {
		return k.giveUp(ctx, connection, held, v.Reason, err)
	}
	if v.Reason == models.ReasonOurSide && oldGrant.Own.IsZero() {
		outcome = "registration" // the metrics count it separately
	}
	held.Abandoned = held.Abandoned || lost
	return k.postpone(ctx, connection, cred, held, cause)
}

// askThroughBreaker requests tokens if the circuit breaker lets it. If the answer is lost,
// it sends the request once more at once, because many servers accept the same refresh
// token again within a grace period. lost says that an answer was lost.
func (k *Keeper) askThroughBreaker(ctx context.Context, client *servicetitan.Client, of uuid.UUID, g grant, held lease, ahead bool) (tokens servicetitan.Tokens, lost bool, err error) {
	b := k.breakers[Lane{Environment: client.Environment().Name, OwnClient: !g.Own.IsZero()}]
	if err := b.waitTurn(ctx, held, ahead); err != nil {
		return servicetitan.Tokens{}, false, fmt.Errorf("wait for the rate limit: %w", err)
	}
	_, _ = client.Endpoints(ctx) // discovery may take long, and nothing may come between the next check and the request
	if err := k.maySend(ctx, held); err != nil {
		return servicetitan.Tokens{}, false, err
	}
	probe, refused := b.admit()
	if refused != nil {
		return servicetitan.Tokens{}, false, refused
	}
	// The breaker learns of a panic too: it may be waiting for this one request.
	e := &servicetitan.Error{Op: "renew", Kind: servicetitan.Unavailable}
	defer func() {
		// A problem with a tenant's own client is logged with its task.
		if b.learn(of, probe, e) && g.Own.IsZero() {
			k.log.ErrorContext(ctx, "ServiceTitan does not accept our registration", "environment", client.Environment().Name, "error", err)
		}
	}()
	tokens, err = g.ask(ctx, client)
	e, _ = errors.AsType[*servicetitan.Error](err)
	if e != nil && e.AnswerLost && k.maySend(ctx, held) == nil {
		lost = true
		tokens, err = g.ask(ctx, client)
		e, _ = errors.AsType[*servicetitan.Error](err)
	}
	return tokens, lost, err
}
