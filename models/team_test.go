package models_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// However admins go about it, one of them is left.
func TestTeam(t *testing.T) {
	modeltest.OnDesks(t, func(t *testing.T, d *modeltest.StaffDesk) {
		ada, lee, sam := d.Staff("Ada", models.Admin), d.Staff("Lee", models.Admin), d.Staff("Sam", models.Support)
		ctx, a := t.Context(), d.Accounts
		for what, do := range map[string]func(by models.Staff, id uuid.UUID) error{
			"role": func(by models.Staff, id uuid.UUID) error {
				_, err := a.SetRole(ctx, by, id, models.Support)
				return err
			},
			"dismiss": func(by models.Staff, id uuid.UUID) error { _, err := a.Dismiss(ctx, by, id); return err },
			"link":    func(by models.Staff, id uuid.UUID) error { _, _, err := a.NewLink(ctx, by, id); return err },
		} {
			if err := do(ada, ada.UserID); !errors.Is(err, models.ErrYourself) {
				t.Errorf("%s of oneself: %v", what, err)
			}
			if err := do(sam, lee.UserID); !errors.Is(err, models.ErrForbidden) {
				t.Errorf("%s by support: %v", what, err)
			}
			for _, nobody := range []uuid.UUID{database.NewID(), d.Person("P"+what, models.Owner)} {
				if err := do(ada, nobody); !errors.Is(err, database.ErrNotFound) {
					t.Errorf("%s of who is not staff: %v", what, err)
				}
			}
		}
		if _, _, err := a.Invite(ctx, sam, "new@f.example", models.Admin); !errors.Is(err, models.ErrForbidden) {
			t.Errorf("support invites: %v", err)
		}
		if _, _, err := a.Invite(ctx, ada, sam.Email, models.Admin); !errors.Is(err, models.ErrEmailTaken) {
			t.Errorf("who is on the team is invited: %v", err)
		}
		if _, _, err := a.Invite(ctx, ada, "plink@northgate.example", models.Admin); !errors.Is(err, models.ErrMemberEmail) {
			t.Errorf("a member is invited: %v", err)
		}
		if _, err := a.SetRole(ctx, ada, sam.UserID, models.Admin); err != nil {
			t.Error(err)
		}
		if now, err := a.Staff(ctx, sam.UserID, 0); err != nil || now.Role != models.Admin {
			t.Errorf("made an admin, Sam is %+v, %v", now, err)
		}
		// All remove all others at the same moment.
		admins := []models.Staff{ada, lee, {UserID: sam.UserID, Role: models.Admin, Email: sam.Email}}
		var all sync.WaitGroup
		for _, by := range admins {
			for _, other := range admins {
				all.Go(func() {
					_, err := a.Dismiss(ctx, by, other.UserID)
					if err != nil && !errors.Is(err, models.ErrForbidden) && !errors.Is(err, models.ErrYourself) && !errors.Is(err, database.ErrNotFound) {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		if n := d.Count("SELECT count(*) FROM users WHERE staff_role = 'admin' AND disabled_at IS NULL"); n != 1 {
			t.Errorf("%d admins are left, want 1", n)
		}
	})
}
