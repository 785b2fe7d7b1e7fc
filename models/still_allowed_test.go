package models

import (
	"errors"
	"testing"
)

// Who has lost a role since the request began does nothing by it.
func TestRoleLostBeforeDisconnect(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		ids, ada := d.seed(2, d.clock.Now(), d.clock.Now()), d.staff("Ada", Admin)
		owner := d.owner()
		for name, tt := range map[string]struct {
			lost, back string
			do         func() error
			want       error
		}{
			"an owner is a member now": {
				"UPDATE memberships SET role = 'member'", "UPDATE memberships SET role = 'owner'",
				func() error { return d.connections.Disconnect(t.Context(), owner, ids[0]) }, ErrForbidden,
			},
			"an owner was removed": {
				"UPDATE users SET disabled_at = created_at WHERE staff_role = ''", "UPDATE users SET disabled_at = NULL",
				func() error { return d.connections.Disconnect(t.Context(), owner, ids[0]) }, ErrNoMembership,
			},
			"the company was locked": {
				"UPDATE companies SET locked_at = created_at", "UPDATE companies SET locked_at = NULL",
				func() error { return d.connections.Disconnect(t.Context(), owner, ids[0]) }, ErrLocked,
			},
			"an admin is support now": {
				"UPDATE users SET staff_role = 'support' WHERE staff_role = 'admin'", "UPDATE users SET staff_role = 'admin' WHERE staff_role = 'support'",
				func() error { return d.desk.Disconnect(t.Context(), ada, ids[1], "Asked for.") }, ErrForbidden,
			},
		} {
			d.exec(tt.lost)
			if err := tt.do(); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", name, err, tt.want)
			}
			d.exec(tt.back)
		}
		if n := d.count("SELECT count(*) FROM connections WHERE state = 'connected'"); n != 2 {
			t.Errorf("%d connections are left, want 2", n)
		}
		d.must(d.connections.Disconnect(t.Context(), owner, ids[0]))
		d.must(d.desk.Disconnect(t.Context(), ada, ids[1], "Asked for."))
	})
}
