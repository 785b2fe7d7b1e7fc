package modeltest

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
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/check"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// Northgate is the tenant whose grants the connections under test have.
const Northgate = 842193311

// Kept is a keeper on a database, with a sandbox to renew at.
type Kept struct {
	testing.TB
	DB      *database.DB
	Keyset  string // the file of the keys
	Keys    *seal.Keys
	Sandbox *sandboxtest.Sandbox
	Clients models.Clients
	Keeper  *keeper.Keeper
	Options keeper.Options
	Checker *check.Checker
	Logged  *logs
	// Start lets the keeper begin, in virtual time.
	Start     func()
	CompanyID uuid.UUID
	// tenants counts those that are connected.
	tenants *atomic.Int64
}

const issuerURL = "https://issuer.example"

// KeptScopes are the scopes of the app at the sandbox.
var KeptScopes = []string{servicetitan.AccountScope, "offline_access"}

// CheckOptions are the options of the checker under test.
var CheckOptions = check.Options{Every: time.Hour, IdleEvery: 6 * time.Hour, PerSecond: 1000}

// NewKept returns a keeper with a sandbox and a company. It watches the database for
// broken rules.
func NewKept(t testing.TB, db *database.DB, now func() time.Time, change ...func(*sandbox.Options, *keeper.Options)) *Kept {
	t.Helper()
	keyset := filepath.Join(t.TempDir(), "keyset.json")
	keys, err := seal.Create(keyset)
	if err != nil {
		t.Fatal(err)
	}
	so := sandbox.Options{
		URL: issuerURL, ClientID: "cid.sandbox", ClientSecret: "cs1.stc_secret", AppKey: "ak1.stc_key",
		RedirectURIs: []string{"https://app.example/callback"}, Scopes: KeptScopes, Now: now,
	}
	ko := keeper.Options{KeepAlive: time.Hour, PerSecond: 1000}
	for _, f := range change {
		f(&so, &ko)
	}
	k := &Kept{TB: t, DB: db, Keyset: keyset, Keys: keys, Sandbox: sandboxtest.New(so), Options: ko, Logged: &logs{}, CompanyID: database.NewID(), tenants: new(atomic.Int64)}
	k.Clients = k.ClientsBy(now)
	if k.Options.Outages == nil {
		k.Options.Outages = outage.New(db, k.Logger())
	}
	k.Keeper = k.NewKeeper(k.Options)
	k.Checker = k.NewChecker(CheckOptions)
	testdb.Watch(db.OnPostgres(), k.Exec)
	k.Write(func(tx *gorm.DB) error {
		return tx.Create(&accounts.Company{ID: k.CompanyID, Name: "Northgate", CreatedAt: db.Now()}).Error
	})
	return k
}

// ClientsBy returns clients that use a clock.
func (k *Kept) ClientsBy(now func() time.Time) models.Clients {
	return k.ClientsThrough(Memory{Handler: k.Sandbox}, now)
}

// ClientsThrough returns clients that use a transport and a clock.
func (k *Kept) ClientsThrough(transport http.RoundTripper, now func() time.Time) models.Clients {
	issuer, _ := url.Parse(issuerURL)
	return models.Clients{servicetitan.NewClient(servicetitan.Environment{
		Name: servicetitan.Sandbox, AuthURL: issuer, APIURL: issuer, ClientID: "cid.sandbox",
		ClientSecret: secret.New("cs1.stc_secret"), AppKey: secret.New("ak1.stc_key"),
		Scopes: KeptScopes, Ways: []models.Way{models.SignInWay, models.OwnCredentialsWay},
	}, transport, now)}
}

// NewKeeper returns a keeper that stands for another instance.
func (k *Kept) NewKeeper(o keeper.Options) *keeper.Keeper { return k.NewKeeperOn(k.DB, o) }

// NewKeeperOn is like NewKeeper, with its own connections to the database.
func (k *Kept) NewKeeperOn(db *database.DB, o keeper.Options) *keeper.Keeper {
	return keeper.New(db, k.Keys, k.Clients, o, k.Logger())
}

// Logger returns a logger that writes to Logged.
func (k *Kept) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(k.Logged, nil)) }

// Write runs fn in a transaction.
func (k *Kept) Write(fn func(tx *gorm.DB) error) {
	k.Helper()
	if err := k.DB.Write(k.Context(), fn); err != nil {
		k.Fatal(err)
	}
}

// Seed makes n connections of the company, each with its own grant, and returns their
// IDs. Their access was granted at granted, and they are due at due.
func (k *Kept) Seed(n int, granted, due time.Time) []uuid.UUID {
	k.Helper()
	ids := make([]uuid.UUID, n)
	granted, due = granted.UTC().Truncate(time.Microsecond), due.UTC().Truncate(time.Microsecond)
	k.Write(func(tx *gorm.DB) error {
		var connections []models.Connection
		var grants []servicetitan.Tokens
		for i := range n {
			tokens := servicetitan.Tokens{
				Access: secret.New("stc_access_" + database.NewID().String()), Refresh: secret.New(k.Sandbox.NewGrant(Northgate)),
				ExpiresAt: granted.Add(15 * time.Minute), Scopes: KeptScopes,
			}
			c := models.Connection{
				ID: database.NewID(), CompanyID: k.CompanyID, Environment: servicetitan.Sandbox, TenantID: k.tenants.Add(1), Way: models.SignInWay,
				State: models.Connected, Scopes: strings.Join(KeptScopes, " "), Generation: 1, ConnectedByName: "Amy",
				ConnectedAt: granted, CreatedAt: granted,
			}
			c.Granted(tokens, KeptScopes, due, granted)
			ids[i], connections, grants = c.ID, append(connections, c), append(grants, tokens)
		}
		err := tx.CreateInBatches(&connections, 500).Error
		for i := 0; err == nil && i < n; i++ {
			err = k.Keeper.Store(tx, connections[i], grants[i], servicetitan.OwnClient{}, due)
		}
		return err
	})
	return ids
}

// Exec runs a statement in a transaction.
func (k *Kept) Exec(statement string, args ...any) {
	k.Helper()
	k.Write(func(tx *gorm.DB) error { return tx.Exec(statement, args...).Error })
}

// Owner returns the company's owner.
func (k *Kept) Owner() accounts.Visitor {
	k.Helper()
	v := accounts.Visitor{UserID: k.CompanyID, CompanyID: k.CompanyID, Role: accounts.Owner, Name: "Amy"}
	k.Write(func(tx *gorm.DB) error {
		now := k.DB.Now()
		user := accounts.User{ID: v.UserID, Email: "owner-" + v.UserID.String() + "@northgate.example", Name: v.Name, ProvenAt: &now, CreatedAt: now}
		member := accounts.Membership{CompanyID: v.CompanyID, UserID: v.UserID, Role: accounts.Owner, CreatedAt: k.DB.Now()}
		once := clause.OnConflict{DoNothing: true}
		return errors.Join(tx.Clauses(once).Create(&user).Error, tx.Clauses(once).Create(&member).Error)
	})
	return v
}

// NewChecker returns a checker of the keeper's connections.
func (k *Kept) NewChecker(o check.Options) *check.Checker {
	return check.New(k.DB, k.Clients, k.Keeper, calls.NewBudget(k.DB, calls.PerSecond), k.Options.Outages, o, k.Logger())
}

// Connections returns what the company does with its connections.
func (k *Kept) Connections() *connect.Connections {
	return connect.New(k.DB, k.Keys, k.Clients, k.Keeper, k.Checker, "https://app.example/callback", k.Logger())
}

// Disconnect disconnects a connection as the owner.
func (k *Kept) Disconnect(id uuid.UUID) {
	k.Helper()
	if err := k.Connections().Disconnect(k.Context(), k.Owner(), id); err != nil {
		k.Fatal(err)
	}
}

// Reconnect gives a connection a new grant, as if its owner had signed in again.
func (k *Kept) Reconnect(id uuid.UUID) {
	k.Helper()
	if err := k.TryReconnect(id); err != nil {
		k.Fatal(err)
	}
}

// TryReconnect is like Reconnect, but it returns the error.
func (k *Kept) TryReconnect(id uuid.UUID) error {
	k.Helper()
	return k.ReconnectAs(k.Owner(), id)
}

// ReconnectAs stores a new grant as a sign-in of the visitor does: in one
// transaction with the change of state, and with the replaced grant withdrawn
// after it.
func (k *Kept) ReconnectAs(v accounts.Visitor, id uuid.UUID) error {
	k.Helper()
	tokens := servicetitan.Tokens{
		Access: secret.New("stc_access_" + database.NewID().String()), Refresh: secret.New(k.Sandbox.NewGrant(Northgate)),
		ExpiresAt: k.DB.Now().Add(15 * time.Minute), Scopes: KeptScopes,
	}
	var old keeper.Replaced
	err := k.DB.Write(k.Context(), func(tx *gorm.DB) error {
		if err := accounts.StillAllowed(tx, v.Actor(), v.CompanyID); err != nil {
			return err
		}
		now, err := k.DB.SharedNow(tx)
		if err != nil {
			return err
		}
		c, err := models.GetConnection(database.ForUpdate(tx), k.CompanyID, id)
		if err != nil {
			return err
		}
		if _, err := models.CloseSetup(tx, &c, false, now); err != nil {
			return err
		}
		if old, err = k.Keeper.Retire(tx, c, tokens.Refresh, now); err != nil {
			return err
		}
		var due time.Time
		_, err = models.Apply(tx, &c, models.Transition{
			What: models.Authorized, At: now, By: v.Actor(),
			Edit: func(c *models.Connection) {
				c.Way, c.ConnectedByName, c.ConnectedByID, c.ConnectedAt = models.SignInWay, v.Name, &v.UserID, now
				c.Generation++
				c.ExpiresAt = tokens.ExpiresAt
				due = k.Keeper.DueFrom(c, now)
				c.Granted(tokens, KeptScopes, due, now)
			},
			With: func(tx *gorm.DB, c models.Connection) error {
				return errors.Join(k.Keeper.Store(tx, c, tokens, servicetitan.OwnClient{}, due), k.Checker.Schedule(tx, c, now))
			},
		})
		return err
	})
	if err == nil {
		k.Keeper.RevokeReplaced(k.Context(), old, v.SupportCode)
	}
	return err
}

// Connection returns a connection as it is now.
func (k *Kept) Connection(id uuid.UUID) models.Connection {
	k.Helper()
	c, err := models.GetConnection(k.DB.Read(k.Context()), k.CompanyID, id)
	if err != nil {
		k.Fatal(err)
	}
	return c
}

// Count returns the number that a query counts.
func (k *Kept) Count(query string, args ...any) int {
	k.Helper()
	var n int
	if err := k.DB.Read(k.Context()).Raw(query, args...).Scan(&n).Error; err != nil {
		k.Fatal(err)
	}
	return n
}

// TokenRequests returns how many token requests the sandbox has received.
func (k *Kept) TokenRequests() int { return k.Sandbox.Count(sandbox.PathToken) }

// Refusals returns how many token requests the sandbox has refused. A token that was
// used twice is among them.
func (k *Kept) Refusals() int {
	n := 0
	for _, r := range k.Sandbox.Requests() {
		if r.Error == "invalid_grant" {
			n++
		}
	}
	return n
}

// SeedOwn makes connections that use a client of the tenant's own. No connection
// beside them uses the app's registration.
func (k *Kept) SeedOwn(n int, granted, due time.Time) []uuid.UUID {
	k.Helper()
	given, err := k.Sandbox.GiveClient(Northgate)
	if err != nil {
		k.Fatal(err)
	}
	own := servicetitan.OwnClient{ID: given.ClientID, Secret: secret.New(given.ClientSecret)}
	return k.SeedClients(n, granted, due, func(int) servicetitan.OwnClient { return own })
}

// SeedClients makes connections with the clients that own names.
func (k *Kept) SeedClients(n int, granted, due time.Time, own func(i int) servicetitan.OwnClient) []uuid.UUID {
	k.Helper()
	ids := make([]uuid.UUID, n)
	granted, due = granted.UTC().Truncate(time.Microsecond), due.UTC().Truncate(time.Microsecond)
	k.Write(func(tx *gorm.DB) error {
		for i := range n {
			tokens := servicetitan.Tokens{
				Access: secret.New("stc_access_" + database.NewID().String()), ExpiresAt: granted.Add(15 * time.Minute), Scopes: KeptScopes,
			}
			c := models.Connection{
				ID: database.NewID(), CompanyID: k.CompanyID, Environment: servicetitan.Sandbox, TenantID: k.tenants.Add(1), Way: models.OwnCredentialsWay,
				State: models.Connected, Scopes: strings.Join(KeptScopes, " "), Generation: 1, ConnectedByName: "Amy",
				ConnectedAt: granted, CreatedAt: granted,
			}
			c.Granted(tokens, KeptScopes, due, granted)
			if err := errors.Join(tx.Create(&c).Error, k.Keeper.Store(tx, c, tokens, own(i), due)); err != nil {
				return err
			}
			ids[i] = c.ID
		}
		return nil
	})
	return ids
}

// ClientNumber returns the i-th client of a tenant's own.
func ClientNumber(i int) servicetitan.OwnClient {
	return servicetitan.OwnClient{ID: "cid." + strconv.Itoa(i), Secret: secret.New("cs1.stc")}
}
