package keeper

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// Keyed is an API key that was sent, together with the connection whose token its
// sender asks for. One query reads all of it.
type Keyed struct {
	// KeyID is the ID of the key, which is valid and opens the connection.
	KeyID uuid.UUID
	// Connection is connected or degraded. It has only its ID, company, environment,
	// tenant, generation, and last use.
	Connection models.Connection
	cred       credential
	// access is the token in memory. It is zero if there is none.
	access Access
}

// Back ends read tokens more often than anybody does anything else. One query
// therefore checks the key and reads the connection. If the token may be in memory, the
// query leaves out the credential. It finds only what can be served at once: a key that
// was revoked, has expired, lacks the scope, or was sent as it was before the last roll, a
// company that is locked, a connection of another company, and one without access find
// no row.
//
// SQLite numbers the values in the order in which the statement first names them.
const (
	keyedColumns = "SELECT k.id, o.company_id, o.environment, o.tenant_id, o.generation"
	keyedTables  = " FROM api_keys k JOIN connections o ON o.id = $1 AND (k.company_id IS NULL OR k.company_id = o.company_id) JOIN companies y ON y.id = o.company_id"
	keyedRows    = " WHERE k.key_hash = $2 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $3)" +
		" AND y.locked_at IS NULL AND o.state IN ('connected', 'degraded') AND ' ' || k.scopes || ' ' LIKE "
	sealedTable = " JOIN credentials r ON r.connection_id = o.id AND r.company_id = o.company_id AND r.generation = o.generation"
)

// keyedBy are the two queries for keys with a scope.
type keyedBy struct{ inMemory, sealed string }

func newKeyedBy(scope accounts.Scope) keyedBy {
	pattern := "'% " + string(scope) + " %'"
	return keyedBy{
		inMemory: keyedColumns + keyedTables + keyedRows + pattern,
		sealed:   keyedColumns + ", o.last_used_at, r.expires_at, r.access_sealed" + keyedTables + sealedTable + keyedRows + pattern,
	}
}

// keyed has the queries for each scope that gives the use of a token: who has one reads
// it, or has calls made with it.
//
//exhaustive:ignore
var keyed = map[accounts.Scope]keyedBy{
	accounts.ScopeTokensRead: newKeyedBy(accounts.ScopeTokensRead),
	accounts.ScopeProxy:      newKeyedBy(accounts.ScopeProxy),
}

// ReadKeyed reads what AccessOfKeyed needs. The error is database.ErrNotFound if that
// finds nothing to serve. The caller then finds out why.
func (k *Keeper) ReadKeyed(ctx context.Context, sent secret.Value, scope accounts.Scope, id uuid.UUID) (*Keyed, error) {
	query, ok := keyed[scope]
	if !ok || !accounts.WellFormed(sent) {
		return nil, database.ErrNotFound
	}
	values := []any{id, database.HashOf(sent), k.db.Now()}
	f := &Keyed{Connection: models.Connection{ID: id}}
	c := &f.Connection
	into := make([]any, 5, 8)
	into[0], into[1], into[2], into[3], into[4] = &f.KeyID, &c.CompanyID, &c.Environment, &c.TenantID, &c.Generation
	if k.cache.has(id) {
		if err := k.db.ReadRow(ctx, query.inMemory, values, into...); err != nil {
			return nil, database.Found(err, "get connection by key")
		}
		access, ok := k.cache.get(c.CompanyID, id, k.db.Now())
		if ok && access.Generation == c.Generation {
			f.access = access
			return f, nil
		}
		k.cache.drop(id)
	}
	if err := k.db.ReadRow(ctx, query.sealed, values, append(into, &c.LastUsedAt, &f.cred.ExpiresAt, &f.cred.AccessSealed)...); err != nil {
		return nil, database.Found(err, "get credential by key")
	}
	f.cred.ConnectionID, f.cred.CompanyID, f.cred.Generation = id, c.CompanyID, c.Generation
	return f, nil
}

// AccessOfKeyed is AccessOf for what was just read with ReadKeyed. The caller has
// admitted the key.
func (k *Keeper) AccessOfKeyed(ctx context.Context, f *Keyed) (Access, error) {
	now := k.db.Now()
	switch {
	case !f.access.Token.IsZero():
		k.options.Watch.Served("cache")
		return f.access, nil
	case f.cred.ExpiresAt.Sub(now) > freshFor && !useIsDue(f.Connection, now):
		return k.openAndCache(ctx, f.Connection, f.cred, now)
	}
	connection, err := k.ToServe(ctx, f.Connection.ID, &f.Connection.CompanyID)
	if err != nil {
		return Access{}, err
	}
	return k.AccessOf(ctx, connection, false)
}

// openAndCache decrypts a token that was just read, and keeps it in memory.
func (k *Keeper) openAndCache(ctx context.Context, connection models.Connection, cred credential, now time.Time) (Access, error) {
	access, err := k.open(ctx, connection, cred)
	if err == nil {
		k.cache.put(connection.CompanyID, connection.ID, access, now)
		k.options.Watch.Served("database")
	}
	return access, err
}

// useIsDue says whether to record that the connection is in use.
func useIsDue(c models.Connection, now time.Time) bool {
	return c.LastUsedAt == nil || now.Sub(*c.LastUsedAt) >= useNoted
}
