package modeltest

import (
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// StaffDesk is the desk over a keeper's connections, with people at it.
type StaffDesk struct {
	*Kept
	Desk        *support.Support
	Connections *connect.Connections
	Accounts    *accounts.Accounts
	Clock       *Clock
}

func OnDesks(t *testing.T, test func(t *testing.T, d *StaffDesk)) {
	t.Helper()
	OnBoth(t, func(t *testing.T, db *database.DB, clock *Clock) {
		test(t, NewStaffDesk(t, db, clock))
	})
}

func NewStaffDesk(t *testing.T, db *database.DB, clock *Clock) *StaffDesk {
	t.Helper()
	k := NewKept(t, db, clock.Now)
	connections := connect.New(db, k.Keys, k.Clients, k.Keeper, "https://app.example/callback", k.Logger())
	return &StaffDesk{Kept: k, Desk: support.New(db, k.Keeper, connections), Connections: connections, Accounts: accounts.New(db, k.Keys, 1, accounts.QuickHashes), Clock: clock}
}

// Staff adds somebody who has chosen a password.
func (d *StaffDesk) Staff(name string, role accounts.StaffRole) accounts.Staff {
	d.Helper()
	id := database.NewID()
	user := accounts.User{ID: id, Email: strings.ToLower(name) + "@fieldbridge.example", Name: name, PasswordHash: "x", StaffRole: role, CreatedAt: d.DB.Now()}
	d.Write(func(tx *gorm.DB) error { return tx.Create(&user).Error })
	return accounts.Staff{UserID: id, Name: name, Email: user.Email, Role: role, SetUp: true, SupportCode: "FB-AAAA-AAAA"}
}

func (d *StaffDesk) Must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}
