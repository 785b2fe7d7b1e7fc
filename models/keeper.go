package models

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// freshFor is how long an access token must still live to be handed out
	// without a renewal.
	freshFor = time.Minute
	// leaseLife is longer than the slowest request to ServiceTitan.
	leaseLife = 30 * time.Second
	// renewLimit bounds one renewal with its second try.
	renewLimit = 25 * time.Second
	leasePause = 100 * time.Millisecond
)

// Keeper always has a valid access token, or knows why not. Only it opens
// credentials.
type Keeper struct {
	db      *DB
	keys    *seal.Keys
	clients Clients
	log     *slog.Logger
	flights singleflight.Group
}

// NewKeeper returns the keeper of a database's credentials.
func NewKeeper(db *DB, keys *seal.Keys, clients Clients, log *slog.Logger) *Keeper {
	return &Keeper{db: db, keys: keys, clients: clients, log: log}
}

// Access is a usable access token.
type Access struct {
	Token     Secret
	ExpiresAt time.Time
	// Generation says which credential it is from.
	Generation int64
}

// AccessToken returns a token of the company's connection that lives for
// another minute at least, renewed if need be; or the old one for as long as
// it lasts while renewals fail for a passing reason. Else it returns a
// ReasonError, or ErrNotFound.
func (k *Keeper) AccessToken(ctx context.Context, companyID, connectionID uuid.UUID) (Access, error) {
	connection, sealed, err := k.load(ctx, companyID, connectionID)
	if err != nil {
		return Access{}, err
	}
	if sealed.ExpiresAt.Sub(k.db.Now()) > freshFor {
		return k.open(ctx, connection, sealed)
	}
	return k.renew(ctx, companyID, connectionID, sealed.Generation)
}

// Renew gets a new token although the one of the generation looks valid,
// because the API refused it.
func (k *Keeper) Renew(ctx context.Context, companyID, connectionID uuid.UUID, generation int64) (Access, error) {
	return k.renew(ctx, companyID, connectionID, generation)
}

// load reads a connection and its credential, if it may be used.
func (k *Keeper) load(ctx context.Context, companyID, connectionID uuid.UUID) (Connection, credential, error) {
	connection, err := getConnection(k.db.Read(ctx), companyID, connectionID)
	if err != nil {
		return connection, credential{}, err
	}
	switch connection.State {
	case ReconnectNeeded:
		return connection, credential{}, &ReasonError{Reason: connection.Reason, Err: ErrReconnectNeeded}
	case Connected, Degraded:
	default:
		return connection, credential{}, &ReasonError{Reason: connection.Reason, Err: ErrNotConnected}
	}
	var sealed credential
	err = k.db.Read(ctx).Where("connection_id = ? AND company_id = ?", connectionID, companyID).Take(&sealed).Error
	return connection, sealed, found(err, "load credential")
}

// open opens the access token. A credential that does not open, or is not the
// connection's newest, is given up: it was altered or moved.
func (k *Keeper) open(ctx context.Context, connection Connection, sealed credential) (Access, error) {
	access, err := sealed.access(k.keys)
	if err == nil && sealed.Generation != connection.Generation {
		// A renewal may have come between the two reads.
		var now credential
		if connection, now, err = k.load(ctx, connection.CompanyID, connection.ID); err != nil {
			return Access{}, err
		}
		if now.Generation != connection.Generation {
			err = seal.ErrCannotOpen
		} else {
			sealed = now
			access, err = sealed.access(k.keys)
		}
	}
	if err != nil {
		return Access{}, k.giveUp(ctx, connection, ReasonSealBroken, err)
	}
	return Access{Token: access, ExpiresAt: sealed.ExpiresAt, Generation: sealed.Generation}, nil
}

// renew replaces the credential of the generation, once, however many ask.
func (k *Keeper) renew(ctx context.Context, companyID, connectionID uuid.UUID, generation int64) (Access, error) {
	answer := k.flights.DoChan(companyID.String()+connectionID.String(), func() (any, error) {
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
	pause := time.NewTicker(leasePause)
	defer pause.Stop()
	for {
		connection, sealed, err := k.load(ctx, companyID, connectionID)
		if err != nil {
			return Access{}, err
		}
		if sealed.Generation > generation {
			return k.open(ctx, connection, sealed) // another instance has renewed it
		}
		lease, err := k.takeLease(ctx, sealed)
		if err != nil {
			return Access{}, err
		}
		if lease.owner != "" {
			return k.renewLeased(ctx, connection, sealed, lease)
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return Access{}, &ReasonError{Reason: ReasonUnavailable, Err: ErrUnavailable}
		}
	}
}

// lease is the sole right to renew a credential.
type lease struct {
	owner string
	// abandoned says that an earlier owner never came to an end, so that the
	// refresh token may be spent.
	abandoned bool
}

// takeLease writes down that a renewal begins, before anything is sent: a
// database that cannot be written costs no token. The lease is empty if
// another holds one.
func (k *Keeper) takeLease(ctx context.Context, sealed credential) (lease, error) {
	taken := lease{owner: newID().String()}
	err := k.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := k.db.sharedNow(tx)
		if err != nil {
			return err
		}
		var current credential
		err = forUpdate(tx).Select("lease_owner", "lease_until").
			Where("connection_id = ? AND generation = ?", sealed.ConnectionID, sealed.Generation).Take(&current).Error
		if errors.Is(err, gorm.ErrRecordNotFound) || (err == nil && current.LeaseUntil != nil && current.LeaseUntil.After(now)) {
			taken = lease{}
			return nil
		}
		if err != nil {
			return err
		}
		taken.abandoned = current.LeaseOwner != ""
		return tx.Model(&credential{}).Where("connection_id = ?", sealed.ConnectionID).
			Updates(map[string]any{"lease_owner": taken.owner, "lease_until": now.Add(leaseLife)}).Error
	})
	if err != nil {
		return lease{}, fmt.Errorf("take lease: %w", err)
	}
	return taken, nil
}

// basis is what new tokens are asked for with: a refresh token, or the tenant's
// own client.
type basis struct {
	refresh Secret
	own     servicetitan.OwnClient
}

func (k *Keeper) openBasis(sealed credential) (b basis, err error) {
	if b.refresh, err = sealed.refresh(k.keys); err != nil {
		return basis{}, err
	}
	b.own, err = sealed.ownClient(k.keys)
	return b, err
}

func (b basis) ask(ctx context.Context, client *servicetitan.Client) (servicetitan.Tokens, error) {
	if !b.own.IsZero() {
		return client.ClientCredentials(ctx, b.own)
	}
	return client.Refresh(ctx, b.refresh)
}

// renewLeased asks for new tokens and saves them.
func (k *Keeper) renewLeased(ctx context.Context, connection Connection, sealed credential, held lease) (Access, error) {
	client, ok := k.clients.In(connection.Environment)
	if !ok {
		return Access{}, &ReasonError{Reason: ReasonUnavailable, Err: ErrUnavailable}
	}
	basis, err := k.openBasis(sealed)
	if err != nil {
		return Access{}, k.giveUp(ctx, connection, ReasonSealBroken, err)
	}
	if basis.refresh.IsZero() && basis.own.IsZero() {
		return Access{}, k.giveUp(ctx, connection, ReasonGrantRefused, errors.New("the grant has no refresh token"))
	}
	tokens, err := basis.ask(ctx, client)
	e, failed := errors.AsType[*servicetitan.Error](err)
	lost := held.abandoned
	if failed && e.AnswerLost {
		// Many servers answer the same token once more within a grace time.
		lost = true
		tokens, err = basis.ask(ctx, client)
		e, failed = errors.AsType[*servicetitan.Error](err)
	}
	switch {
	case err == nil:
		return k.keep(ctx, client, connection, sealed, held, basis, tokens)
	case failed && e.Kind == servicetitan.ClientRefused && !basis.own.IsZero():
		return Access{}, k.giveUp(ctx, connection, ReasonClientRefused, err)
	case failed && e.Kind == servicetitan.GrantRefused:
		reason := ReasonGrantRefused
		if lost {
			reason = ReasonAnswerLost
		}
		return Access{}, k.giveUp(ctx, connection, reason, err)
	default:
		return k.postpone(ctx, connection, sealed, held, err)
	}
}

// keep saves new tokens if the credential is still the one they replace. If it
// is not, a person disconnected or reconnected meanwhile, and the new tokens
// are withdrawn.
func (k *Keeper) keep(ctx context.Context, client *servicetitan.Client, connection Connection, sealed credential, held lease, old basis, tokens servicetitan.Tokens) (Access, error) {
	if tokens.Refresh.IsZero() {
		tokens.Refresh = old.refresh
	}
	fresh, err := sealCredential(k.keys, sealed.CompanyID, sealed.ConnectionID, sealed.Generation+1, tokens, old.own)
	if err != nil {
		return Access{}, err
	}
	saved := false
	err = k.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := k.db.sharedNow(tx)
		if err != nil {
			return err
		}
		result := tx.Model(&credential{}).
			Where("connection_id = ? AND generation = ? AND lease_owner = ?", sealed.ConnectionID, sealed.Generation, held.owner).
			Updates(map[string]any{
				"access_sealed": fresh.AccessSealed, "refresh_sealed": fresh.RefreshSealed, "secret_sealed": fresh.SecretSealed, "expires_at": fresh.ExpiresAt,
				"generation": fresh.Generation, "lease_owner": "", "lease_until": nil,
			})
		if result.Error != nil || result.RowsAffected == 0 {
			return result.Error
		}
		saved = true
		upgrade := false
		err = k.change(tx, connection, renewed, func(c *Connection) {
			c.Generation = fresh.Generation
			upgrade = c.granted(tokens, client.Environment().Scopes, now)
		}, Event{Kind: EventRecovered, At: now})
		if err != nil || !upgrade {
			return err
		}
		return recordUpgrade(tx, connection, now)
	})
	if err != nil {
		return Access{}, fmt.Errorf("save renewed access: %w", err)
	}
	if !saved {
		if !tokens.Refresh.IsZero() {
			if err := client.Revoke(ctx, tokens.Refresh); err != nil {
				k.log.WarnContext(ctx, "unused access was not withdrawn", "connection", connection.ID, "error", err)
			}
		}
		return k.AccessToken(ctx, sealed.CompanyID, sealed.ConnectionID)
	}
	return Access{Token: tokens.Access, ExpiresAt: fresh.ExpiresAt, Generation: fresh.Generation}, nil
}
