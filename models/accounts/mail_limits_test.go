package accounts_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// isThrottled says whether a limit refused.
func isThrottled(err error) bool {
	_, ok := errors.AsType[*accounts.ThrottledError](err)
	return ok
}

// Owners who change their minds again and again cannot fill the mailboxes of their
// team.
func TestMailsToTeamsAreLimited(t *testing.T) {
	onTeam(t, func(t *testing.T, d *teamTest) {
		ctx, a := t.Context(), d.Accounts
		amy := d.Person("Amy", accounts.Member)
		refused := 0
		for i := range 20 {
			role := accounts.Owner
			if i%2 == 1 {
				role = accounts.Member
			}
			err := a.SetMemberRole(ctx, d.owner, amy, role)
			if isThrottled(err) {
				refused++
			} else {
				d.Must(err)
			}
		}
		if n := d.Count("SELECT count(*) FROM account_mails WHERE kind = 'role_changed'"); n != 10 || refused != 10 {
			t.Errorf("%d mails, %d of 20 changes were refused", n, refused)
		}
		d.Clock.Add(24*time.Hour + time.Second)
		d.Must(a.SetMemberRole(ctx, d.owner, amy, accounts.Owner))

		refused = 0
		for range 10 {
			if err := a.AskDeletion(ctx, d.owner, d.owner.CompanyName, nil); isThrottled(err) {
				refused++
			} else {
				d.Must(err)
			}
			d.Must(a.KeepCompany(ctx, d.owner))
		}
		if n := d.Count("SELECT count(*) FROM account_mails WHERE kind = 'company_deletion' AND recipient = 'amy@northgate.example'"); n != 5 || refused != 5 {
			t.Errorf("%d mails, %d of 10 deletions were refused", n, refused)
		}
		d.Must(a.RemoveMember(ctx, d.owner, amy)) // still possible
	})
}

// A person cannot have any number of mails sent to themselves.
func TestSecondFactorsAreLimited(t *testing.T) {
	onTeam(t, func(t *testing.T, d *teamTest) {
		ctx, a, who := t.Context(), d.Accounts, d.owner.Person()
		for i := range 21 {
			enrollment, err := a.Enroll(ctx, who, "")
			d.Must(err)
			code, err := totp.GenerateCode(enrollment.Key.Reveal(), d.DB.Now())
			d.Must(err)
			enrolled, err := a.ConfirmFactor(ctx, who, enrollment.Kept, code)
			if i == 20 {
				if !isThrottled(err) {
					t.Errorf("the 21st: %v", err)
				}
				return
			}
			d.Must(err)
			who.Epoch = enrolled.Epoch
			who.Epoch, err = a.TurnOffFactor(ctx, who, enrolled.Codes[0].Reveal())
			d.Must(err)
		}
	})
}

// Strangers cannot fill a mailbox with mails to sign up, or keep everybody else from
// a mail from a few networks.
func TestRequestedMailsAreLimited(t *testing.T) {
	onTeam(t, func(t *testing.T, d *teamTest) {
		ctx, a := t.Context(), d.Accounts
		for hour := range 24 {
			for i := range 4 {
				d.Must(a.RequestMail(ctx, accounts.MailRequest{Kind: accounts.MailSignUp, Email: "jo@x.example", Address: fmt.Sprintf("10.%d.%d.1", hour, i)}))
			}
			d.Clock.Add(time.Hour - time.Second)
		}
		if n := d.Count("SELECT count(*) FROM account_mails WHERE recipient = 'jo@x.example'"); n != 6 {
			t.Errorf("%d mails in a day", n)
		}
		d.Clock.Add(time.Minute)
		d.Must(a.RequestMail(ctx, accounts.MailRequest{Kind: accounts.MailSignUp, Email: "jo@x.example", Address: "10.1.1.1"}))
		if n := d.Count("SELECT count(*) FROM account_mails WHERE recipient = 'jo@x.example'"); n != 7 {
			t.Errorf("%d mails after a day", n)
		}

		request := func(i int, address string) error {
			return a.RequestMail(ctx, accounts.MailRequest{Kind: accounts.MailReset, Email: fmt.Sprintf("n%d@x.example", i), Address: address})
		}
		sent := 0
		for i := range 500 { // one customer's /48, from which each /64 asks a few times
			if err := request(i, fmt.Sprintf("2001:db8:1:%x::/64", i/20)); err == nil {
				sent++
			} else if !isThrottled(err) {
				t.Fatal(err)
			}
		}
		if sent != 400 {
			t.Errorf("%d mails from one network", sent)
		}
		others := 0
		for i := range 16 {
			if request(1000+i, fmt.Sprintf("192.0.%d.1", i)) == nil {
				others++
			}
		}
		if others < 8 {
			t.Errorf("%d of 16 other networks get a mail", others)
		}
	})
}
