package models

import (
	"strings"
	"testing"

	"gorm.io/gorm"
)

// staffDesk is the desk over a keeper's connections, with people at it.
type staffDesk struct {
	*kept
	desk        *Desk
	connections *Connections
	accounts    *Accounts
	clock       *clock
}

func onDesks(t *testing.T, test func(t *testing.T, d *staffDesk)) {
	t.Helper()
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		test(t, newStaffDesk(t, db, clock))
	})
}

func newStaffDesk(t *testing.T, db *DB, clock *clock) *staffDesk {
	t.Helper()
	k := newKept(t, db, clock.Now)
	connections := NewConnections(db, k.keys, k.clients, k.keeper, "https://app.example/callback", k.logger())
	return &staffDesk{kept: k, desk: NewDesk(db, k.keeper, connections), connections: connections, accounts: NewAccounts(db, k.keys, 1, QuickHashes), clock: clock}
}

// staff adds somebody who has chosen a password.
func (d *staffDesk) staff(name string, role StaffRole) Staff {
	d.Helper()
	id := newID()
	user := User{ID: id, Email: strings.ToLower(name) + "@fieldbridge.example", Name: name, PasswordHash: "x", StaffRole: role, CreatedAt: d.db.Now()}
	d.write(func(tx *gorm.DB) error { return tx.Create(&user).Error })
	return Staff{UserID: id, Name: name, Email: user.Email, Role: role, SetUp: true, SupportCode: "FB-AAAA-AAAA"}
}

func (d *staffDesk) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}
