package modeltest

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// ListTest has made-up companies and connections for the pages of staff.
type ListTest struct {
	*Kept
	Support *support.Support
	Clock   *Clock
}

// OnLists runs a test with a console on a database of each kind.
func OnLists(t *testing.T, test func(t *testing.T, c *ListTest)) {
	t.Helper()
	OnBoth(t, func(t *testing.T, db *database.DB, clock *Clock) {
		k := NewKept(t, db, clock.Now)
		connections := connect.New(db, k.Keys, k.Clients, k.Keeper, k.Checker, "https://app.example/callback", k.Logger())
		test(t, &ListTest{Kept: k, Support: support.New(db, k.Keeper, connections), Clock: clock})
	})
}

// Company makes a company with an owner.
func (c *ListTest) Company(name, email string) uuid.UUID {
	c.Helper()
	now := c.Clock.Now()
	company, user := accounts.Company{ID: database.NewID(), Name: name, CreatedAt: now}, accounts.User{ID: database.NewID(), Email: email, Name: "Dana", ProvenAt: &now, CreatedAt: now}
	c.Write(func(tx *gorm.DB) error {
		if err := accounts.CreateCompany(tx, &company); err != nil {
			return err
		}
		if err := tx.Create(&user).Error; err != nil {
			return err
		}
		return tx.Create(&accounts.Membership{CompanyID: company.ID, UserID: user.ID, Role: accounts.Owner, CreatedAt: c.Clock.Now()}).Error
	})
	return company.ID
}

// Add makes a connection that change completes, one minute later than the last one.
func (c *ListTest) Add(companyID uuid.UUID, tenant int64, change func(*models.Connection)) uuid.UUID {
	c.Helper()
	c.Clock.Add(time.Minute)
	now := c.DB.Now()
	connection := models.Connection{
		ID: database.NewID(), CompanyID: companyID, Environment: servicetitan.Sandbox, TenantID: tenant, Way: models.SignInWay, State: models.Connected,
		ConnectedByName: "Dana", ConnectedAt: now, RenewedAt: now, ExpiresAt: now, CreatedAt: now, UpdatedAt: now,
	}
	if change != nil {
		change(&connection)
	}
	c.Write(func(tx *gorm.DB) error { return tx.Create(&connection).Error })
	return connection.ID
}
