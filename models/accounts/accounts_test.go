package accounts_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

const password = "a short sentence works"

func newAccounts(t *testing.T, db *database.DB) *accounts.Accounts {
	t.Helper()
	return accounts.New(db, modeltest.TestKeys(t), 2, accounts.QuickHashes)
}

func signUp(t *testing.T, a *accounts.Accounts, email string) (accounts.User, accounts.Company) {
	t.Helper()
	user, company, err := a.SignUp(t.Context(), accounts.SignUp{
		Company: "Northgate", Name: "Dana Whitfield", Email: email, Password: secret.New(password), Address: email,
	})
	if err != nil {
		t.Fatal(err)
	}
	return user, company
}

func TestSignUpAndIn(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		a := newAccounts(t, db)
		user, company := signUp(t, a, "dana@northgate.example")
		if _, _, err := a.SignUp(t.Context(), accounts.SignUp{Company: "Other", Name: "D", Email: "dana@northgate.example", Password: secret.New(password), Address: "x"}); !errors.Is(err, accounts.ErrEmailTaken) {
			t.Errorf("second sign-up: got %v", err)
		}
		if n := modeltest.CountCompanies(t, db); n != 1 {
			t.Errorf("%d companies: the refused sign-up added one", n)
		}
		in, err := a.SignIn(t.Context(), accounts.SignIn{Email: " DANA@northgate.example", Password: secret.New(password), Address: "1.2.3.4"})
		if err != nil || in.User.ID != user.ID || in.CompanyID != company.ID {
			t.Errorf("sign-in: %+v, %v", in, err)
		}
		v, err := a.Visitor(t.Context(), user.ID, company.ID, 0)
		if err != nil || v.CompanyName != "Northgate" || !v.Owns() {
			t.Errorf("visitor: %+v, %v", v, err)
		}
	})
}

// An unknown email and a wrong password give the same answer.
func TestWrongEmailAndWrongPasswordAreOneAnswer(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		a := newAccounts(t, db)
		signUp(t, a, "dana@northgate.example")
		for _, try := range []accounts.SignIn{
			{Email: "dana@northgate.example", Password: secret.New("wrong")},
			{Email: "nobody@northgate.example", Password: secret.New(password)},
			{Email: "not an email", Password: secret.New(password)},
			{Email: "dana@northgate.example"},
			{},
		} {
			try.Address = "1.2.3.4"
			if _, err := a.SignIn(t.Context(), try); !errors.Is(err, accounts.ErrWrongCredentials) {
				t.Errorf("%q: got %v", try.Email, err)
			}
		}
	})
}

// Ten attempts from one address for one account are allowed, and a hundred from one
// address. After that, the right password is refused too. A device that has signed
// in before has separate counts.
func TestGuessingIsLimited(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		a := newAccounts(t, db)
		signUp(t, a, "dana@northgate.example")
		device := deviceOf(t, a, "dana@northgate.example")
		try := func(email, password, address, device string) error {
			_, err := a.SignIn(t.Context(), accounts.SignIn{Email: email, Password: secret.New(password), Address: address, Device: device})
			return err
		}
		throttled := func(err error) bool {
			_, ok := errors.AsType[*accounts.ThrottledError](err)
			return ok
		}
		for range 10 {
			if err := try("dana@northgate.example", "wrong", "6.6.6.6", ""); !errors.Is(err, accounts.ErrWrongCredentials) {
				t.Fatalf("got %v", err)
			}
		}
		if err := try("dana@northgate.example", password, "6.6.6.6", ""); !throttled(err) {
			t.Errorf("the eleventh attempt, with the right password: got %v", err)
		}
		if err := try("dana@northgate.example", password, "6.6.6.7", ""); !throttled(err) {
			t.Errorf("right after it, from an address nearby: got %v", err)
		}
		if err := try("dana@northgate.example", password, "6.6.6.7", device); err != nil {
			t.Errorf("the owner on a known device: got %v", err)
		}
		if err := try("dana@northgate.example", password, "6.6.6.7", "made-up"); !throttled(err) {
			t.Errorf("a made-up device: got %v", err)
		}
		clock.Add(15 * time.Minute)
		if err := try("dana@northgate.example", password, "6.6.6.7", ""); err != nil {
			t.Errorf("after the time was up: got %v", err)
		}

		for i := range 100 {
			if err := try(fmt.Sprintf("nobody%d@northgate.example", i), "wrong", "7.7.7.7", ""); !errors.Is(err, accounts.ErrWrongCredentials) {
				t.Fatalf("attempt %d: got %v", i, err)
			}
		}
		if err := try("dana@northgate.example", password, "7.7.7.7", ""); !throttled(err) {
			t.Errorf("the 101st attempt from an address: got %v", err)
		}
		if err := try("dana@northgate.example", password, "7.7.7.7", device); err != nil {
			t.Errorf("the 101st attempt from an address, on a known device: got %v", err)
		}
		if err := try("dana@northgate.example", password, "8.8.8.8", ""); err != nil {
			t.Errorf("from another address: got %v", err)
		}
	})
}

func TestVisitorIsReadAnewForEachRequest(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		a := newAccounts(t, db)
		user, company := signUp(t, a, "dana@northgate.example")
		visit := func() error {
			_, err := a.Visitor(t.Context(), user.ID, company.ID, 0)
			return err
		}
		run := func(statement string, args ...any) {
			t.Helper()
			if err := db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Exec(statement, args...).Error }); err != nil {
				t.Fatal(err)
			}
		}
		if err := visit(); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Visitor(t.Context(), user.ID, database.NewID(), 0); !errors.Is(err, accounts.ErrNoMembership) {
			t.Errorf("another company: got %v", err)
		}
		if _, err := a.Visitor(t.Context(), uuid.New(), company.ID, 0); !errors.Is(err, accounts.ErrSignedOut) {
			t.Errorf("unknown user: got %v", err)
		}
		run("UPDATE users SET disabled_at = ? WHERE id = ?", db.Now(), user.ID)
		if err := visit(); !errors.Is(err, accounts.ErrSignedOut) {
			t.Errorf("disabled: got %v", err)
		}
		if _, err := a.SignIn(t.Context(), accounts.SignIn{Email: user.Email, Password: secret.New(password), Address: "x"}); !errors.Is(err, accounts.ErrWrongCredentials) {
			t.Errorf("disabled, signing in: got %v", err)
		}
		run("UPDATE users SET disabled_at = NULL WHERE id = ?", user.ID)
		run("DELETE FROM memberships WHERE user_id = ?", user.ID)
		if err := visit(); !errors.Is(err, accounts.ErrNoMembership) {
			t.Errorf("removed: got %v", err)
		}
		if err := db.Write(t.Context(), func(tx *gorm.DB) error { return accounts.EndSessions(tx, user.ID) }); err != nil {
			t.Fatal(err)
		}
		if err := visit(); !errors.Is(err, accounts.ErrSignedOut) {
			t.Errorf("signed out everywhere: got %v", err)
		}
	})
}

func TestAccountsMatchTheSchema(t *testing.T) {
	modeltest.MatchSchema(t, &accounts.Company{}, &accounts.User{}, &accounts.Membership{}, &accounts.Session{}, &accounts.SecondFactor{}, &accounts.AccountMail{}, &accounts.Link{}, &accounts.Invitation{}, &accounts.Passkey{}, &accounts.SignInRow{}, &accounts.TokenRead{}, &accounts.APIKey{}, &accounts.KeptAnswer{})
}
