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

// renew replaces the credential of the generation, once, however many ask.
func (k *Keeper) renew(ctx context.Context, companyID, connectionID uuid.UUID, generation int64) (Access, error) {
	answer := k.flights.DoChan(companyID.String()+connectionID.String(), func() (any, error) {
		k.underWay.Add(1)
		defer k.underWay.Done()
		// The renewal goes to its end even if who asked goes away: the old token
		// may be spent already.
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

func (k *Keeper) renewOnce(ctx context.Context, companyID, connectionID uuid.UUID, generation int64) (Access, error) {
	for range retry.NowAndEvery(ctx, leasePause) {
		connection, sealed, err := k.load(ctx, companyID, connectionID)
		if err != nil {
			return Access{}, err
		}
		if sealed.Generation > generation {
			return k.open(ctx, connection, sealed) // another instance has renewed it
		}
		held, err := k.takeLease(ctx, sealed)
		if err != nil {
			return Access{}, err
		}
		if held.Owner != "" {
			return k.renewForSomebody(ctx, connection, sealed, held)
		}
	}
	return Access{}, &models.ReasonError{Reason: models.ReasonUnavailable, Err: database.ErrUnavailable}
}

// grant is what new tokens are asked for with: a refresh token, or the tenant's
// own client.
type grant struct {
	Refresh secret.Value
	Own     servicetitan.OwnClient
}

func (k *Keeper) openGrant(sealed credential) (b grant, err error) {
	if b.Refresh, err = sealed.refresh(k.keys); err != nil {
		return grant{}, err
	}
	b.Own, err = sealed.ownClient(k.keys)
	return b, err
}

func (b grant) Ask(ctx context.Context, client *servicetitan.Client) (servicetitan.Tokens, error) {
	if !b.Own.IsZero() {
		return client.ClientCredentials(ctx, b.Own)
	}
	return client.Refresh(ctx, b.Refresh)
}

// renewLeased asks for new tokens and saves them; ahead says that nobody waits
// for them.
func (k *Keeper) renewLeased(ctx context.Context, connection models.Connection, sealed credential, held lease, ahead bool) (Access, error) {
	client, ok := k.clients.In(connection.Environment)
	if !ok {
		return k.postpone(ctx, connection, sealed, held, errNotConfigured)
	}
	basis, err := k.openGrant(sealed)
	if errors.Is(err, seal.ErrKeyMissing) {
		return k.postpone(ctx, connection, sealed, held, err)
	}
	if err != nil {
		return k.giveUp(ctx, connection, held, models.ReasonSealBroken, err)
	}
	if basis.Refresh.IsZero() && basis.Own.IsZero() {
		return k.giveUp(ctx, connection, held, models.ReasonGrantRefused, errors.New("the grant has no refresh token"))
	}
	began := k.db.Now()
	tokens, lost, err := k.askThroughBreaker(ctx, client, connection.ID, basis, held, ahead)
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
	if err == nil {
		return k.keep(ctx, answered{client: client, connection: connection, sealed: sealed, held: held, old: basis, tokens: tokens})
	}
	v := models.VerdictOf(err, !basis.Own.IsZero())
	if v.Reason == models.ReasonGrantRefused && (lost || held.Abandoned) {
		v.Reason = models.ReasonAnswerLost
	}
	outcome = string(v.Reason)
	if v.Permanent {
		return k.giveUp(ctx, connection, held, v.Reason, err)
	}
	if v.Reason == models.ReasonOurSide && basis.Own.IsZero() {
		outcome = "registration" // an incident of its own in the figures
	}
	held.Abandoned = held.Abandoned || lost
	return k.postpone(ctx, connection, sealed, held, err)
}

// askThroughBreaker asks for tokens if the issuer may be asked now. An answer that
// was lost is asked for once more at once: many servers answer the same token
// again within a grace time. The second result says that one was lost.
func (k *Keeper) askThroughBreaker(ctx context.Context, client *servicetitan.Client, of uuid.UUID, b grant, held lease, ahead bool) (tokens servicetitan.Tokens, lost bool, err error) {
	g := k.breakers[Lane{client.Environment().Name, !b.Own.IsZero()}]
	if err := g.waitTurn(ctx, held, ahead); err != nil {
		return servicetitan.Tokens{}, false, fmt.Errorf("wait for the rate limit: %w", err)
	}
	_, _ = client.Endpoints(ctx) // to find them out may take long; nothing may come between the next look and the request
	if err := k.maySend(ctx, held); err != nil {
		return servicetitan.Tokens{}, false, err
	}
	probe, refused := g.Enter()
	if refused != nil {
		return servicetitan.Tokens{}, false, refused
	}
	// Of a panic the gate learns no less: it may be waiting for this one request.
	e := &servicetitan.Error{Op: "renew", Kind: servicetitan.Unavailable}
	defer func() {
		// A problem with a tenant's own client is told of with its task.
		if g.Leave(of, probe, e) && b.Own.IsZero() {
			k.log.ErrorContext(ctx, "ServiceTitan does not accept our registration", "environment", client.Environment().Name, "error", err)
		}
	}()
	tokens, err = b.Ask(ctx, client)
	e, _ = errors.AsType[*servicetitan.Error](err)
	if e != nil && e.AnswerLost && k.maySend(ctx, held) == nil {
		lost = true
		tokens, err = b.Ask(ctx, client)
		e, _ = errors.AsType[*servicetitan.Error](err)
	}
	return tokens, lost, err
}
