package models

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"
)

// However admins go about it, one of them is left.
func TestTeam(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		ada, lee, sam := d.staff("Ada", Admin), d.staff("Lee", Admin), d.staff("Sam", Support)
		ctx, a := t.Context(), d.accounts
		for what, do := range map[string]func(by Staff, id uuid.UUID) error{
			"role":    func(by Staff, id uuid.UUID) error { _, err := a.SetRole(ctx, by, id, Support); return err },
			"dismiss": func(by Staff, id uuid.UUID) error { _, err := a.Dismiss(ctx, by, id); return err },
			"link":    func(by Staff, id uuid.UUID) error { _, _, err := a.NewLink(ctx, by, id); return err },
		} {
			if err := do(ada, ada.UserID); !errors.Is(err, ErrYourself) {
				t.Errorf("%s of oneself: %v", what, err)
			}
			if err := do(sam, lee.UserID); !errors.Is(err, ErrForbidden) {
				t.Errorf("%s by support: %v", what, err)
			}
			for _, nobody := range []uuid.UUID{newID(), d.person("P"+what, Owner)} {
				if err := do(ada, nobody); !errors.Is(err, ErrNotFound) {
					t.Errorf("%s of who is not staff: %v", what, err)
				}
			}
		}
		if _, _, err := a.Invite(ctx, sam, "new@f.example", Admin); !errors.Is(err, ErrForbidden) {
			t.Errorf("support invites: %v", err)
		}
		if _, _, err := a.Invite(ctx, ada, sam.Email, Admin); !errors.Is(err, ErrEmailTaken) {
			t.Errorf("who is on the team is invited: %v", err)
		}
		if _, _, err := a.Invite(ctx, ada, "plink@northgate.example", Admin); !errors.Is(err, ErrMemberEmail) {
			t.Errorf("a member is invited: %v", err)
		}
		if _, err := a.SetRole(ctx, ada, sam.UserID, Admin); err != nil {
			t.Error(err)
		}
		if now, err := a.Staff(ctx, sam.UserID, 0); err != nil || now.Role != Admin {
			t.Errorf("made an admin, Sam is %+v, %v", now, err)
		}
		// All remove all others at the same moment.
		admins := []Staff{ada, lee, {UserID: sam.UserID, Role: Admin, Email: sam.Email}}
		var all sync.WaitGroup
		for _, by := range admins {
			for _, other := range admins {
				all.Go(func() {
					_, err := a.Dismiss(ctx, by, other.UserID)
					if err != nil && !errors.Is(err, ErrForbidden) && !errors.Is(err, ErrYourself) && !errors.Is(err, ErrNotFound) {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		if n := d.count("SELECT count(*) FROM users WHERE staff_role = 'admin' AND disabled_at IS NULL"); n != 1 {
			t.Errorf("%d admins are left, want 1", n)
		}
	})
}
