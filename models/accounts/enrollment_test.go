package accounts_test

import (
	"errors"
	"testing"

	"github.com/pquerna/otp/totp"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// An enrollment cannot be confirmed if its session has ended since, for example
// because the second factor was reset. Otherwise the session would go on.
func TestEnrollmentEndsWithItsSession(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ctx, a := t.Context(), d.Accounts
		for name, end := range map[string]func(s accounts.Staff) error{
			"reset":   func(s accounts.Staff) error { return a.ResetFactor(ctx, accounts.CommandLine("root"), s.Email) },
			"removed": func(s accounts.Staff) error { return a.RemoveStaff(ctx, accounts.CommandLine("root"), s.Email) },
		} {
			sam := d.Staff("Sam "+name, accounts.Support)
			e, err := a.Enroll(ctx, sam.Person(), "")
			d.Must(err)
			code, err := totp.GenerateCode(e.Key.Reveal(), d.DB.Now())
			d.Must(err)
			d.Must(end(sam))
			if _, err := a.ConfirmFactor(ctx, sam.Person(), e.Kept, code); !errors.Is(err, accounts.ErrSignedOut) {
				t.Errorf("%s: confirming got %v", name, err)
			}
			if n := d.Count("SELECT count(*) FROM second_factors WHERE user_id = ?", sam.UserID); n != 0 {
				t.Errorf("%s: there is a second factor", name)
			}
		}
	})
}
