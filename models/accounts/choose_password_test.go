package accounts_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// Whoever resets the password of an account whose address was never proven gets an
// account in which nothing is left that a stranger may have set up. An account with
// a proven address keeps its passkeys and codes.
func TestResetOfAnUnprovenAccount(t *testing.T) {
	for _, proven := range []bool{false, true} {
		onPasskeys(t, func(t *testing.T, d *passkeyTest) {
			ctx := t.Context()
			d.add(&d.amy, d.device())
			enrollment, err := d.Accounts.Enroll(ctx, d.amy, "")
			d.Must(err)
			code, err := totp.GenerateCode(enrollment.Key.Reveal(), d.DB.Now())
			d.Must(err)
			done, err := d.Accounts.ConfirmFactor(ctx, d.amy, enrollment.Kept, code)
			d.Must(err)
			sessions := accounts.NewSessions(d.DB)
			begin := sessions.Track(ctx)
			sessions.ForUser(begin, accounts.Beginning{User: accounts.User{ID: d.amy.UserID, SessionEpoch: done.Epoch}, Known: true})
			d.Must(sessions.CommitCtx(begin, "token", []byte("x"), time.Time{}))
			d.Exec("UPDATE users SET new_email = 'eve@evil.example' WHERE id = ?", d.amy.UserID)
			if !proven {
				d.Exec("UPDATE users SET proven_at = NULL WHERE id = ?", d.amy.UserID)
			}
			link, err := d.Accounts.ResetLink(ctx, accounts.CommandLine("root"), d.amy.Email)
			d.Must(err)
			_, err = d.Accounts.Visitor(ctx, d.amy.UserID, d.CompanyID, done.Epoch)
			d.Must(err) // making the link ends nothing
			_, err = d.Accounts.SetPassword(ctx, link, "", secret.New(password))
			d.Must(err)

			for table, kept := range map[string]bool{"passkeys": proven, "second_factors": proven, "recovery_codes": proven, "sessions": false} {
				if n := d.Count("SELECT count(*) FROM "+table+" WHERE user_id = ?", d.amy.UserID); (n > 0) != kept {
					t.Errorf("proven %t: %d rows in %s", proven, n, table)
				}
			}
			if n := d.Count("SELECT count(*) FROM users WHERE new_email = 'eve@evil.example'"); (n > 0) != proven {
				t.Errorf("proven %t: another address is waiting %d times", proven, n)
			}
			if n := d.Count("SELECT count(*) FROM users WHERE id = ? AND proven_at IS NOT NULL", d.amy.UserID); n != 1 {
				t.Errorf("proven %t: the address is not proven", proven)
			}
			if _, err := d.Accounts.Visitor(ctx, d.amy.UserID, d.CompanyID, done.Epoch); !errors.Is(err, accounts.ErrSignedOut) {
				t.Errorf("proven %t: a session from before goes on: %v", proven, err)
			}
			if _, err := d.Accounts.SignIn(ctx, accounts.SignIn{Email: d.amy.Email, Password: secret.New(password), Address: "192.0.2.1"}); err != nil {
				t.Errorf("proven %t: signing in: %v", proven, err)
			}
			if _, err := d.Accounts.SetPassword(ctx, link, "", secret.New(password)); !errors.Is(err, database.ErrNotFound) {
				t.Errorf("proven %t: the link works again: %v", proven, err)
			}
		})
	}
}

// halfOf returns one half of the migration that moved the links of staff.
func halfOf(t *testing.T, db *database.DB, down bool) []string {
	t.Helper()
	dialect := "sqlite"
	if db.OnPostgres() {
		dialect = "postgres"
	}
	text, err := os.ReadFile(filepath.Join("..", "database", "migrations", dialect, "00021_one_way_to_passwords.sql"))
	if err != nil {
		t.Fatal(err)
	}
	half, second, _ := strings.Cut(string(text), "-- +goose Down\n")
	if down {
		half = second
	}
	return strings.Split(strings.TrimSpace(half), ";\n")
}

// Links that staff had before the upgrade work after it, once and until they expire.
// They survive a downgrade, too.
func TestStaffLinksOutliveTheUpgrade(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ctx := t.Context()
		migrate := func(down bool) {
			t.Helper()
			for _, statement := range halfOf(t, d.DB, down) {
				d.Exec(statement)
			}
		}
		links := map[string]secret.Value{}
		for _, name := range []string{"open", "late", "used", "later"} {
			link, err := d.Accounts.AddStaff(ctx, accounts.CommandLine("root"), name+"@fieldbridge.example", accounts.Support)
			d.Must(err)
			links[name] = link
		}
		choose := func(name string) error {
			_, err := d.Accounts.SetPassword(ctx, links[name], "Sam", secret.New(password))
			return err
		}
		d.Must(choose("used"))

		migrate(true)
		if n := d.Count("SELECT count(*) FROM users WHERE setup_hash IS NOT NULL AND setup_until IS NOT NULL"); n != 3 {
			t.Fatalf("%d links before the upgrade, want 3", n)
		}
		d.Write(func(tx *gorm.DB) error {
			return tx.Exec("UPDATE users SET setup_until = ? WHERE email LIKE 'late@%'", d.DB.Now().Add(-time.Second)).Error
		})
		migrate(false)
		if n := d.Count("SELECT count(*) FROM links WHERE purpose = 'staff_setup' AND used_at IS NULL"); n != 3 {
			t.Fatalf("%d links after the upgrade, want 3", n)
		}
		for _, name := range []string{"late", "used"} {
			if err := choose(name); !errors.Is(err, database.ErrNotFound) {
				t.Errorf("a link that is %s: %v", name, err)
			}
		}
		d.Must(choose("open"))
		if err := choose("open"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("the link works again: %v", err)
		}
		d.Clock.Add(48*time.Hour + time.Second)
		if err := choose("later"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("the link does not expire: %v", err)
		}
	})
}
