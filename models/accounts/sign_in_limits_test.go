package accounts_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// signingIn attempts to sign in to one account.
type signingIn struct {
	*testing.T
	*accounts.Accounts
	email string
}

func (s signingIn) try(password, address, device string) error {
	_, err := s.SignIn(s.Context(), accounts.SignIn{Email: s.email, Password: secret.New(password), Address: address, Device: device})
	return err
}

// network returns an address in the i-th network.
func network(i int) string { return fmt.Sprintf("6.%d.%d.1", i/250, i%250) }

func pausedFor(err error, now time.Time) time.Duration {
	if e, ok := errors.AsType[*accounts.ThrottledError](err); ok {
		return e.Until.Sub(now)
	}
	return 0
}

// Right passwords count too, so that nobody can use one account for a flood.
func TestRightSignInsCount(t *testing.T) {
	db := modeltest.OpenAt(t, testdb.SQLite(t))
	if _, err := accounts.Migrate(t.Context(), db, accounts.MigrationWatch{}); err != nil {
		t.Fatal(err)
	}
	a := newAccounts(t, db)
	signUp(t, a, "dana@northgate.example")
	s := signingIn{t, a, "dana@northgate.example"}
	for i := range 90 {
		err := s.try(password, network(i), "")
		if pausedFor(err, db.Now()) > 0 {
			if i < 40 {
				t.Errorf("refused after %d sign-ins, which an office may need", i)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("90 sign-ins in a row were allowed")
}

// An office of 40 people behind one address is never refused, even though each of
// them signs in a few times and mistypes.
func TestAnOfficeIsNotRefused(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		write := func(write func(*gorm.DB, time.Time) error) {
			t.Helper()
			if err := accounts.AccountsLimited(newAccounts(t, db), t.Context(), nil, write); err != nil {
				t.Error(err)
			}
		}
		for i := range 40 {
			try := accounts.SignInAttempt{Email: fmt.Sprintf("person%d@northgate.example", i), Address: "1.2.3.4"}
			count := func(tx *gorm.DB, now time.Time) error {
				_, err := try.Count(tx, now)
				return err
			}
			write(count)
			write(count)
			for range 3 {
				write(count)
				write(try.Worked)
			}
		}
	})
}

// Strangers slow down signing in to an account on new devices. They never lock it,
// and a known device is not affected. The same is true for staff.
func TestStrangersCannotLockAnAccount(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		a := newAccounts(t, db)
		signUp(t, a, "dana@northgate.example")
		link, err := a.AddStaff(t.Context(), accounts.CommandLine("test"), "sam@fieldbridge.example", accounts.Admin)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.SetPassword(t.Context(), link, "Sam", secret.New(password)); err != nil {
			t.Fatal(err)
		}
		for _, email := range []string{"dana@northgate.example", "sam@fieldbridge.example"} {
			s := signingIn{t, a, email}
			device := deviceOf(t, a, email)
			var longest time.Duration
			for i := range 30 * accounts.SignInLanes {
				err := s.strangerTry(db, network(i))
				if wait := pausedFor(err, db.Now()); wait > accounts.LongestSignInPause {
					t.Fatalf("attempt %d is refused for %s", i, wait)
				} else if longest = max(longest, wait); wait > 0 {
					clock.Add(wait)
				}
			}
			if longest != accounts.LongestSignInPause {
				t.Errorf("the longest pause was %s, want %s", longest, accounts.LongestSignInPause)
			}
			if err := s.strangerTry(db, "7.7.7.7"); err != nil && pausedFor(err, db.Now()) == 0 {
				t.Fatal(err)
			}
			if wait := pausedFor(s.try(password, "7.7.7.7", ""), db.Now()); wait <= 0 || wait > accounts.LongestSignInPause {
				t.Errorf("%s on a new device: refused for %s", email, wait)
			}
			if err := s.try(password, "7.7.7.7", device); err != nil {
				t.Errorf("%s on a known device: %v", email, err)
			}
			clock.Add(accounts.LongestSignInPause)
			if err := s.try(password, "7.7.7.7", ""); err != nil {
				t.Errorf("%s on a new device, later: %v", email, err)
			}
		}
	})
}

// strangerTry makes a wrong attempt without hashing.
func (s signingIn) strangerTry(db *database.DB, address string) error {
	return accounts.AccountsLimited(s.Accounts, s.Context(), nil, func(tx *gorm.DB, now time.Time) error {
		_, err := accounts.SignInAttempt{Email: s.email, Address: address}.Count(tx, now)
		return err
	})
}

// A stranger at the owner's own address does not lock out a known device.
func TestKnownDeviceAtAFloodedAddress(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		a := newAccounts(t, db)
		signUp(t, a, "dana@northgate.example")
		s := signingIn{t, a, "dana@northgate.example"}
		device := deviceOf(t, a, s.email)
		for i := range accounts.SignInPerAddress.Tries {
			other := signingIn{t, a, fmt.Sprintf("nobody%d@northgate.example", i)}
			if err := other.strangerTry(db, "1.2.3.4"); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.try(password, "1.2.3.4", ""); pausedFor(err, db.Now()) <= 0 {
			t.Errorf("a new device at the address: %v", err)
		}
		if err := s.try(password, "1.2.3.4", device); err != nil {
			t.Errorf("the known device: %v", err)
		}
	})
}

// The person whose account it is gets one mail a day about many attempts. An
// unknown email gets none.
func TestOwnersAreToldOfTries(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		a := newAccounts(t, db)
		signUp(t, a, "dana@northgate.example")
		var sent []string
		outbox := models.NewOutbox(db, func(_ context.Context, mail models.OutgoingMail) error {
			sent = append(sent, fmt.Sprint(mail.Kind, " ", mail.Recipient))
			return nil
		}, slog.New(slog.DiscardHandler))
		deliver := func() int {
			t.Helper()
			sent = nil
			if db.OnPostgres() { // which uses its own clock
				if err := db.Write(t.Context(), func(tx *gorm.DB) error {
					return tx.Exec("UPDATE account_mails SET next_try_at = now() WHERE next_try_at IS NOT NULL").Error
				}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := outbox.DeliverDue(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, mail := range sent {
				if mail != "sign_in_tries dana@northgate.example" {
					t.Errorf("sent: %s", mail)
				}
			}
			return len(sent)
		}
		flood := func() {
			t.Helper()
			for _, email := range []string{"dana@northgate.example", "nobody@northgate.example"} {
				s := signingIn{t, a, email}
				for i := range accounts.SignInAlarm.Tries {
					if err := s.strangerTry(db, network(i)); err != nil && pausedFor(err, db.Now()) == 0 {
						t.Fatal(err)
					}
				}
				for i := range 3 {
					clock.Add(accounts.LongestSignInPause)
					if err := s.try("a wrong one, surely", network(100+i), ""); !errors.Is(err, accounts.ErrWrongCredentials) {
						t.Fatalf("%s: got %v", email, err)
					}
				}
			}
		}
		s := signingIn{t, a, "dana@northgate.example"}
		for range 3 {
			if err := s.try("a wrong one, surely", "1.2.3.4", ""); !errors.Is(err, accounts.ErrWrongCredentials) {
				t.Fatal(err)
			}
		}
		if n := deliver(); n != 0 {
			t.Errorf("%d mails after three attempts", n)
		}
		flood()
		if n := deliver(); n != 1 {
			t.Errorf("%d mails after many attempts, want 1", n)
		}
		clock.Add(12 * time.Hour)
		flood()
		if n := deliver(); n != 0 {
			t.Errorf("%d more mails on the same day", n)
		}
		clock.Add(13 * time.Hour)
		flood()
		if n := deliver(); n != 1 {
			t.Errorf("%d mails on the next day, want 1", n)
		}
		clock.Add(accounts.AccountMailsKept - 12*time.Hour)
		if err := keyring.Sweep(t.Context(), db, time.Hour); err != nil {
			t.Fatal(err)
		}
		var left int64
		if err := db.Read(t.Context()).Model(&accounts.AccountMail{}).Count(&left).Error; err != nil || left != 1 {
			t.Errorf("%d mails remain, %v; want only the newest", left, err)
		}
	})
}

// An attempt that an instance knows to be refused neither writes to the database
// nor hashes a password. Another instance learns of the refusal by itself.
func TestRefusedTriesDoNotReachTheDatabase(t *testing.T) {
	for name, address := range map[string]string{"sqlite": testdb.SQLite(t), "postgres": testdb.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			clock := modeltest.NewClock()
			var writes atomic.Int64
			instance := func() signingIn {
				db := modeltest.OpenBy(t, address, clock.Now)
				db.Intercept(func(write database.WriteFunc) database.WriteFunc {
					return func(ctx context.Context, fn func(*gorm.DB) error) error {
						writes.Add(1)
						return write(ctx, fn)
					}
				})
				return signingIn{t, newAccounts(t, db), "nobody@northgate.example"}
			}
			one, other := instance(), instance()
			for range accounts.SignInPerPair.Tries {
				if err := one.strangerTry(one.DB(), "1.2.3.4"); err != nil {
					t.Fatal(err)
				}
			}
			for _, s := range []signingIn{one, other} {
				refused := s.try("a wrong one, surely", "1.2.3.4", "")
				if pausedFor(refused, s.DB().Now()) <= 0 {
					t.Fatalf("got %v", refused)
				}
				writes.Store(0)
				for range 200 {
					if again := s.try("a wrong one, surely", "1.2.3.4", ""); again == nil || again.Error() != refused.Error() && pausedFor(again, s.DB().Now()) != pausedFor(refused, s.DB().Now()) {
						t.Fatalf("got %v, want %v", again, refused)
					}
				}
				if n := writes.Load(); n != 0 {
					t.Errorf("200 refused attempts made %d writes", n)
				}
			}
			clock.Add(accounts.SignInPerPair.Per)
			if err := other.try("a wrong one, surely", "1.2.3.4", ""); !errors.Is(err, accounts.ErrWrongCredentials) {
				t.Errorf("after its end: %v", err)
			}
		})
	}
}

func TestKnownRefusalsAreBounded(t *testing.T) {
	r, now := accounts.NewKnownRefusals(), time.Now()
	for i := range accounts.RefusalsKept {
		r.Remember(now, fmt.Sprint("short ", i), now.Add(time.Minute))
	}
	later := now.Add(2 * time.Minute)
	r.Remember(later, "long", later.Add(time.Hour))
	if r.Kept() != 1 {
		t.Errorf("%d are kept besides the one that has not ended", r.Kept()-1)
	}
	for i := range 2 * accounts.RefusalsKept {
		r.Remember(later, fmt.Sprint("endless ", i), later.Add(time.Hour))
	}
	if r.Kept() != accounts.RefusalsKept {
		t.Errorf("%d are kept, want %d", r.Kept(), accounts.RefusalsKept)
	}
	last := fmt.Sprint("endless ", 2*accounts.RefusalsKept-1)
	if wait := pausedFor(r.Check(later, "other", last), later); wait != time.Hour {
		t.Errorf("refused for %s", wait)
	}
	if err := r.Check(later.Add(time.Hour), last); err != nil {
		t.Errorf("after its end: %v", err)
	}
}

// A device's cookie has one spelling. Another spelling would have separate counts.
func TestDeviceCookieHasOneSpelling(t *testing.T) {
	db := modeltest.OpenAt(t, testdb.SQLite(t))
	a := newAccounts(t, db)
	signUp(t, a, "dana@northgate.example")
	signUp(t, a, "amy@northgate.example")
	device := deviceOf(t, a, "dana@northgate.example")
	if recognized(t, a, "dana@northgate.example", device) == "" {
		t.Fatal("the cookie is not recognized")
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	raw, err := base64.RawURLEncoding.DecodeString(device)
	if err != nil {
		t.Fatal(err)
	}
	spellings := []string{device + "\n", "\r" + device, device[:9] + "\n" + device[9:], device + "=", device + "==", base64.StdEncoding.EncodeToString(raw), base64.RawStdEncoding.EncodeToString(raw) + "\n"}
	for _, last := range alphabet {
		spellings = append(spellings, device[:len(device)-1]+string(last))
	}
	for _, spelling := range spellings {
		if spelling != device && recognized(t, a, "dana@northgate.example", spelling) != "" {
			t.Errorf("the spelling %q is recognized too", spelling[len(spelling)-4:])
		}
	}
	if recognized(t, a, "amy@northgate.example", device) != "" {
		t.Error("the cookie is recognized for another account")
	}
}
