package accounts_test

import (
	"errors"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// A person who has lost a role since the request began can no longer use it.
func TestRoleLostBeforeDisconnect(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ids, ada := d.Seed(2, d.Clock.Now(), d.Clock.Now()), d.Staff("Ada", accounts.Admin)
		owner := d.Owner()
		for name, tt := range map[string]struct {
			lost, back string
			do         func() error
			want       error
		}{
			"an owner is a member now": {
				"UPDATE memberships SET role = 'member'", "UPDATE memberships SET role = 'owner'",
				func() error { return d.Connections.Disconnect(t.Context(), owner, ids[0]) }, accounts.ErrForbidden,
			},
			"an owner was removed": {
				"UPDATE users SET disabled_at = created_at WHERE staff_role = ''", "UPDATE users SET disabled_at = NULL",
				func() error { return d.Connections.Disconnect(t.Context(), owner, ids[0]) }, accounts.ErrNoMembership,
			},
			"the company was locked": {
				"UPDATE companies SET locked_at = created_at", "UPDATE companies SET locked_at = NULL",
				func() error { return d.Connections.Disconnect(t.Context(), owner, ids[0]) }, accounts.ErrLocked,
			},
			"an admin is support now": {
				"UPDATE users SET staff_role = 'support' WHERE staff_role = 'admin'", "UPDATE users SET staff_role = 'admin' WHERE staff_role = 'support'",
				func() error { return d.Support.Disconnect(t.Context(), ada, ids[1], "Asked for.") }, accounts.ErrForbidden,
			},
		} {
			d.Exec(tt.lost)
			if err := tt.do(); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", name, err, tt.want)
			}
			d.Exec(tt.back)
		}
		if n := d.Count("SELECT count(*) FROM connections WHERE state = 'connected'"); n != 2 {
			t.Errorf("%d connections remain, want 2", n)
		}
		d.Must(d.Connections.Disconnect(t.Context(), owner, ids[0]))
		d.Must(d.Support.Disconnect(t.Context(), ada, ids[1], "Asked for."))
	})
}
