package accounts_test

import (
	"errors"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// passkeyTest has a person and the passkeys of a site.
type passkeyTest struct {
	*modeltest.SupportTest
	passkeys *accounts.Passkeys
	amy      accounts.Person
}

// onPasskeys runs a test on each database.
func onPasskeys(t *testing.T, test func(t *testing.T, d *passkeyTest)) {
	t.Helper()
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		id := d.Person("Amy", accounts.Owner)
		d.Exec("UPDATE users SET proven_at = created_at, password_hash = 'x' WHERE id = ?", id)
		p := &passkeyTest{SupportTest: d, passkeys: d.Accounts.PasskeysAt(&url.URL{Scheme: "https", Host: "app.example"})}
		p.amy = accounts.Person{UserID: id, Name: "Amy", Email: "amy@northgate.example"}
		test(t, p)
	})
}

func (d *passkeyTest) device() *modeltest.Authenticator {
	d.Helper()
	return modeltest.NewAuthenticator(d, "https://app.example", "app.example")
}

// add adds a passkey of the device to a person, whose epoch moves on.
func (d *passkeyTest) add(who *accounts.Person, device *modeltest.Authenticator) {
	d.Helper()
	c, err := d.passkeys.BeginAdding(d.Context(), *who)
	d.Must(err)
	who.Epoch, err = d.passkeys.Add(d.Context(), *who, c.Kept, device.Create(c.Options), "Laptop")
	d.Must(err)
}

// signIn signs in with the device.
func (d *passkeyTest) signIn(device *modeltest.Authenticator) (accounts.SignedIn, error) {
	d.Helper()
	c, err := d.passkeys.BeginSignIn(d.Context(), "192.0.2.1")
	d.Must(err)
	return d.passkeys.SignIn(d.Context(), c.Kept, device.Get(c.Options), false)
}

// A passkey signs its owner in. Adding and removing one end all sessions and send a
// mail.
func TestPasskeys(t *testing.T) {
	onPasskeys(t, func(t *testing.T, d *passkeyTest) {
		device := d.device()
		d.add(&d.amy, device)
		if d.amy.Epoch != 1 || d.Count("SELECT count(*) FROM account_mails WHERE kind = 'security_changed' AND detail = 'passkey_added' AND recipient = 'amy@northgate.example'") != 1 {
			t.Errorf("the epoch is %d, or there is no mail", d.amy.Epoch)
		}
		in, err := d.signIn(device)
		if err != nil || in.User.ID != d.amy.UserID || in.CompanyID != d.CompanyID {
			t.Fatalf("signed in %s in %s: %v", in.User.ID, in.CompanyID, err)
		}
		kept, err := d.Accounts.PasskeysOf(t.Context(), d.amy.UserID)
		if err != nil || len(kept) != 1 || kept[0].Name != "Laptop" || kept[0].LastUsedAt == nil || kept[0].Transports != "internal" {
			t.Fatalf("passkeys %+v, %v", kept, err)
		}
		bob := accounts.Person{UserID: d.Person("Bob", accounts.Owner), Email: "bob@northgate.example"}
		if err := d.Accounts.RenamePasskey(t.Context(), bob.UserID, kept[0].ID, "Mine"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("renaming somebody else's: %v", err)
		}
		if _, err := d.Accounts.RemovePasskey(t.Context(), bob, kept[0].ID); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("removing somebody else's: %v", err)
		}
		if _, err := d.Accounts.RemovePasskey(t.Context(), accounts.Person{UserID: d.amy.UserID}, kept[0].ID); !errors.Is(err, accounts.ErrSignedOut) {
			t.Errorf("removing in a session that has ended: %v", err)
		}
		epoch, err := d.Accounts.RemovePasskey(t.Context(), d.amy, kept[0].ID)
		if err != nil || epoch != 2 {
			t.Errorf("removed: %d, %v", epoch, err)
		}
		if in, err := d.signIn(device); !errors.Is(err, accounts.ErrPasskeyRefused) || in.CompanyID == d.CompanyID {
			t.Errorf("a removed passkey signed %s in: %v", in.User.ID, err)
		}
	})
}

// A passkey is refused with another site, another person, no verification, another
// challenge, or a challenge that is old or used. Nothing of that signs anybody in.
func TestPasskeysAreRefused(t *testing.T) {
	onPasskeys(t, func(t *testing.T, d *passkeyTest) {
		device := d.device()
		d.add(&d.amy, device)
		for name, change := range map[string]func(a *modeltest.Authenticator){
			"not verified":   func(a *modeltest.Authenticator) { a.Unverified = true },
			"wrong origin":   func(a *modeltest.Authenticator) { a.Origin = "https://app.example.evil.example" },
			"http":           func(a *modeltest.Authenticator) { a.Origin = "http://app.example" },
			"wrong port":     func(a *modeltest.Authenticator) { a.Origin = "https://app.example:8443" },
			"wrong RP ID":    func(a *modeltest.Authenticator) { a.RPID = "example" },
			"other user":     func(a *modeltest.Authenticator) { id := database.NewID(); a.Handle = id[:] },
			"no user":        func(a *modeltest.Authenticator) { a.Handle = nil },
			"unknown ID":     func(a *modeltest.Authenticator) { a.ID = []byte("unknown") },
			"other key":      func(a *modeltest.Authenticator) { o := d.device(); o.ID, o.Handle = a.ID, a.Handle; *a = *o },
			"backup changed": func(a *modeltest.Authenticator) { a.BackedUp = true },
		} {
			wrong := *device
			change(&wrong)
			if in, err := d.signIn(&wrong); !errors.Is(err, accounts.ErrPasskeyRefused) {
				t.Errorf("%s: signed %s in, %v", name, in.User.ID, err)
			}
			c, err := d.passkeys.BeginAdding(t.Context(), d.amy)
			d.Must(err)
			if name == "not verified" || name == "wrong origin" || name == "wrong RP ID" {
				wrong.ID = []byte(name)
				if _, err := d.passkeys.Add(t.Context(), d.amy, c.Kept, wrong.Create(c.Options), "x"); !errors.Is(err, accounts.ErrPasskeyRefused) {
					t.Errorf("%s: added, %v", name, err)
				}
			}
		}
		begin := func() accounts.Ceremony {
			c, err := d.passkeys.BeginSignIn(t.Context(), "192.0.2.1")
			d.Must(err)
			return c
		}
		try := func(kept string, answer []byte) error {
			_, err := d.passkeys.SignIn(t.Context(), kept, answer, false)
			return err
		}
		one, two := begin(), begin()
		if err := try(one.Kept, device.Get(two.Options)); !errors.Is(err, accounts.ErrPasskeyRefused) {
			t.Errorf("another challenge: %v", err)
		}
		answer := device.Get(two.Options)
		d.Must(try(two.Kept, answer))
		if err := try(two.Kept, answer); !errors.Is(err, accounts.ErrPasskeyLate) {
			t.Errorf("replayed: %v", err)
		}
		late := begin()
		d.Clock.Add(5 * time.Minute)
		if err := try(late.Kept, device.Get(late.Options)); !errors.Is(err, accounts.ErrPasskeyLate) {
			t.Errorf("too late: %v", err)
		}
		c, err := d.passkeys.BeginConfirming(t.Context(), d.amy)
		d.Must(err)
		if err := try(c.Kept, device.Get(c.Options)); !errors.Is(err, accounts.ErrPasskeyLate) {
			t.Errorf("the answer to another question: %v", err)
		}
		for _, kept := range []string{"", "{}", "null", "garbage"} {
			if err := try(kept, device.Get(begin().Options)); !errors.Is(err, accounts.ErrPasskeyLate) {
				t.Errorf("kept %q: %v", kept, err)
			}
		}
		for _, garbage := range []string{"", "null", "{}", `{"id":"x"}`, `[]`} {
			if err := try(begin().Kept, []byte(garbage)); !errors.Is(err, accounts.ErrPasskeyRefused) {
				t.Errorf("answer %q: %v", garbage, err)
			}
		}
		d.Exec("UPDATE users SET disabled_at = created_at WHERE id = ?", d.amy.UserID)
		if _, err := d.signIn(device); !errors.Is(err, accounts.ErrPasskeyRefused) {
			t.Errorf("disabled person: %v", err)
		}
	})
}

// One of several answers to the same challenge counts.
func TestPasskeyAnswersOnce(t *testing.T) {
	onPasskeys(t, func(t *testing.T, d *passkeyTest) {
		device := d.device()
		d.add(&d.amy, device)
		c, err := d.passkeys.BeginSignIn(t.Context(), "192.0.2.1")
		d.Must(err)
		answer := device.Get(c.Options)
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { _, errs[i] = d.passkeys.SignIn(t.Context(), c.Kept, answer, false) })
		}
		all.Wait()
		in := 0
		for _, err := range errs {
			if err == nil {
				in++
			} else if !errors.Is(err, accounts.ErrPasskeyLate) {
				t.Error(err)
			}
		}
		if in != 1 {
			t.Errorf("%d answers counted", in)
		}
	})
}

// A passkey whose count of signatures goes back is refused, and its owner is known.
// One that never counts is not.
func TestCopiedPasskey(t *testing.T) {
	onPasskeys(t, func(t *testing.T, d *passkeyTest) {
		device := d.device()
		device.Count = 7
		d.add(&d.amy, device)
		for count, want := range map[uint32]error{7: accounts.ErrPasskeyCopied, 6: accounts.ErrPasskeyCopied, 0: accounts.ErrPasskeyCopied} {
			device.Count = count
			if in, err := d.signIn(device); !errors.Is(err, want) || in.User.ID != d.amy.UserID {
				t.Errorf("count %d: %s, %v", count, in.User.ID, err)
			}
		}
		device.Count = 8
		_, err := d.signIn(device)
		d.Must(err)
		never := d.device()
		d.add(&d.amy, never)
		for range 2 {
			_, err := d.signIn(never)
			d.Must(err)
		}
	})
}

// A person has at most ten passkeys, each of them once. One without a password keeps
// the last.
func TestPasskeyLimits(t *testing.T) {
	onPasskeys(t, func(t *testing.T, d *passkeyTest) {
		first := d.device()
		d.add(&d.amy, first)
		c, err := d.passkeys.BeginAdding(t.Context(), d.amy)
		d.Must(err)
		if _, err := d.passkeys.Add(t.Context(), d.amy, c.Kept, first.Create(c.Options), "again"); !errors.Is(err, accounts.ErrPasskeyKnown) {
			t.Errorf("added twice: %v", err)
		}
		late, err := d.passkeys.BeginAdding(t.Context(), d.amy)
		d.Must(err)
		for range 9 {
			d.add(&d.amy, d.device())
		}
		if _, err := d.passkeys.BeginAdding(t.Context(), d.amy); !errors.Is(err, accounts.ErrTooManyPasskeys) {
			t.Errorf("an eleventh begins: %v", err)
		}
		if _, err := d.passkeys.Add(t.Context(), d.amy, late.Kept, d.device().Create(late.Options), "x"); !errors.Is(err, accounts.ErrTooManyPasskeys) {
			t.Errorf("an eleventh is added: %v", err)
		}
		kept, err := d.Accounts.PasskeysOf(t.Context(), d.amy.UserID)
		d.Must(err)
		d.Exec("UPDATE users SET password_hash = '' WHERE id = ?", d.amy.UserID)
		for i, passkey := range kept {
			epoch, err := d.Accounts.RemovePasskey(t.Context(), d.amy, passkey.ID)
			if last := i == len(kept)-1; last != errors.Is(err, accounts.ErrLastWayIn) || (!last && err != nil) {
				t.Errorf("removing %d of %d: %v", i, len(kept), err)
			}
			d.amy.Epoch = max(epoch, d.amy.Epoch)
		}
	})
}

// A signed-in person confirms with a passkey of their own only.
func TestConfirmWithPasskey(t *testing.T) {
	onPasskeys(t, func(t *testing.T, d *passkeyTest) {
		bob := accounts.Person{UserID: d.Person("Bob", accounts.Owner), Email: "bob@northgate.example"}
		if _, err := d.passkeys.BeginConfirming(t.Context(), bob); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("without a passkey: %v", err)
		}
		mine, bobs := d.device(), d.device()
		d.add(&d.amy, mine)
		d.add(&bob, bobs)
		for device, want := range map[*modeltest.Authenticator]error{mine: nil, bobs: accounts.ErrPasskeyRefused} {
			c, err := d.passkeys.BeginConfirming(t.Context(), d.amy)
			d.Must(err)
			if err := d.passkeys.Confirm(t.Context(), d.amy, c.Kept, device.Get(c.Options)); !errors.Is(err, want) {
				t.Errorf("confirmed: %v, want %v", err, want)
			}
		}
	})
}

// Staff whose second factor is reset, who get a new link, or who are removed have no
// passkeys. Where staff sign in elsewhere, their passkeys are refused.
func TestPasskeysOfStaff(t *testing.T) {
	onPasskeys(t, func(t *testing.T, d *passkeyTest) {
		root := accounts.CommandLine("root")
		for name, end := range map[string]func(s accounts.Staff) error{
			"reset":   func(s accounts.Staff) error { return d.Accounts.ResetFactor(t.Context(), root, s.Email) },
			"removed": func(s accounts.Staff) error { return d.Accounts.RemoveStaff(t.Context(), root, s.Email) },
			"added again": func(s accounts.Staff) error {
				_, err := d.Accounts.AddStaff(t.Context(), root, s.Email, accounts.Support)
				return err
			},
		} {
			sam, device := d.Staff("Sam "+name, accounts.Support), d.device()
			who := sam.Person()
			d.add(&who, device)
			in, err := d.signIn(device)
			if err != nil || in.User.StaffRole != accounts.Support {
				t.Errorf("%s: %+v, %v", name, in, err)
			}
			c, err := d.passkeys.BeginSignIn(t.Context(), "192.0.2.1")
			d.Must(err)
			if _, err := d.passkeys.SignIn(t.Context(), c.Kept, device.Get(c.Options), true); !errors.Is(err, accounts.ErrPasskeyRefused) {
				t.Errorf("%s: signing in elsewhere is the only way: %v", name, err)
			}
			d.Must(end(sam))
			if _, err := d.signIn(device); !errors.Is(err, accounts.ErrPasskeyRefused) {
				t.Errorf("%s: the passkey still works: %v", name, err)
			}
		}
	})
}

// Too many begun sign-ins from an address are refused, and too many of a person.
func TestPasskeyRates(t *testing.T) {
	onPasskeys(t, func(t *testing.T, d *passkeyTest) {
		refusedAfter := func(begin func() error) int {
			for n := range 200 {
				err := begin()
				if _, throttled := errors.AsType[*accounts.ThrottledError](err); throttled {
					return n
				}
				d.Must(err)
			}
			return -1
		}
		if n := refusedAfter(func() error { _, err := d.passkeys.BeginSignIn(t.Context(), "192.0.2.9"); return err }); n != 100 {
			t.Errorf("an address begins %d sign-ins", n)
		}
		if n := refusedAfter(func() error { _, err := d.passkeys.BeginAdding(t.Context(), d.amy); return err }); n != 30 {
			t.Errorf("a person begins to add %d", n)
		}
		_, err := d.passkeys.BeginSignIn(t.Context(), "192.0.2.10")
		d.Must(err)
	})
}

// Browsers make passkeys only for names with https, and for the local machine.
func TestSitesWithPasskeys(t *testing.T) {
	for base, want := range map[string]bool{
		"https://app.example": true, "http://localhost:8080": true, "https://app.example:8443": true,
		"http://app.example": false, "https://192.0.2.1": false, "http://127.0.0.1:8080": false, "https://[::1]": false, "https://bad_host!": false,
	} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		if got := (*accounts.Accounts)(nil).PasskeysAt(u) != nil; got != want {
			t.Errorf("%s: %t", base, got)
		}
	}
}
