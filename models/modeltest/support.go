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

// SupportTest is a Support over a keeper's connections, for tests of what staff do.
type SupportTest struct {
	*Kept
	Support     *support.Support
	Connections *connect.Connections
	Accounts    *accounts.Accounts
	Clock       *Clock
}

// OnSupport runs a test with a new SupportTest on each database.
func OnSupport(t *testing.T, test func(t *testing.T, d *SupportTest)) {
	t.Helper()
	OnBoth(t, func(t *testing.T, db *database.DB, clock *Clock) {
		test(t, NewSupportTest(t, db, clock))
	})
}

// NewSupportTest returns a SupportTest on a database.
func NewSupportTest(t *testing.T, db *database.DB, clock *Clock) *SupportTest {
	t.Helper()
	k := NewKept(t, db, clock.Now)
	connections := connect.New(db, k.Keys, k.Clients, k.Keeper, k.Checker, "https://app.example/callback", k.Logger())
	return &SupportTest{Kept: k, Support: support.New(db, k.Keeper, connections), Connections: connections, Accounts: accounts.New(db, k.Keys, 1, accounts.QuickHashes), Clock: clock}
}

// Staff adds somebody who has chosen a password.
func (d *SupportTest) Staff(name string, role accounts.StaffRole) accounts.Staff {
	d.Helper()
	id := database.NewID()
	user := accounts.User{ID: id, Email: strings.ToLower(name) + "@fieldbridge.example", Name: name, PasswordHash: "x", StaffRole: role, CreatedAt: d.DB.Now()}
	d.Write(func(tx *gorm.DB) error { return tx.Create(&user).Error })
	return accounts.Staff{UserID: id, Name: name, Email: user.Email, Role: role, SetUp: true, SupportCode: "FB-AAAA-AAAA"}
}

// Must ends the test if there is an error.
func (d *SupportTest) Must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}
