package modeltest

import (
	"errors"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Connect connects the company to a tenant of the sandbox with the tenant's own client.
// Unlike the connections of Seed, it works for the API too, and is checked.
func (k *Kept) Connect(tenantID int64) uuid.UUID {
	k.Helper()
	return k.ConnectAll(tenantID)[0]
}

// ConnectMany connects the company to n made-up tenants, as Connect does.
func (k *Kept) ConnectMany(n int) []uuid.UUID {
	k.Helper()
	tenants, err := k.Sandbox.MakeTenants(n)
	if err != nil {
		k.Fatal(err)
	}
	ids := make([]int64, n)
	for i, t := range tenants {
		ids[i] = t.ID
	}
	return k.ConnectAll(ids...)
}

// ConnectAll connects the company to tenants, as Connect does, in one transaction.
func (k *Kept) ConnectAll(tenants ...int64) []uuid.UUID {
	k.Helper()
	ids := make([]uuid.UUID, len(tenants))
	k.Write(func(tx *gorm.DB) error {
		now, err := k.DB.SharedNow(tx)
		for i, tenant := range tenants {
			given, refused := k.Sandbox.GiveClient(tenant)
			if err = errors.Join(err, refused); err != nil {
				return err
			}
			tokens := servicetitan.Tokens{Access: secret.New(given.AccessToken), ExpiresAt: given.ExpiresAt.UTC().Truncate(time.Microsecond), Scopes: given.Scopes}
			own := servicetitan.OwnClient{ID: given.ClientID, Secret: secret.New(given.ClientSecret)}
			c := models.Connection{
				ID: database.NewID(), CompanyID: k.CompanyID, Environment: servicetitan.Sandbox, TenantID: tenant, Way: models.OwnCredentialsWay,
				State: models.Connected, Generation: 1, ConnectedByName: "Amy", ConnectedAt: now, CreatedAt: now,
			}
			c.ExpiresAt = tokens.ExpiresAt
			due := k.Keeper.DueFrom(&c, now)
			c.Granted(tokens, KeptScopes, due, now)
			if err := errors.Join(tx.Create(&c).Error, k.Keeper.Store(tx, c, tokens, own, due), k.Checker.Schedule(tx, c, now)); err != nil {
				return err
			}
			ids[i] = c.ID
		}
		return err
	})
	return ids
}

// Check returns what the checks of a connection have found.
func (k *Kept) Check(id uuid.UUID) models.Check {
	k.Helper()
	var c models.Check
	if err := k.DB.Read(k.Context()).Where("connection_id = ?", id).Take(&c).Error; err != nil {
		k.Fatal(err)
	}
	return c
}
