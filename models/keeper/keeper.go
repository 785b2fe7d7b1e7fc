package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// renewLimit bounds one renewal with its second try.
const renewLimit = 25 * time.Second

// Options are how a keeper works.
type Options struct {
	// KeepAlive is how often an idle connection proves that it works.
	KeepAlive time.Duration
	// PerSecond is how many renewals an environment gets in a second at most.
	PerSecond int
	// Watch is told of what the keeper does; its functions may be nil.
	Watch Watch
}

// Watch is told what the keeper does, for figures.
type Watch struct {
	// Renewed is how a renewal went: "ok", or a Reason, or "registration".
	Renewed func(environment servicetitan.EnvironmentName, outcome string, took time.Duration)
	// Served is where a token came from: "cache", "database" or "renewal".
	Served func(from string)
	// LeaseLost is a renewal whose result another one or a person made useless.
	LeaseLost func()
}

func (w *Watch) fill() {
	if w.Renewed == nil {
		w.Renewed = func(servicetitan.EnvironmentName, string, time.Duration) {}
	}
	if w.Served == nil {
		w.Served = func(string) {}
	}
	if w.LeaseLost == nil {
		w.LeaseLost = func() {}
	}
}

// Keeper always has a valid access token, or knows why not. Only it opens
// credentials.
type Keeper struct {
	db      *database.DB
	keys    *seal.Keys
	clients models.Clients
	options Options
	log     *slog.Logger
	flights singleflight.Group
	// underWay are renewals that go on after who asked has gone away.
	underWay sync.WaitGroup
	cache    tokenCache
	breakers map[Lane]*breaker
	tally    Tally
	// unsaved is how many renewals have an answer that is not saved yet.
	unsaved atomic.Int64
	// stalled is how many of them wait because the database is unavailable.
	stalled atomic.Int64
}

// Lane names the renewals that share a circuit breaker. Each environment has two: one
// for the app's own registration and one for the tenants' own clients, because the
// issuer may refuse the first while the others work.
type Lane struct {
	Environment servicetitan.EnvironmentName
	OwnClient   bool
}

// New returns the keeper of a database's credentials.
func New(db *database.DB, keys *seal.Keys, clients models.Clients, o Options, log *slog.Logger) *Keeper {
	o.Watch.fill()
	k := &Keeper{db: db, keys: keys, clients: clients, options: o, log: log, breakers: map[Lane]*breaker{}}
	for _, c := range clients {
		for _, own := range []bool{false, true} {
			k.breakers[Lane{Environment: c.Environment().Name, OwnClient: own}] = newBreaker(o.PerSecond, own, db.Now)
		}
	}
	return k
}

// StartOver drops what was counted and what was learned of the issuers.
func (k *Keeper) StartOver() {
	k.tally.forget()
	for _, b := range k.breakers {
		b.reset()
	}
}

// Lanes returns all lanes, always in the same order.
func (k *Keeper) Lanes() []Lane {
	return slices.SortedFunc(maps.Keys(k.breakers), func(a, b Lane) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(fmt.Sprint(a.OwnClient), fmt.Sprint(b.OwnClient)))
	})
}

// Wait waits for the renewals that somebody asked for. Nobody may ask any more.
func (k *Keeper) Wait() { k.underWay.Wait() }

// Access is a usable access token.
type Access struct {
	Token     secret.Value
	ExpiresAt time.Time
	// Generation says which credential it is from.
	Generation int64
}

// AccessToken returns a token of the company's connection that lives for
// another minute at least, renewed if need be; or the old one for as long as
// it lasts while renewals fail for a passing reason. Else it returns a
// ReasonError, or ErrNotFound.
func (k *Keeper) AccessToken(ctx context.Context, companyID, connectionID uuid.UUID) (Access, error) {
	connection, err := k.ToServe(ctx, connectionID, &companyID)
	if err != nil {
		return Access{}, err
	}
	return k.AccessOf(ctx, connection, false)
}

// AccessNow is AccessToken for a person who is waiting. If renewals are failing for
// a temporary reason, it attempts one at once instead of at the scheduled time.
func (k *Keeper) AccessNow(ctx context.Context, companyID, connectionID uuid.UUID) (Access, error) {
	connection, err := k.ToServe(ctx, connectionID, &companyID)
	if err != nil {
		return Access{}, err
	}
	return k.AccessOf(ctx, connection, true)
}

// ToServe reads of a connection what it takes to serve its access, and nothing
// else. It is one of the company's; or, if companyID is nil, of any company that
// is not locked.
func (k *Keeper) ToServe(ctx context.Context, id uuid.UUID, companyID *uuid.UUID) (models.Connection, error) {
	query, values := `SELECT id, company_id, environment, tenant_id, state, reason, generation, renewed_at, expires_at, next_renewal_at,
		last_used_at, failures FROM connections WHERE id = $1`, []any{id}
	if companyID != nil {
		query, values = query+" AND company_id = $2", append(values, *companyID)
	} else {
		query += " AND company_id NOT IN (" + accounts.LockedCompanies + ")"
	}
	var c models.Connection
	err := k.db.ReadRow(ctx, query, values, &c.ID, &c.CompanyID, &c.Environment, &c.TenantID, &c.State, &c.Reason, &c.Generation,
		&c.RenewedAt, &c.ExpiresAt, &c.NextRenewalAt, &c.LastUsedAt, &c.Failures)
	return c, database.Found(err, "get connection")
}

// AccessOf is the access of a connection that has just been read. A token from
// memory counts if the database still has the credential that it is from.
func (k *Keeper) AccessOf(ctx context.Context, connection models.Connection, insist bool) (Access, error) {
	now := k.db.Now()
	access, ok := k.cache.get(connection.CompanyID, connection.ID, now)
	if ok && access.Generation == connection.Generation && (connection.State == models.Connected || connection.State == models.Degraded) {
		k.options.Watch.Served("cache")
		return access, nil
	}
	k.cache.drop(connection.ID)
	cred, err := k.credentialOf(ctx, connection)
	if err != nil {
		return Access{}, err
	}
	k.noteUse(ctx, connection, now)
	if cred.ExpiresAt.Sub(now) > freshFor {
		access, err := k.open(ctx, connection, cred)
		if err == nil {
			k.cache.put(connection.CompanyID, connection.ID, access, now)
			k.options.Watch.Served("database")
		}
		return access, err
	}
	if next := connection.NextRenewalAt; !insist && connection.Failures > 0 && next != nil && now.Before(*next) {
		return k.old(ctx, connection, cred, cmp.Or(connection.Reason, models.ReasonUnavailable), *next)
	}
	access, err = k.renew(ctx, connection.CompanyID, connection.ID, cred.Generation)
	if err == nil {
		k.options.Watch.Served("renewal")
	}
	return access, err
}

// noteUse writes down now and then that the connection is in use, so that it is
// renewed before its access lapses. However many ask at once, one writes. A
// token is served even if it cannot be written.
func (k *Keeper) noteUse(ctx context.Context, connection models.Connection, now time.Time) {
	if connection.LastUsedAt != nil && now.Sub(*connection.LastUsedAt) < useNoted {
		return
	}
	_, err, _ := k.flights.Do("use "+connection.ID.String(), func() (any, error) {
		ctx, cancel := k.db.LimitWork(context.WithoutCancel(ctx))
		defer cancel()
		return nil, k.db.Write(ctx, func(tx *gorm.DB) error { return writeUse(tx, connection, now) })
	})
	if err != nil {
		k.log.WarnContext(ctx, "use was not noted", "connection", connection.ID, "error", err)
	}
}

func writeUse(tx *gorm.DB, connection models.Connection, now time.Time) error {
	if err := tx.Model(&models.Connection{}).Where("id = ?", connection.ID).Update("last_used_at", now).Error; err != nil {
		return err
	}
	if inUseAt(&connection, now) || connection.Failures > 0 || !connection.ExpiresAt.After(now) {
		return nil
	}
	// It was idle: from now on it is renewed before its access lapses.
	life := connection.ExpiresAt.Sub(connection.RenewedAt)
	next := connection.ExpiresAt.Add(-life/5 - retry.Spread(life/20))
	if connection.NextRenewalAt != nil && connection.NextRenewalAt.Before(next) {
		return nil
	}
	return errors.Join(
		tx.Model(&models.Connection{}).Where("id = ?", connection.ID).Update("next_renewal_at", next).Error,
		tx.Model(&credential{}).Where("connection_id = ? AND due_at IS NOT NULL", connection.ID).Update("due_at", next).Error,
	)
}

// Renew gets a new token although the one of the generation looks valid,
// because the API refused it.
func (k *Keeper) Renew(ctx context.Context, companyID, connectionID uuid.UUID, generation int64) (Access, error) {
	k.cache.drop(connectionID)
	return k.renew(ctx, companyID, connectionID, generation)
}

// Renewed is Renew for those whom the token of the generation is no good to:
// where there is no other, its ReasonError says why.
func (k *Keeper) Renewed(ctx context.Context, companyID, connectionID uuid.UUID, generation int64) (Access, error) {
	access, err := k.Renew(ctx, companyID, connectionID, generation)
	if err != nil || access.Generation > generation {
		return access, err
	}
	// The connection has the reason if it is to blame. If not, the breaker has it.
	now, err := models.GetConnection(k.db.Read(ctx), companyID, connectionID)
	if err != nil {
		return Access{}, err
	}
	e := &models.ReasonError{Reason: now.Reason, Err: database.ErrUnavailable}
	if next := now.NextRenewalAt; next != nil && now.Failures > 0 {
		e.RetryAt = *next
	}
	if b := k.breakers[Lane{Environment: now.Environment, OwnClient: now.Way != models.SignInWay}]; b != nil {
		reason, until := b.status()
		e.Reason = cmp.Or(e.Reason, reason)
		if e.RetryAt.Before(until) {
			e.RetryAt = until
		}
	}
	e.Reason = cmp.Or(e.Reason, models.ReasonUnavailable)
	return Access{}, e
}

// load reads a connection and its credential, if it may be used.
func (k *Keeper) load(ctx context.Context, companyID, connectionID uuid.UUID) (models.Connection, credential, error) {
	connection, err := models.GetConnection(k.db.Read(ctx), companyID, connectionID)
	if err != nil {
		return connection, credential{}, err
	}
	cred, err := k.credentialOf(ctx, connection)
	return connection, cred, err
}

// credentialOf reads the secrets of a connection, if they may be used.
func (k *Keeper) credentialOf(ctx context.Context, connection models.Connection) (credential, error) {
	cred := credential{ConnectionID: connection.ID, CompanyID: connection.CompanyID}
	switch connection.State {
	case models.ReconnectNeeded:
		return cred, &models.ReasonError{Reason: connection.Reason, Err: models.ErrReconnectNeeded}
	case models.Connected, models.Degraded:
	case models.Pending, models.Disconnected:
		return cred, &models.ReasonError{Reason: connection.Reason, Err: models.ErrNotConnected}
	}
	err := k.db.ReadRow(ctx, `SELECT access_sealed, refresh_sealed, client_id, secret_sealed, expires_at, generation
		FROM credentials WHERE connection_id = $1 AND company_id = $2`, []any{cred.ConnectionID, cred.CompanyID},
		&cred.AccessSealed, &cred.RefreshSealed, &cred.ClientID, &cred.SecretSealed, &cred.ExpiresAt, &cred.Generation)
	if errors.Is(err, database.ErrNotFound) {
		// Disconnected between the two reads.
		return cred, &models.ReasonError{Reason: connection.Reason, Err: models.ErrNotConnected}
	}
	return cred, database.Found(err, "load credential")
}

// open opens the access token. A credential that does not open, or is not the
// connection's newest, is given up: it was altered or moved.
func (k *Keeper) open(ctx context.Context, connection models.Connection, cred credential) (Access, error) {
	access, err := cred.access(k.keys)
	if err == nil && cred.Generation != connection.Generation {
		// A renewal may have come between the two reads.
		var now credential
		if connection, now, err = k.load(ctx, connection.CompanyID, connection.ID); err != nil {
			return Access{}, err
		}
		if now.Generation != connection.Generation {
			err = seal.ErrCannotOpen
		} else {
			cred = now
			access, err = cred.access(k.keys)
		}
	}
	if errors.Is(err, seal.ErrKeyMissing) {
		k.log.ErrorContext(ctx, "this host has not the newest keyset file", "connection", connection.ID, "error", err)
		return Access{}, &models.ReasonError{Reason: models.ReasonUnavailable, Err: database.ErrUnavailable}
	}
	if err != nil {
		return k.giveUp(ctx, connection, lease{}, models.ReasonSealBroken, err)
	}
	return Access{Token: access, ExpiresAt: cred.ExpiresAt, Generation: cred.Generation}, nil
}

// old serves the token that could not be renewed for as long as it lasts. Then
// its ReasonError says when the renewal is tried again; a zero time is unknown.
func (k *Keeper) old(ctx context.Context, connection models.Connection, cred credential, reason models.Reason, retryAt time.Time) (Access, error) {
	if cred.ExpiresAt.After(k.db.Now()) {
		return k.open(ctx, connection, cred)
	}
	return Access{}, &models.ReasonError{Reason: reason, RetryAt: retryAt, Err: database.ErrUnavailable}
}
