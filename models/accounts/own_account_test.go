package accounts_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// signedIn is a person with a session, and the context of a request of theirs.
type signedIn struct {
	accounts.Visitor
	ctx context.Context
}

// session signs a person in and returns a request of the session.
func session(t *testing.T, a *accounts.Accounts, user accounts.User, company accounts.Company) signedIn {
	t.Helper()
	s := accounts.NewSessions(a.DB())
	begin, token := s.Track(t.Context()), database.NewID().String()
	s.ForUser(begin, accounts.Beginning{User: user, Agent: accounts.Agent{Browser: "Firefox", System: "Linux"}, Known: true})
	if err := s.CommitCtx(begin, token, []byte("x"), a.DB().Now()); err != nil {
		t.Fatal(err)
	}
	ctx := s.Track(t.Context())
	if _, found, err := s.FindCtx(ctx, token); err != nil || !found {
		t.Fatal(found, err)
	}
	v := accounts.Visitor{UserID: user.ID, Name: user.Name, Email: user.Email, CompanyID: company.ID, CompanyName: company.Name}
	return signedIn{v, ctx}
}

func nothingElse(*gorm.DB, string, string) error { return nil }

// askForEmail asks for another address, and returns the link of the mail.
func (s signedIn) askForEmail(t *testing.T, a *accounts.Accounts, email string) secret.Value {
	t.Helper()
	if err := a.AskForEmail(s.ctx, s.Visitor, secret.New(password), email, "1.2.3.4"); err != nil {
		t.Fatal(err)
	}
	var mail accounts.AccountMail
	if err := a.DB().Read(t.Context()).Where("recipient = ? AND user_id = ? AND next_try_at IS NOT NULL", email, s.UserID).Order("id DESC").Take(&mail).Error; err != nil {
		t.Fatal(err)
	}
	prepared, err := accounts.PrepareMail(t.Context(), a.DB(), mail.ID)
	if err != nil {
		t.Fatal(err)
	}
	return prepared.Link
}

// Of several requests that confirm an address at the same time, one moves the
// person. Of two people who confirm the same address, one gets it.
func TestConfirmEmailAtOnce(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		a := newAccounts(t, db)
		user, company := signUp(t, a, "amy@a.example")
		amy := session(t, a, user, company)
		user, company = signUp(t, a, "bob@a.example")
		bob := session(t, a, user, company)
		amys, bobs := amy.askForEmail(t, a, "both@new.example"), bob.askForEmail(t, a, "both@new.example")
		if _, err := a.ConfirmEmail(amy.ctx, amy.Visitor, bobs, nothingElse); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("another person's link: %v", err)
		}
		var mu sync.Mutex
		moved := map[string]int{}
		var all sync.WaitGroup
		for range 3 {
			for link, who := range map[secret.Value]signedIn{amys: amy, bobs: bob} {
				all.Go(func() {
					_, err := a.ConfirmEmail(who.ctx, who.Visitor, link, nothingElse)
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						moved[who.Email]++
					case !errors.Is(err, database.ErrNotFound) && !errors.Is(err, accounts.ErrEmailTaken):
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		if len(moved) != 1 || moved["amy@a.example"]+moved["bob@a.example"] != 1 {
			t.Errorf("moved: %v, want one person, once", moved)
		}
	})
}

// What waits for the old address gives no access after the move: links to choose
// another password end, and mails that wait go to the new address.
func TestOldAddressGivesNoAccess(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		a := newAccounts(t, db)
		user, company := signUp(t, a, "amy@a.example")
		amy := session(t, a, user, company)
		other := session(t, a, user, company)
		link := amy.askForEmail(t, a, "amy@new.example")
		var reset secret.Value
		if err := db.Write(t.Context(), func(tx *gorm.DB) (err error) {
			now := db.Now()
			waits := accounts.AccountMail{ID: database.NewID(), UserID: &user.ID, Recipient: user.Email, Kind: accounts.MailSignInTries, NextTryAt: &now, CreatedAt: now}
			reset, err = accounts.MakeLink(tx, accounts.Link{Purpose: accounts.LinkReset, Email: user.Email, UserID: &user.ID}, now)
			return errors.Join(err, tx.Create(&waits).Error)
		}); err != nil {
			t.Fatal(err)
		}
		epoch, err := a.ConfirmEmail(amy.ctx, amy.Visitor, link, nothingElse)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := a.Visitor(t.Context(), user.ID, company.ID, epoch); err != nil || v.Email != "amy@new.example" || !v.Proven {
			t.Errorf("%+v, %v", v, err)
		}
		if _, err := accounts.FindLink(db.Read(t.Context()), accounts.LinkReset, reset, db.Now()); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("the reset link still works: %v", err)
		}
		var mails []accounts.AccountMail
		if err := db.Read(t.Context()).Where("recipient = ?", "amy@a.example").Find(&mails).Error; err != nil || len(mails) != 1 || mails[0].Kind != accounts.MailEmailChanged {
			t.Errorf("mails to the old address: %+v, %v", mails, err)
		}
		// The other session has ended, and changes nothing anymore.
		for what, err := range map[string]error{
			"rename":          a.Rename(other.ctx, other.Visitor, "Eve"),
			"ask for address": a.AskForEmail(other.ctx, other.Visitor, secret.New(password), "eve@new.example", "1.2.3.4"),
			"cancel":          a.CancelNewEmail(other.ctx, other.Visitor),
			"no session":      a.Rename(t.Context(), amy.Visitor, "Eve"),
		} {
			if !errors.Is(err, accounts.ErrSignedOut) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := a.ChangePassword(other.ctx, other.Visitor, secret.New(password), secret.New("another sentence that works")); !errors.Is(err, accounts.ErrSignedOut) {
			t.Errorf("change password: %v", err)
		}
		if _, err := a.EndOtherDevices(other.ctx, user.ID); !errors.Is(err, accounts.ErrSignedOut) {
			t.Errorf("end other devices: %v", err)
		}
	})
}

// Devices lists the sessions of one person, that of the request first. It reads no
// table whole.
func TestDevicesOfAPerson(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		a := newAccounts(t, db)
		user, company := signUp(t, a, "amy@a.example")
		first := session(t, a, user, company)
		began := db.Now()
		clock.Add(accounts.SessionIdle / 2)
		session(t, a, user, company)
		stranger, company := signUp(t, a, "bob@a.example")
		session(t, a, stranger, company)
		list, err := a.Devices(first.ctx, user.ID)
		if err != nil || len(list) != 2 || !list[0].This || list[1].This || list[0].Agent.String() != "Firefox on Linux" {
			t.Fatalf("%+v, %v", list, err)
		}
		if d := list[0].Began.Sub(began).Abs(); d > accounts.SessionNoted {
			t.Errorf("signed in since %s, want %s", list[0].Began, began)
		}
		if err := a.EndDevice(t.Context(), stranger.ID, list[1].ID); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("another person ends the session: %v", err)
		}
		clock.Add(accounts.SessionIdle/2 + 1)
		if list, err = a.Devices(t.Context(), user.ID); err != nil || len(list) != 1 {
			t.Errorf("%d devices, %v; an idle one is none", len(list), err)
		}
		modeltest.Explains(t, db, "devices", func() {
			if _, err := a.Devices(t.Context(), user.ID); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// An account that has an address without having proved it does not keep the owner of
// the address from moving to it.
func TestMoveToAnUnprovenAddress(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		a := newAccounts(t, db)
		user, company := signUp(t, a, "amy@a.example")
		amy := session(t, a, user, company)
		squatter, _ := signUp(t, a, "amy@new.example")
		prove := func(at any) {
			t.Helper()
			if err := db.Write(t.Context(), func(tx *gorm.DB) error {
				return tx.Model(&accounts.User{}).Where("id = ?", squatter.ID).Update("proven_at", at).Error
			}); err != nil {
				t.Fatal(err)
			}
		}
		prove(nil)
		link := amy.askForEmail(t, a, "amy@new.example")
		prove(db.Now())
		if _, err := a.ConfirmEmail(amy.ctx, amy.Visitor, link, nothingElse); !errors.Is(err, accounts.ErrEmailTaken) {
			t.Errorf("a proven address: %v", err)
		}
		prove(nil)
		if _, err := a.ConfirmEmail(amy.ctx, amy.Visitor, link, nothingElse); err != nil {
			t.Fatal(err)
		}
		var users []accounts.User
		if err := db.Read(t.Context()).Where("email = ?", "amy@new.example").Find(&users).Error; err != nil || len(users) != 1 || users[0].ID != user.ID {
			t.Errorf("%+v, %v", users, err)
		}
	})
}
