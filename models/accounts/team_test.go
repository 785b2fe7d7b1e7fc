package accounts_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// Whatever admins do to each other, one of them always remains.
func TestTeam(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ada, lee, sam := d.Staff("Ada", accounts.Admin), d.Staff("Lee", accounts.Admin), d.Staff("Sam", accounts.Support)
		ctx, a := t.Context(), d.Accounts
		for what, do := range map[string]func(by accounts.Staff, id uuid.UUID) error{
			"role": func(by accounts.Staff, id uuid.UUID) error {
				_, err := a.SetRole(ctx, by, id, accounts.Support)
				return err
			},
			"dismiss": func(by accounts.Staff, id uuid.UUID) error { _, err := a.Dismiss(ctx, by, id); return err },
			"link":    func(by accounts.Staff, id uuid.UUID) error { _, _, err := a.NewLink(ctx, by, id); return err },
		} {
			if err := do(ada, ada.UserID); !errors.Is(err, accounts.ErrYourself) {
				t.Errorf("%s of their own account: %v", what, err)
			}
			if err := do(sam, lee.UserID); !errors.Is(err, accounts.ErrForbidden) {
				t.Errorf("%s by support: %v", what, err)
			}
			for _, nobody := range []uuid.UUID{database.NewID(), d.Person("P"+what, accounts.Owner)} {
				if err := do(ada, nobody); !errors.Is(err, database.ErrNotFound) {
					t.Errorf("%s of somebody who is not staff: %v", what, err)
				}
			}
		}
		if _, _, err := a.Invite(ctx, sam, "new@f.example", accounts.Admin); !errors.Is(err, accounts.ErrForbidden) {
			t.Errorf("support inviting somebody: %v", err)
		}
		if _, _, err := a.Invite(ctx, ada, sam.Email, accounts.Admin); !errors.Is(err, accounts.ErrEmailTaken) {
			t.Errorf("inviting a teammate: %v", err)
		}
		if _, _, err := a.Invite(ctx, ada, "plink@northgate.example", accounts.Admin); !errors.Is(err, accounts.ErrMemberEmail) {
			t.Errorf("inviting a member of a company: %v", err)
		}
		if _, err := a.SetRole(ctx, ada, sam.UserID, accounts.Admin); err != nil {
			t.Error(err)
		}
		if now, err := a.Staff(ctx, sam.UserID, 0); err != nil || now.Role != accounts.Admin {
			t.Errorf("Sam became an admin, and is %+v, %v", now, err)
		}
		// All admins remove all others at the same moment.
		admins := []accounts.Staff{ada, lee, {UserID: sam.UserID, Role: accounts.Admin, Email: sam.Email}}
		var all sync.WaitGroup
		for _, by := range admins {
			for _, other := range admins {
				all.Go(func() {
					_, err := a.Dismiss(ctx, by, other.UserID)
					if err != nil && !errors.Is(err, accounts.ErrForbidden) && !errors.Is(err, accounts.ErrYourself) && !errors.Is(err, database.ErrNotFound) {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		if n := d.Count("SELECT count(*) FROM users WHERE staff_role = 'admin' AND disabled_at IS NULL"); n != 1 {
			t.Errorf("%d admins remain, want 1", n)
		}
	})
}
