package accounts_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// Equal sign-ins of an hour are one row of the company whose people they are about.
// No email is stored.
func TestSignInsAreRecorded(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ctx, a := t.Context(), d.Accounts
		amy, ada := d.Person("Amy", accounts.Owner), d.Staff("Ada", accounts.Admin)
		d.Clock.Add(time.Hour - time.Duration(d.DB.Now().UnixNano())%time.Hour) // an hour begins
		refused := accounts.SignInEvent{Action: accounts.ActionSignIn, Outcome: "wrong_credentials", Email: " AMY@northgate.example", Address: "203.0.113.7", SupportCode: "FB-1"}
		for range 3 {
			a.RecordSignIn(refused)
			d.Must(a.FlushSignIns(ctx))
			d.Clock.Add(time.Second)
		}
		a.RecordSignIn(accounts.SignInEvent{Action: accounts.ActionSignIn, Outcome: accounts.OutcomeOK, UserID: amy, Address: "203.0.113.7", SupportCode: "FB-2"})
		a.RecordSignIn(accounts.SignInEvent{Action: accounts.ActionSecondFactor, Outcome: accounts.OutcomeOK, UserID: ada.UserID, Address: "203.0.113.8"})
		a.RecordSignIn(accounts.SignInEvent{Action: accounts.ActionSignIn, Outcome: "wrong_credentials", Email: "nobody@x.example", Address: "203.0.113.9"})
		d.Clock.Add(-time.Second)
		a.RecordSignIn(accounts.SignInEvent{Action: accounts.ActionStaffIssuer, Outcome: "not_staff", Email: "eve@x.example", Address: "203.0.113.9", Staff: true})
		d.Must(a.FlushSignIns(ctx))
		d.Must(a.FlushSignIns(ctx)) // nothing is written twice
		for name, tt := range map[string]struct {
			read func() ([]accounts.SignInLine, error)
			want string
		}{
			"the company's": {func() ([]accounts.SignInLine, error) {
				v, err := d.Support.Company(ctx, ada, d.CompanyID)
				return v.SignIns, err
			}, "[Amy sign_in ok ×1 FB-2 Amy sign_in wrong_credentials ×3 FB-1]"},
			"support's": {func() ([]accounts.SignInLine, error) {
				v, err := d.Support.Company(ctx, d.Staff("Sam", accounts.Support), d.CompanyID)
				return v.SignIns, err
			}, "[]"},
			"the staff's": {func() ([]accounts.SignInLine, error) { return a.StaffSignIns(ctx) }, "[Ada second_factor ok ×1  Someone unknown staff_issuer not_staff ×1 ]"},
		} {
			lines, err := tt.read()
			d.Must(err)
			var said []string
			for _, l := range lines {
				said = append(said, fmt.Sprintf("%s %s %s ×%d %s", l.Name, l.Action, l.Outcome, l.N, l.SupportCode))
			}
			if got := fmt.Sprint(said); got != tt.want {
				t.Errorf("%s: %s, want %s", name, got, tt.want)
			}
		}
		if n := d.Count("SELECT count(*) FROM sign_ins WHERE subject LIKE '%@%'"); n != 0 {
			t.Error("an email is stored")
		}
		d.Clock.Add(accounts.SignInsKept + time.Hour)
		d.Must(keyring.Sweep(ctx, d.DB, time.Hour))
		if n := d.Count("SELECT count(*) FROM sign_ins"); n != 0 {
			t.Errorf("%d remain after 90 days", n)
		}
	})
}

// However many refusals an attacker causes, the rows of an hour are limited, and
// successes in the same hour keep their addresses.
func TestSignInRecordIsBounded(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		a := newAccounts(t, db)
		user, company := signUp(t, a, "dana@northgate.example")
		for i := range 5000 {
			a.RecordSignIn(accounts.SignInEvent{Action: accounts.ActionSignIn, Outcome: "wrong_credentials", Email: fmt.Sprintf("x%d@y.example", i), Address: fmt.Sprintf("198.51.100.%d", i)})
		}
		a.RecordSignIn(accounts.SignInEvent{Action: accounts.ActionSignIn, Outcome: accounts.OutcomeOK, UserID: user.ID, Address: "203.0.113.7"})
		if err := a.FlushSignIns(t.Context()); err != nil {
			t.Fatal(err)
		}
		var n, tries int64
		if err := db.Read(t.Context()).Raw("SELECT count(*) FROM sign_ins WHERE outcome <> 'ok'").Scan(&n).Error; err != nil || n > 2*accounts.RefusalsNamed+1 || n < accounts.RefusalsNamed {
			t.Errorf("%d rows, want %d at most (%v)", n, 2*accounts.RefusalsNamed+1, err)
		}
		if err := db.Read(t.Context()).Raw("SELECT sum(n) FROM sign_ins WHERE outcome <> 'ok'").Scan(&tries).Error; err != nil || tries != 5000 {
			t.Errorf("%d refusals are counted, want 5000 (%v)", tries, err)
		}
		lines, err := accounts.SignInsOf(db.Read(t.Context()), company.ID.String())
		if err != nil || len(lines) != 1 || lines[0].Address != "203.0.113.7" {
			t.Errorf("the company sees %+v, %v", lines, err)
		}
	})
}

// The hash of an email is the same on every instance, and different in another
// database. Nobody who has only the log can test whether it is about an email.
func TestEmailHash(t *testing.T) {
	var hashes []string
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		hash := func(email string) string {
			h, err := newAccounts(t, db).EmailHash(t.Context(), email)
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		if h := hash("dana@northgate.example"); len(h) != 16 || h != hash(" DANA@northgate.example ") || h == hash("amy@northgate.example") {
			t.Errorf("the hash is %s", h)
		}
		if h := hash("not an email"); h != "" {
			t.Errorf("text that is no email has the hash %s", h)
		}
		hashes = append(hashes, hash("dana@northgate.example"))
	})
	for i, hash := range hashes {
		if slices.Contains(hashes[:i], hash) {
			t.Error("two databases have the same key")
		}
	}
}

// The people whom sign-ins are about are found by an index, on both databases.
func TestPeopleOfSignInsAreFoundByIndex(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		d.Person("Amy", accounts.Owner)
		ada := d.Staff("Ada", accounts.Admin)
		modeltest.Explains(t, d.DB, "people of sign-ins", func() {
			_, _, err := accounts.AccountsPeople(d.Accounts, t.Context(), map[accounts.SignInOf]accounts.SignInCount{{UserID: ada.UserID}: {}, {Email: "amy@northgate.example"}: {}})
			d.Must(err)
		})
	})
}
