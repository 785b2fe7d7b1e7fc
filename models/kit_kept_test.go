package models

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox/sandboxtest"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// northgate is the tenant whose grants the connections under test have.
const northgate = 842193311

// kept is a keeper on a database, before a sandbox.
type kept struct {
	testing.TB
	db      *DB
	keyset  string // the file of the keys
	keys    *seal.Keys
	sandbox *sandboxtest.Sandbox
	clients Clients
	keeper  *Keeper
	options KeeperOptions
	logged  *logs
	// start lets the keeper begin, in virtual time.
	start     func()
	companyID uuid.UUID
	// tenants counts those that are connected.
	tenants *atomic.Int64
}

const issuerURL = "https://issuer.example"

var keptScopes = []string{servicetitan.AccountScope, "offline_access"}

func newKept(t testing.TB, db *DB, now func() time.Time, change ...func(*sandbox.Options, *KeeperOptions)) *kept {
	t.Helper()
	keyset := filepath.Join(t.TempDir(), "keyset.json")
	keys, err := seal.Create(keyset)
	if err != nil {
		t.Fatal(err)
	}
	so := sandbox.Options{
		URL: issuerURL, ClientID: "cid.sandbox", ClientSecret: "cs1.stc_secret", AppKey: "ak1.stc_key",
		RedirectURIs: []string{"https://app.example/callback"}, Scopes: keptScopes, Now: now,
	}
	ko := KeeperOptions{KeepAlive: time.Hour, PerSecond: 1000}
	for _, f := range change {
		f(&so, &ko)
	}
	k := &kept{TB: t, db: db, keyset: keyset, keys: keys, sandbox: sandboxtest.New(so), options: ko, logged: &logs{}, companyID: newID(), tenants: new(atomic.Int64)}
	k.clients = k.clientsBy(now)
	k.keeper = k.newKeeper(ko)
	testdb.Watch(db.OnPostgres(), k.exec)
	k.write(func(tx *gorm.DB) error {
		return tx.Create(&Company{ID: k.companyID, Name: "Northgate", CreatedAt: db.Now()}).Error
	})
	return k
}

// clientsBy are clients that have a clock.
func (k *kept) clientsBy(now func() time.Time) Clients {
	return k.clientsThrough(memory{handler: k.sandbox}, now)
}

func (k *kept) clientsThrough(transport http.RoundTripper, now func() time.Time) Clients {
	issuer, _ := url.Parse(issuerURL)
	return Clients{servicetitan.NewClient(servicetitan.Environment{
		Name: servicetitan.Sandbox, AuthURL: issuer, APIURL: issuer, ClientID: "cid.sandbox",
		ClientSecret: secret.New("cs1.stc_secret"), AppKey: secret.New("ak1.stc_key"),
		Scopes: keptScopes, Ways: []Way{SignInWay, OwnCredentialsWay},
	}, transport, now)}
}

// newKeeper is one more instance.
func (k *kept) newKeeper(o KeeperOptions) *Keeper { return k.newKeeperOn(k.db, o) }

// newKeeperOn is one more instance, with a connection of its own to the database.
func (k *kept) newKeeperOn(db *DB, o KeeperOptions) *Keeper {
	return NewKeeper(db, k.keys, k.clients, o, k.logger())
}

func (k *kept) logger() *slog.Logger { return slog.New(slog.NewTextHandler(k.logged, nil)) }

func (k *kept) write(fn func(tx *gorm.DB) error) {
	k.Helper()
	if err := k.db.Write(k.Context(), fn); err != nil {
		k.Fatal(err)
	}
}

// seed makes connections of the company whose access was granted at a time,
// with a grant of their own each, and returns their IDs. They are due at due.
func (k *kept) seed(n int, granted, due time.Time) []uuid.UUID {
	k.Helper()
	ids := make([]uuid.UUID, n)
	granted, due = granted.UTC().Truncate(time.Microsecond), due.UTC().Truncate(time.Microsecond)
	k.write(func(tx *gorm.DB) error {
		var connections []Connection
		var grants []servicetitan.Tokens
		for i := range n {
			tokens := servicetitan.Tokens{
				Access: secret.New("stc_access_" + newID().String()), Refresh: secret.New(k.sandbox.NewGrant(northgate)),
				ExpiresAt: granted.Add(15 * time.Minute), Scopes: keptScopes,
			}
			c := Connection{
				ID: newID(), CompanyID: k.companyID, Environment: servicetitan.Sandbox, TenantID: k.tenants.Add(1), Way: SignInWay,
				State: Connected, Scopes: strings.Join(keptScopes, " "), Generation: 1, ConnectedByName: "Amy",
				ConnectedAt: granted, CreatedAt: granted,
			}
			c.granted(tokens, keptScopes, due, granted)
			ids[i], connections, grants = c.ID, append(connections, c), append(grants, tokens)
		}
		err := tx.CreateInBatches(&connections, 500).Error
		for i := 0; err == nil && i < n; i++ {
			err = k.keeper.store(tx, connections[i], grants[i], servicetitan.OwnClient{}, due)
		}
		return err
	})
	return ids
}

func (k *kept) exec(statement string, args ...any) {
	k.Helper()
	k.write(func(tx *gorm.DB) error { return tx.Exec(statement, args...).Error })
}

// owner is who disconnects and reconnects, as the company's owner.
func (k *kept) owner() Visitor {
	k.Helper()
	v := Visitor{UserID: k.companyID, CompanyID: k.companyID, Role: Owner, Name: "Amy"}
	k.write(func(tx *gorm.DB) error {
		user := User{ID: v.UserID, Email: "owner-" + v.UserID.String() + "@northgate.example", Name: v.Name, CreatedAt: k.db.Now()}
		member := Membership{CompanyID: v.CompanyID, UserID: v.UserID, Role: Owner, CreatedAt: k.db.Now()}
		once := clause.OnConflict{DoNothing: true}
		return errors.Join(tx.Clauses(once).Create(&user).Error, tx.Clauses(once).Create(&member).Error)
	})
	return v
}

func (k *kept) connections() *Connections {
	return NewConnections(k.db, k.keys, k.clients, k.keeper, "https://app.example/callback", k.logger())
}

func (k *kept) disconnect(id uuid.UUID) {
	k.Helper()
	if err := k.connections().Disconnect(k.Context(), k.owner(), id); err != nil {
		k.Fatal(err)
	}
}

// reconnect gives a connection a grant of its own, as if a person had signed in
// once more.
func (k *kept) reconnect(id uuid.UUID) {
	k.Helper()
	if err := k.tryReconnect(id); err != nil {
		k.Fatal(err)
	}
}

func (k *kept) tryReconnect(id uuid.UUID) error {
	k.Helper()
	return k.reconnectAs(k.owner(), id)
}

// reconnectAs stores a new grant as a sign-in of the visitor does: in one
// transaction with the change of state, and with the replaced grant withdrawn
// after it.
func (k *kept) reconnectAs(v Visitor, id uuid.UUID) error {
	k.Helper()
	tokens := servicetitan.Tokens{
		Access: secret.New("stc_access_" + newID().String()), Refresh: secret.New(k.sandbox.NewGrant(northgate)),
		ExpiresAt: k.db.Now().Add(15 * time.Minute), Scopes: keptScopes,
	}
	var old Replaced
	err := k.db.Write(k.Context(), func(tx *gorm.DB) error {
		if err := stillAllowed(tx, v); err != nil {
			return err
		}
		now, err := k.db.sharedNow(tx)
		if err != nil {
			return err
		}
		c, err := getConnection(forUpdate(tx), k.companyID, id)
		if err != nil {
			return err
		}
		if _, err := closeSetup(tx, &c, false, now); err != nil {
			return err
		}
		if old, err = k.keeper.retire(tx, c, tokens.Refresh, now); err != nil {
			return err
		}
		var due time.Time
		_, err = transit(tx, &c, transition{
			what: authorized, at: now, by: v,
			edit: func(c *Connection) {
				c.Way, c.ConnectedByName, c.ConnectedByID, c.ConnectedAt = SignInWay, v.Name, &v.UserID, now
				c.Generation++
				c.ExpiresAt = tokens.ExpiresAt
				due = k.keeper.dueFrom(c, now)
				c.granted(tokens, keptScopes, due, now)
			},
			with: func(tx *gorm.DB, c Connection) error {
				return k.keeper.store(tx, c, tokens, servicetitan.OwnClient{}, due)
			},
		})
		return err
	})
	if err == nil {
		k.keeper.revokeReplaced(k.Context(), old, v.SupportCode)
	}
	return err
}

func (k *kept) connection(id uuid.UUID) Connection {
	k.Helper()
	c, err := getConnection(k.db.Read(k.Context()), k.companyID, id)
	if err != nil {
		k.Fatal(err)
	}
	return c
}

func (k *kept) count(query string, args ...any) int {
	k.Helper()
	var n int
	if err := k.db.Read(k.Context()).Raw(query, args...).Scan(&n).Error; err != nil {
		k.Fatal(err)
	}
	return n
}

func (k *kept) tokenRequests() int { return k.sandbox.Count(sandbox.PathToken) }

// refusals are the grants that the sandbox has refused: a token used twice is
// among them.
func (k *kept) refusals() int {
	n := 0
	for _, r := range k.sandbox.Requests() {
		if r.Error == "invalid_grant" {
			n++
		}
	}
	return n
}

// seedOwn makes connections that use a client of the tenant's own. No connection
// beside them uses the app's registration.
func (k *kept) seedOwn(n int, granted, due time.Time) []uuid.UUID {
	k.Helper()
	given, err := k.sandbox.GiveClient(northgate)
	if err != nil {
		k.Fatal(err)
	}
	own := servicetitan.OwnClient{ID: given.ClientID, Secret: secret.New(given.ClientSecret)}
	return k.seedClients(n, granted, due, func(int) servicetitan.OwnClient { return own })
}

// seedClients makes connections with the clients that own names.
func (k *kept) seedClients(n int, granted, due time.Time, own func(i int) servicetitan.OwnClient) []uuid.UUID {
	k.Helper()
	ids := make([]uuid.UUID, n)
	granted, due = granted.UTC().Truncate(time.Microsecond), due.UTC().Truncate(time.Microsecond)
	k.write(func(tx *gorm.DB) error {
		for i := range n {
			tokens := servicetitan.Tokens{
				Access: secret.New("stc_access_" + newID().String()), ExpiresAt: granted.Add(15 * time.Minute), Scopes: keptScopes,
			}
			c := Connection{
				ID: newID(), CompanyID: k.companyID, Environment: servicetitan.Sandbox, TenantID: k.tenants.Add(1), Way: OwnCredentialsWay,
				State: Connected, Scopes: strings.Join(keptScopes, " "), Generation: 1, ConnectedByName: "Amy",
				ConnectedAt: granted, CreatedAt: granted,
			}
			c.granted(tokens, keptScopes, due, granted)
			if err := errors.Join(tx.Create(&c).Error, k.keeper.store(tx, c, tokens, own(i), due)); err != nil {
				return err
			}
			ids[i] = c.ID
		}
		return nil
	})
	return ids
}

func clientNumber(i int) servicetitan.OwnClient {
	return servicetitan.OwnClient{ID: "cid." + strconv.Itoa(i), Secret: secret.New("cs1.stc")}
}
