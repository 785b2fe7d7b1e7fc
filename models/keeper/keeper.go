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
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// renewLimit is the time limit of one renewal, including its second attempt.
const renewLimit = 25 * time.Second

// Options holds a keeper's settings.
type Options struct {
	// KeepAlive is the maximum time between two renewals of an idle connection.
	KeepAlive time.Duration
	// PerSecond is the maximum number of renewals in a second, for each lane.
	PerSecond int
	// Outages is told how ServiceTitan answers. It may be nil.
	Outages *outage.Monitor
	// CheckWithin is how soon a connection that was idle is checked once it is used; 0 if
	// its use does not matter.
	CheckWithin time.Duration
	// Watch is told what the keeper does. Its functions may be nil.
	Watch Watch
}

// Watch holds the functions that count what the keeper does, for metrics.
type Watch struct {
	// Renewed is called after each renewal. The outcome is "ok", a models.Reason, or
	// "registration" if the app's own registration or configuration is to blame.
	Renewed func(environment servicetitan.EnvironmentName, outcome string, took time.Duration)
	// Served is called for each token that AccessToken, AccessNow, or AccessOf serves
	// from "cache", "database", or "renewal".
	Served func(from string)
	// LeaseLost is called for each renewal whose result is not used, because another
	// renewal or a person replaced the access first.
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

// Keeper keeps the credentials of a database. For each connection, it has a valid
// access token or knows why not.
type Keeper struct {
	db      *database.DB
	keys    *seal.Keys
	clients models.Clients
	options Options
	log     *slog.Logger
	flights singleflight.Group
	// underWay counts renewals on request. They continue if the caller goes away.
	underWay sync.WaitGroup
	cache    tokenCache
	breakers map[Lane]*breaker
	tally    tally
	// unsaved is the number of renewals whose answer could not be saved yet.
	unsaved atomic.Int64
	// stalled is the number of these that wait because the database is unavailable.
	stalled atomic.Int64
}

// Lane names the renewals that share a circuit breaker. Each environment has two: one
// for the app's own registration and one for the tenants' own clients, because the
// issuer may refuse the first while the others work.
type Lane struct {
	Environment servicetitan.EnvironmentName
	OwnClient   bool
}

// New returns a keeper of the database's credentials. It renews access of the
// environments that clients are given for.
func New(db *database.DB, keys *seal.Keys, clients models.Clients, o Options, log *slog.Logger) *Keeper {
	o.Watch.fill()
	k := &Keeper{db: db, keys: keys, clients: clients, options: o, log: log, breakers: map[Lane]*breaker{}}
	for _, c := range clients {
		for _, own := range []bool{false, true} {
			k.breakers[Lane{Environment: c.Environment().Name, OwnClient: own}] = newBreaker(o.PerSecond, own, db.Now)
		}
	}
	o.Outages.WhenOpen(k.inOutage)
	o.Outages.WhenEnded(k.bringForward)
	return k
}

// StartOver drops the renewals that were counted but not written, and resets every
// circuit breaker. A demo that is reset calls it.
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

// Wait waits until the renewals on request have ended. Callers must not ask for more
// after that.
func (k *Keeper) Wait() { k.underWay.Wait() }

// Access is an access token that can be used.
type Access struct {
	Token     secret.Value
	ExpiresAt time.Time
	// Generation is that of the credential that the token is from.
	Generation int64
}

// AccessToken returns an access token of the company's connection that is valid for at
// least another minute, and renews it if necessary. While renewals fail for a temporary
// reason, it returns the old token for as long as that is valid.
//
// Its error is a models.ReasonError if there is no usable token, or
// database.ErrNotFound if the company has no such connection.
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

// ToServe reads the columns of a connection that AccessOf needs, and leaves the other
// fields empty. The connection must belong to the company. If companyID is nil, it may
// belong to any company that is not locked. The error is database.ErrNotFound if there is
// no such connection.
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

// AccessOf is AccessToken for a connection that was just read with ToServe. A token in
// memory counts only while the connection still has its generation. With insist, it
// attempts a renewal before the scheduled time.
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
		return k.openAndCache(ctx, connection, cred, now)
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

// noteUse records from time to time that the connection is in use, so that it is
// renewed before its access expires. If many callers ask at once, one of them writes. A
// failed write does not keep the token from being served.
func (k *Keeper) noteUse(ctx context.Context, connection models.Connection, now time.Time) {
	if !useIsDue(connection, now) {
		return
	}
	_, err, _ := k.flights.Do("use "+connection.ID.String(), func() (any, error) {
		ctx, cancel := k.db.LimitWork(context.WithoutCancel(ctx))
		defer cancel()
		return nil, k.db.Write(ctx, func(tx *gorm.DB) error { return k.writeUse(tx, connection, now) })
	})
	if err != nil {
		k.log.WarnContext(ctx, "use was not recorded", "connection", connection.ID, "error", err)
	}
}

// writeUse records a use. A connection that was idle gets an earlier renewal and check.
func (k *Keeper) writeUse(tx *gorm.DB, connection models.Connection, now time.Time) error {
	if err := tx.Model(&models.Connection{}).Where("id = ?", connection.ID).Update("last_used_at", now).Error; err != nil {
		return err
	}
	if inUseAt(&connection, now) {
		return nil
	}
	if err := k.checkSooner(tx, connection.ID, now); err != nil {
		return err
	}
	if connection.Failures > 0 || !connection.ExpiresAt.After(now) {
		return nil
	}
	// The connection was idle. From now on, it is renewed before its access expires.
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

// Renew replaces the token of a generation that looks valid, because the API refused it.
// If renewals fail for a temporary reason, it returns the old token, so the generation of
// the result may be the same. Its errors are those of AccessToken.
func (k *Keeper) Renew(ctx context.Context, companyID, connectionID uuid.UUID, generation int64) (Access, error) {
	k.cache.drop(connectionID)
	return k.renew(ctx, companyID, connectionID, generation)
}

// Renewed is Renew for callers who cannot use the old token. If there is no newer one,
// it returns a models.ReasonError that says why.
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

// load reads a connection and its credential. Its error is a models.ReasonError if the
// connection's state does not allow use.
func (k *Keeper) load(ctx context.Context, companyID, connectionID uuid.UUID) (models.Connection, credential, error) {
	connection, err := models.GetConnection(k.db.Read(ctx), companyID, connectionID)
	if err != nil {
		return connection, credential{}, err
	}
	cred, err := k.credentialOf(ctx, connection)
	return connection, cred, err
}

// credentialOf reads the credential of a connection, still encrypted. Its error is a
// models.ReasonError if the connection's state does not allow use.
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
		// The connection was disconnected between the two reads.
		return cred, &models.ReasonError{Reason: connection.Reason, Err: models.ErrNotConnected}
	}
	return cred, database.Found(err, "load credential")
}

// open decrypts the access token. If that fails, or if the credential is not the
// connection's newest, somebody altered or moved the credential, and the keeper gives up
// the connection.
func (k *Keeper) open(ctx context.Context, connection models.Connection, cred credential) (Access, error) {
	access, err := cred.access(k.keys)
	if err == nil && cred.Generation != connection.Generation {
		// Another instance may have renewed between the two reads.
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
		k.log.ErrorContext(ctx, "this host does not have the newest keyset file", "connection", connection.ID, "error", err)
		return Access{}, &models.ReasonError{Reason: models.ReasonUnavailable, Err: database.ErrUnavailable}
	}
	if err != nil {
		return k.giveUp(ctx, connection, lease{}, models.ReasonSealBroken, err)
	}
	return Access{Token: access, ExpiresAt: cred.ExpiresAt, Generation: cred.Generation}, nil
}

// old returns the token that could not be renewed, for as long as it is valid. After
// that, it returns a models.ReasonError with the time of the next attempt, which is zero
// if it is not known.
func (k *Keeper) old(ctx context.Context, connection models.Connection, cred credential, reason models.Reason, retryAt time.Time) (Access, error) {
	if cred.ExpiresAt.After(k.db.Now()) {
		return k.open(ctx, connection, cred)
	}
	return Access{}, &models.ReasonError{Reason: reason, RetryAt: retryAt, Err: database.ErrUnavailable}
}
