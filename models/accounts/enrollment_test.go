package accounts_test

import (
	"errors"
	"testing"

	"github.com/pquerna/otp/totp"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// An enrolment of a session that has ended meanwhile, as by a reset of the second
// factor, is not confirmed: the session would go on.
func TestEnrollmentEndsWithItsSession(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ctx, a := t.Context(), d.Accounts
		for name, end := range map[string]func(s accounts.Staff) error{
			"reset":   func(s accounts.Staff) error { return a.ResetFactor(ctx, accounts.CommandLine("root"), s.Email) },
			"removed": func(s accounts.Staff) error { return a.RemoveStaff(ctx, accounts.CommandLine("root"), s.Email) },
		} {
			sam := d.Staff("Sam "+name, accounts.Support)
			e, err := a.Enroll(ctx, sam, "")
			d.Must(err)
			code, err := totp.GenerateCode(e.Key.Reveal(), d.DB.Now())
			d.Must(err)
			d.Must(end(sam))
			if _, err := a.ConfirmFactor(ctx, sam, e.Kept, code); !errors.Is(err, accounts.ErrSignedOut) {
				t.Errorf("%s: confirmed: %v", name, err)
			}
			if n := d.Count("SELECT count(*) FROM second_factors WHERE user_id = ?", sam.UserID); n != 0 {
				t.Errorf("%s: a second factor is left", name)
			}
		}
	})
}
