package models

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// console is a desk over made-up companies and connections.
type console struct {
	*kept
	desk  *Desk
	clock *clock
}

func onConsoles(t *testing.T, test func(t *testing.T, c *console)) {
	t.Helper()
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		connections := NewConnections(db, k.keys, k.clients, k.keeper, "https://app.example/callback", k.logger())
		test(t, &console{kept: k, desk: NewDesk(db, k.keeper, connections), clock: clock})
	})
}

// company makes one with an owner.
func (c *console) company(name, email string) uuid.UUID {
	c.Helper()
	company, user := Company{ID: newID(), Name: name, CreatedAt: c.clock.Now()}, User{ID: newID(), Email: email, Name: "Dana", CreatedAt: c.clock.Now()}
	c.write(func(tx *gorm.DB) error {
		if err := createCompany(tx, &company); err != nil {
			return err
		}
		if err := tx.Create(&user).Error; err != nil {
			return err
		}
		return tx.Create(&Membership{CompanyID: company.ID, UserID: user.ID, Role: Owner, CreatedAt: c.clock.Now()}).Error
	})
	return company.ID
}

// add makes a connection as it is given, a minute later than the last one.
func (c *console) add(companyID uuid.UUID, tenant int64, change func(*Connection)) uuid.UUID {
	c.Helper()
	c.clock.Add(time.Minute)
	now := c.db.Now()
	connection := Connection{
		ID: newID(), CompanyID: companyID, Environment: servicetitan.Sandbox, TenantID: tenant, Way: SignInWay, State: Connected,
		ConnectedByName: "Dana", ConnectedAt: now, RenewedAt: now, ExpiresAt: now, CreatedAt: now, UpdatedAt: now,
	}
	if change != nil {
		change(&connection)
	}
	c.write(func(tx *gorm.DB) error { return tx.Create(&connection).Error })
	return connection.ID
}
