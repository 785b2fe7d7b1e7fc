package accounts_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// meanwhile runs do so that change commits after do has looked at what it needs
// and before it writes. On PostgreSQL change holds its rows until do waits for
// them. On SQLite, which has one writer, change commits right before do's first
// transaction begins.
func meanwhile(d *modeltest.SupportTest, change func(tx *gorm.DB) error, do func() error) error {
	d.Helper()
	if !d.DB.OnPostgres() {
		var restore func()
		restore = d.DB.Intercept(func(write database.WriteFunc) database.WriteFunc {
			return func(ctx context.Context, fn func(*gorm.DB) error) error {
				restore()
				return errors.Join(write(ctx, change), write(ctx, fn))
			}
		})
		return do()
	}
	tx := d.DB.Read(d.Context()).Begin()
	if err := change(tx); err != nil {
		d.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- do() }()
	for d.Count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 0 {
		select {
		case err := <-done:
			d.Errorf("it waits for nobody: %v", err)
			done <- err
		default:
		}
		if d.Failed() {
			break
		}
		runtime.Gosched()
	}
	if err := tx.Commit().Error; err != nil {
		d.Fatal(err)
	}
	return <-done
}

func statement(sql string, args ...any) func(tx *gorm.DB) error {
	return func(tx *gorm.DB) error { return tx.Exec(sql, args...).Error }
}

// What an admin does about somebody is decided by what both are when it is
// written: nobody who was removed comes back, no newer role is overwritten, and
// who was demoted does nothing any more.
func TestTeamChangesMeetEachOther(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ctx, a := t.Context(), d.Accounts
		ada := d.Staff("Ada", accounts.Admin)
		gone := func(id uuid.UUID) func(tx *gorm.DB) error {
			return statement("UPDATE users SET disabled_at = ?, password_hash = '', session_epoch = session_epoch + 1 WHERE id = ?", d.DB.Now(), id)
		}
		role := func(id uuid.UUID, to accounts.StaffRole) func(tx *gorm.DB) error {
			return statement("UPDATE users SET staff_role = ? WHERE id = ?", to, id)
		}
		is := func(id uuid.UUID) accounts.User {
			var u accounts.User
			d.Must(d.DB.Read(ctx).Where("id = ?", id).Take(&u).Error)
			return u
		}

		bob := d.Staff("Bob", accounts.Support)
		err := meanwhile(d, gone(bob.UserID), func() error { _, _, err := a.NewLink(ctx, ada, bob.UserID); return err })
		if u := is(bob.UserID); u.DisabledAt == nil {
			t.Errorf("removed while a link was made, Bob is back (%v)", err)
		}

		cleo := d.Staff("Cleo", accounts.Support)
		err = meanwhile(d, role(cleo.UserID, accounts.Admin), func() error { _, _, err := a.NewLink(ctx, ada, cleo.UserID); return err })
		if u := is(cleo.UserID); u.StaffRole != accounts.Admin {
			t.Errorf("made an admin while a link was made, Cleo is %s (%v)", u.StaffRole, err)
		}

		lee := d.Staff("Lee", accounts.Admin)
		err = meanwhile(d, role(lee.UserID, accounts.Support), func() error { _, _, err := a.Invite(ctx, lee, "new@fieldbridge.example", accounts.Admin); return err })
		if n := d.Count("SELECT count(*) FROM users WHERE email = 'new@fieldbridge.example'"); n != 0 || !errors.Is(err, accounts.ErrForbidden) {
			t.Errorf("demoted meanwhile, Lee invited %d people (%v)", n, err)
		}

		mia := d.Staff("Mia", accounts.Admin)
		err = meanwhile(d, gone(mia.UserID), func() error { _, _, err := a.NewLink(ctx, mia, cleo.UserID); return err })
		if !errors.Is(err, accounts.ErrForbidden) {
			t.Errorf("removed meanwhile, Mia makes a link: %v", err)
		}

		company := d.CompanyID
		for what, do := range map[string]func(by accounts.Staff) error{
			"locks":      func(by accounts.Staff) error { return d.Support.Lock(ctx, by, company, "They asked for it.") },
			"dismisses":  func(by accounts.Staff) error { _, err := a.Dismiss(ctx, by, cleo.UserID); return err },
			"sets roles": func(by accounts.Staff) error { _, err := a.SetRole(ctx, by, cleo.UserID, accounts.Support); return err },
		} {
			by := d.Staff("By "+what, accounts.Admin)
			if err := meanwhile(d, role(by.UserID, accounts.Support), func() error { return do(by) }); !errors.Is(err, accounts.ErrForbidden) {
				t.Errorf("who was demoted meanwhile %s: %v", what, err)
			}
		}
	})
}

// Who was removed is added again by the command line alone.
func TestRemovedStaffAreNotInvited(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ctx, a := t.Context(), d.Accounts
		ada, bob := d.Staff("Ada", accounts.Admin), d.Staff("Bob", accounts.Support)
		if _, err := a.Dismiss(ctx, ada, bob.UserID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.Invite(ctx, ada, bob.Email, accounts.Admin); !errors.Is(err, accounts.ErrRemoved) {
			t.Errorf("who was removed is invited over the web: %v", err)
		}
		if n := d.Count("SELECT count(*) FROM users WHERE disabled_at IS NOT NULL"); n != 1 {
			t.Errorf("%d are removed, want 1", n)
		}
	})
}
