package keeper_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// What reads a key and a connection together finds nothing unless the key opens the
// connection and there is a token to serve, also if the token is in memory.
func TestKeyedReadFindsOnlyWhatIsServed(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		id := k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
		other := database.NewID()
		k.Exec("INSERT INTO companies (id, name, created_at) VALUES (?, 'Bluebird', ?)", other, db.Now())
		keys := accounts.NewAPIKeys(db)
		key := func(companyID *uuid.UUID) (accounts.APIKey, secret.Value) {
			made, sent, err := keys.Create(t.Context(), accounts.CommandLine("root"), accounts.NewKey{CompanyID: companyID, Name: "erp", Scopes: accounts.Scopes()})
			if err != nil {
				t.Fatal(err)
			}
			return made, sent
		}
		own, ownSent := key(&k.CompanyID)
		all, allSent := key(nil)
		_, otherSent := key(&other)

		// served reads and serves twice: from the database and from memory.
		served := func(made accounts.APIKey, sent secret.Value) (token secret.Value) {
			t.Helper()
			k.Keeper.Forget(id)
			for range 2 {
				found, err := k.Keeper.ReadKeyed(t.Context(), sent, accounts.ScopeTokensRead, id)
				if err != nil {
					t.Fatal(err)
				}
				access, err := k.Keeper.AccessOfKeyed(t.Context(), found)
				if err != nil || access.Token.IsZero() || !token.IsZero() && access.Token != token {
					t.Fatalf("another token, or none: %v", err)
				}
				token = access.Token
				if c := found.Connection; found.KeyID != made.ID || c.ID != id || c.CompanyID != k.CompanyID || c.TenantID == 0 || c.Environment == "" {
					t.Errorf("found %v of key %v", c, found.KeyID)
				}
			}
			return token
		}
		refused := func(when string, sent secret.Value) {
			t.Helper()
			if found, err := k.Keeper.ReadKeyed(t.Context(), sent, accounts.ScopeTokensRead, id); !errors.Is(err, database.ErrNotFound) {
				t.Errorf("%s: found %v, %v", when, found, err)
			}
		}
		first := served(own, ownSent)
		if served(all, allSent) != first {
			t.Error("the keys get different tokens")
		}
		refused("key of another company", otherSent)
		refused("unknown key", secret.New("fbk_unknown"))
		if _, err := k.Keeper.ReadKeyed(t.Context(), allSent, accounts.ScopeTokensRead, other); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("a connection that does not exist: %v", err)
		}

		k.Exec("UPDATE companies SET locked_at = ? WHERE id = ?", db.Now(), k.CompanyID)
		refused("locked", ownSent)
		refused("locked, key for all", allSent)
		k.Exec("UPDATE companies SET locked_at = NULL WHERE id = ?", k.CompanyID)

		k.Reconnect(id)
		if second := served(own, ownSent); second == first {
			t.Error("the token from before the reconnect is served")
		}
		k.Exec("UPDATE api_keys SET scopes = 'connections:read proxy' WHERE id = ?", own.ID)
		refused("without the scope", ownSent)
		k.Exec("UPDATE api_keys SET scopes = 'tokens:read', expires_at = ? WHERE id = ?", db.Now().Add(time.Second), own.ID)
		served(own, ownSent)
		clock.Add(time.Second)
		refused("expired", ownSent)
		k.Exec("UPDATE api_keys SET expires_at = NULL WHERE id = ?", own.ID)
		served(own, ownSent)
		if err := keys.Revoke(t.Context(), accounts.CommandLine("root"), nil, own.ID); err != nil {
			t.Fatal(err)
		}
		refused("revoked", ownSent)
		k.Disconnect(id)
		refused("disconnected", allSent)
	})
}

// A token that has to be renewed, or whose use has to be recorded, is served the long
// way.
func TestKeyedReadRenewsAndRecordsUse(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		id := k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
		_, sent, err := accounts.NewAPIKeys(db).Create(t.Context(), accounts.CommandLine("root"), accounts.NewKey{Name: "erp", Scopes: accounts.Scopes()})
		if err != nil {
			t.Fatal(err)
		}
		serve := func() keeper.Access {
			t.Helper()
			found, err := k.Keeper.ReadKeyed(t.Context(), sent, accounts.ScopeTokensRead, id)
			if err != nil {
				t.Fatal(err)
			}
			access, err := k.Keeper.AccessOfKeyed(t.Context(), found)
			if err != nil {
				t.Fatal(err)
			}
			return access
		}
		serve()
		if used := k.Connection(id).LastUsedAt; used == nil || !used.Equal(db.Now()) {
			t.Errorf("used at %v", used)
		}
		clock.Add(15 * time.Minute)
		if access := serve(); access.Generation != 2 || k.TokenRequests() != 1 {
			t.Errorf("generation %d after %d requests", access.Generation, k.TokenRequests())
		}
	})
}

func TestKeyedReadUsesIndexes(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		for _, query := range keeper.KeyedQueries() {
			if db.OnPostgres() {
				query = strings.NewReplacer("$1", "?", "$2", "?", "$3", "?").Replace(query)
			}
			for _, table := range modeltest.WholeReads(t, db, query, []any{database.NewID(), []byte("hash"), db.Now()}) {
				t.Errorf("%s is read whole:\n%s", table, query)
			}
		}
	})
}
