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

// meanwhile runs do, and commits change after do has read what it needs and before
// do writes. On PostgreSQL, change holds its rows until do waits for them. SQLite
// has one writer, so there change commits right before do's first transaction
// begins.
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
			d.Errorf("it does not wait for the change: %v", err)
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

// What an admin does to another staff member depends on the roles of both at the
// moment of the write. A removed person does not come back, a newer role is not
// overwritten, and a demoted admin can do nothing more.
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
			t.Errorf("Bob was removed while a link was made, and is back (%v)", err)
		}

		cleo := d.Staff("Cleo", accounts.Support)
		err = meanwhile(d, role(cleo.UserID, accounts.Admin), func() error { _, _, err := a.NewLink(ctx, ada, cleo.UserID); return err })
		if u := is(cleo.UserID); u.StaffRole != accounts.Admin {
			t.Errorf("Cleo became an admin while a link was made, and is %s (%v)", u.StaffRole, err)
		}

		lee := d.Staff("Lee", accounts.Admin)
		err = meanwhile(d, role(lee.UserID, accounts.Support), func() error { _, _, err := a.Invite(ctx, lee, "new@fieldbridge.example", accounts.Admin); return err })
		if n := d.Count("SELECT count(*) FROM users WHERE email = 'new@fieldbridge.example'"); n != 0 || !errors.Is(err, accounts.ErrForbidden) {
			t.Errorf("Lee was demoted, and still invited %d people (%v)", n, err)
		}

		mia := d.Staff("Mia", accounts.Admin)
		err = meanwhile(d, gone(mia.UserID), func() error { _, _, err := a.NewLink(ctx, mia, cleo.UserID); return err })
		if !errors.Is(err, accounts.ErrForbidden) {
			t.Errorf("Mia was removed, and makes a link: %v", err)
		}

		company := d.CompanyID
		for what, do := range map[string]func(by accounts.Staff) error{
			"locks":      func(by accounts.Staff) error { return d.Support.Lock(ctx, by, company, "They asked for it.") },
			"dismisses":  func(by accounts.Staff) error { _, err := a.Dismiss(ctx, by, cleo.UserID); return err },
			"sets roles": func(by accounts.Staff) error { _, err := a.SetRole(ctx, by, cleo.UserID, accounts.Support); return err },
		} {
			by := d.Staff("By "+what, accounts.Admin)
			if err := meanwhile(d, role(by.UserID, accounts.Support), func() error { return do(by) }); !errors.Is(err, accounts.ErrForbidden) {
				t.Errorf("an admin who was demoted %s: %v", what, err)
			}
		}
	})
}

// Only the command line can restore a person who was removed.
func TestRemovedStaffAreNotInvited(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ctx, a := t.Context(), d.Accounts
		ada, bob := d.Staff("Ada", accounts.Admin), d.Staff("Bob", accounts.Support)
		if _, err := a.Dismiss(ctx, ada, bob.UserID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.Invite(ctx, ada, bob.Email, accounts.Admin); !errors.Is(err, accounts.ErrRemoved) {
			t.Errorf("inviting a person who was removed: got %v", err)
		}
		if n := d.Count("SELECT count(*) FROM users WHERE disabled_at IS NOT NULL"); n != 1 {
			t.Errorf("%d are removed, want 1", n)
		}
	})
}
