package accounts_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// teamTest is a company with an owner.
type teamTest struct {
	*modeltest.SupportTest
	owner accounts.Visitor
	// mails counts those that were looked at.
	mails map[uuid.UUID]bool
}

// onTeam runs a test with a company's team on each database.
func onTeam(t *testing.T, test func(t *testing.T, d *teamTest)) {
	t.Helper()
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		tt := &teamTest{SupportTest: d, mails: map[uuid.UUID]bool{}}
		tt.owner = tt.visitor(d.Person("Dana", accounts.Owner))
		test(t, tt)
	})
}

// visitor returns a person of the company as a request has them.
func (d *teamTest) visitor(id uuid.UUID) accounts.Visitor {
	d.Helper()
	v, err := d.Accounts.Visitor(d.Context(), id, d.CompanyID, 0)
	d.Must(err)
	return v
}

func (d *teamTest) invite(email string, role accounts.Role) error {
	return d.Accounts.InviteMember(d.Context(), d.owner, email, role, "1.2.3.4")
}

// invitation returns the ID of the waiting invitation for an address.
func (d *teamTest) invitation(email string) uuid.UUID {
	d.Helper()
	var list []accounts.Invitation
	d.Must(d.DB.Read(d.Context()).Where("email = ? AND accepted_at IS NULL AND withdrawn_at IS NULL", email).Find(&list).Error)
	if len(list) != 1 {
		d.Fatalf("%d invitations wait for %s", len(list), email)
	}
	return list[0].ID
}

// mail prepares the newest mail to an address that was not prepared before.
func (d *teamTest) mail(to string) (accounts.PreparedMail, error) {
	d.Helper()
	var list []accounts.AccountMail
	d.Must(d.DB.Read(d.Context()).Where("recipient = ?", to).Order("id DESC").Find(&list).Error)
	for _, m := range list {
		if !d.mails[m.ID] {
			d.mails[m.ID] = true
			return accounts.PrepareMail(d.Context(), d.DB, m.ID)
		}
	}
	d.Fatalf("no mail waits for %s", to)
	return accounts.PreparedMail{}, nil
}

// link returns the secret in the newest mail to an address.
func (d *teamTest) link(to string) secret.Value {
	d.Helper()
	m, err := d.mail(to)
	if err != nil || m.Link.IsZero() {
		d.Fatalf("the mail to %s has no link: %v", to, err)
	}
	return m.Link
}

func (d *teamTest) joinNew(link secret.Value) (accounts.SignedIn, error) {
	return d.Accounts.JoinNew(d.Context(), link, "Jo", secret.New(password), "FB-AAAA-AAAA")
}

func (d *teamTest) want(what string, err, want error) {
	d.Helper()
	if !errors.Is(err, want) {
		d.Errorf("%s: %v, want %v", what, err, want)
	}
}

// An invitation lets a new person in once, with the role and a proven address.
func TestInvitationOfANewPerson(t *testing.T) {
	onTeam(t, func(t *testing.T, d *teamTest) {
		const jo = "jo@northgate.example"
		d.Must(d.invite(jo, accounts.Member))
		d.want("invited twice", d.invite(jo, accounts.Owner), accounts.ErrInvited)
		d.want("a member", d.invite("dana@northgate.example", accounts.Member), accounts.ErrInTeam)
		m, err := d.mail(jo)
		if err != nil || m.From != "dana@northgate.example" || m.Known || m.Detail != "member" {
			t.Fatalf("mail %+v, %v", m, err)
		}
		open, err := d.Accounts.OpenedInvitation(t.Context(), m.Link)
		if err != nil || open.CompanyName != "Northgate" || open.InviterName != "Dana" || open.InviterEmail != "dana@northgate.example" || open.HolderID != uuid.Nil || open.Email != jo {
			t.Errorf("opened: %+v, %v", open, err)
		}
		in, err := d.joinNew(m.Link)
		if err != nil || in.User.Email != jo || in.User.ProvenAt == nil || in.CompanyID != d.CompanyID {
			t.Fatalf("joined: %+v, %v", in, err)
		}
		if v := d.visitor(in.User.ID); v.Role != accounts.Member || !v.Proven || v.Name != "Jo" {
			t.Errorf("visitor %+v", v)
		}
		_, err = d.joinNew(m.Link)
		d.want("used again", err, database.ErrNotFound)
		if _, err := d.Accounts.SignIn(t.Context(), accounts.SignIn{Email: jo, Password: secret.New(password), Address: "x"}); err != nil {
			t.Errorf("signing in: %v", err)
		}
		team, err := d.Accounts.Team(t.Context(), d.owner)
		if err != nil || len(team.Members) != 2 || len(team.Invitations) != 0 || team.Members[0].Role != accounts.Owner {
			t.Errorf("team %+v, %v", team, err)
		}
		if n := d.Count("SELECT count(*) FROM audit_records WHERE company_id = ? AND action IN ('invited', 'joined')", d.CompanyID); n != 2 {
			t.Errorf("%d records, want of the invitation and the joining", n)
		}
	})
}

// A person who has an account joins with it, and with no other.
func TestInvitationOfAKnownPerson(t *testing.T) {
	onTeam(t, func(t *testing.T, d *teamTest) {
		known, own := signUp(t, d.Accounts, "jo@elsewhere.example")
		other, _ := signUp(t, d.Accounts, "eve@elsewhere.example")
		d.Must(d.invite(known.Email, accounts.Owner))
		m, err := d.mail(known.Email)
		if err != nil || !m.Known {
			t.Fatalf("mail %+v, %v", m, err)
		}
		open, err := d.Accounts.OpenedInvitation(t.Context(), m.Link)
		if err != nil || open.HolderID != known.ID {
			t.Errorf("opened: %+v, %v", open, err)
		}
		_, err = d.joinNew(m.Link)
		d.want("as a new person", err, accounts.ErrEmailTaken)
		_, err = d.Accounts.Join(t.Context(), accounts.Visitor{UserID: other.ID}, m.Link)
		d.want("as another person", err, accounts.ErrOtherPerson)
		in, err := d.Accounts.Join(t.Context(), accounts.Visitor{UserID: known.ID}, m.Link)
		if err != nil || in.CompanyID != d.CompanyID {
			t.Fatalf("joined: %+v, %v", in, err)
		}
		v := d.visitor(known.ID)
		if v.Role != accounts.Owner || len(v.Companies) != 2 {
			t.Errorf("visitor %+v", v)
		}
		last := func() uuid.UUID {
			id, err := d.Accounts.LastCompany(t.Context(), known.ID)
			d.Must(err)
			return id
		}
		if last() != d.CompanyID {
			t.Error("the company that they joined is not the last one")
		}
		d.Clock.Add(time.Minute)
		d.Must(d.Accounts.UseCompany(t.Context(), known.ID, own.ID))
		if last() != own.ID {
			t.Error("the company that they chose is not the last one")
		}
		d.want("a company of others", d.Accounts.UseCompany(t.Context(), other.ID, d.CompanyID), database.ErrNotFound)
		// Whoever belongs to the company keeps their role.
		d.Must(d.invite("amy@northgate.example", accounts.Owner))
		amy := d.visitor(d.Person("Amy", accounts.Member))
		if _, err := d.Accounts.Join(t.Context(), amy, d.link("amy@northgate.example")); err != nil || d.visitor(amy.UserID).Role != accounts.Member {
			t.Errorf("a member who was invited before: %v", err)
		}
	})
}

// An account whose address nobody has proved loses it to whoever opens the mail. Its
// maker cannot get into the new account or its company.
func TestInvitationAndAnUnprovenAccount(t *testing.T) {
	onTeam(t, func(t *testing.T, d *teamTest) {
		squatted, company := signUp(t, d.Accounts, "jo@northgate.example")
		d.Write(statement("UPDATE users SET proven_at = NULL WHERE id = ?", squatted.ID))
		d.Must(d.invite(squatted.Email, accounts.Member))
		m, err := d.mail(squatted.Email)
		if err != nil || m.Known {
			t.Fatalf("mail %+v, %v", m, err)
		}
		const own = "another sentence that works"
		in, err := d.Accounts.JoinNew(t.Context(), m.Link, "Jo", secret.New(own), "")
		if err != nil || in.User.ID == squatted.ID || in.User.ProvenAt == nil || in.User.Email != squatted.Email {
			t.Fatalf("joined: %+v, %v", in, err)
		}
		if _, err := d.Accounts.Visitor(t.Context(), squatted.ID, company.ID, 0); !errors.Is(err, accounts.ErrSignedOut) {
			t.Errorf("the squatter's session: %v", err)
		}
		if v, err := d.Accounts.Visitor(t.Context(), in.User.ID, d.CompanyID, 0); err != nil || len(v.Companies) != 0 {
			t.Errorf("the person's session: %+v, %v", v, err)
		}
		for password, want := range map[string]error{password: accounts.ErrWrongCredentials, own: nil} {
			_, err := d.Accounts.SignIn(t.Context(), accounts.SignIn{Email: squatted.Email, Password: secret.New(password), Address: "x"})
			d.want("password "+password, err, want)
		}

		// A person who has signed in to such an account proves the address by the link.
		kim, _ := signUp(t, d.Accounts, "kim@northgate.example")
		d.Write(statement("UPDATE users SET proven_at = NULL WHERE id = ?", kim.ID))
		d.Must(d.invite(kim.Email, accounts.Member))
		if in, err := d.Accounts.Join(t.Context(), accounts.Visitor{UserID: kim.ID}, d.link(kim.Email)); err != nil || in.User.ID != kim.ID {
			t.Fatalf("joined: %+v, %v", in, err)
		}
		if v := d.visitor(kim.ID); !v.Proven || len(v.Companies) != 2 {
			t.Errorf("visitor %+v", v)
		}
	})
}

// Links end when the invitation expires, is withdrawn, or is sent again. Mails that
// are then still in the queue are not sent.
func TestInvitationEnds(t *testing.T) {
	onTeam(t, func(t *testing.T, d *teamTest) {
		ctx, a := t.Context(), d.Accounts
		const jo = "jo@northgate.example"
		gone := func(what string, link secret.Value) {
			t.Helper()
			_, err := a.OpenedInvitation(ctx, link)
			d.want(what+", opened", err, database.ErrNotFound)
			_, err = d.joinNew(link)
			d.want(what+", joining", err, database.ErrNotFound)
		}
		works := func(link secret.Value) {
			t.Helper()
			if _, err := a.OpenedInvitation(ctx, link); err != nil {
				t.Errorf("it does not work: %v", err)
			}
		}
		d.Must(d.invite(jo, accounts.Member))
		first := d.link(jo)
		d.Clock.Add(24 * time.Hour)
		works(first)
		d.Must(a.ResendInvitation(ctx, d.owner, d.invitation(jo), "x"))
		gone("sent again", first)
		second := d.link(jo)
		works(second)
		d.Clock.Add(7*24*time.Hour - time.Second)
		works(second)
		d.Clock.Add(time.Second)
		gone("expired", second)
		if team, err := a.Team(ctx, d.owner); err != nil || len(team.Invitations) != 1 || team.Invitations[0].Open(d.DB.Now()) {
			t.Errorf("expired: %+v, %v", team.Invitations, err)
		}

		// An expired invitation can be sent again, or replaced.
		d.Must(a.ResendInvitation(ctx, d.owner, d.invitation(jo), "x"))
		works(d.link(jo))
		d.Clock.Add(8 * 24 * time.Hour)
		d.Must(d.invite(jo, accounts.Owner))
		third := d.link(jo)
		works(third)
		d.Must(a.WithdrawInvitation(ctx, d.owner, d.invitation(jo)))
		gone("withdrawn", third)

		// What waits in the queue is dropped.
		d.Must(d.invite(jo, accounts.Member))
		d.Must(a.WithdrawInvitation(ctx, d.owner, d.invitation(jo)))
		_, err := d.mail(jo)
		d.want("the mail of a withdrawn invitation", err, database.ErrNotFound)
		d.Must(d.invite(jo, accounts.Member))
		fourth := d.link(jo)
		d.Must(d.invite("kim@northgate.example", accounts.Member))
		ada := d.Staff("Ada", accounts.Admin)
		d.Must(d.Support.Lock(ctx, ada, d.CompanyID, "They asked for it."))
		_, err = a.OpenedInvitation(ctx, fourth)
		d.want("a locked company, opened", err, accounts.ErrLocked)
		_, err = d.joinNew(fourth)
		d.want("a locked company, joining", err, accounts.ErrLocked)
		_, err = d.mail("kim@northgate.example")
		d.want("the mail of a locked company", err, database.ErrNotFound)
		d.want("inviting for a locked company", d.invite("lee@northgate.example", accounts.Member), accounts.ErrLocked)
		d.Must(d.Support.Unlock(ctx, ada, d.CompanyID, "It is over."))

		// While the inviter is disabled, nobody joins, and no mail is sent.
		d.Must(d.invite("max@northgate.example", accounts.Member))
		works(fourth)
		d.Must(d.Support.Disable(ctx, ada, d.CompanyID, d.owner.UserID, "A stranger has the account."))
		gone("the inviter is disabled", fourth)
		_, err = d.mail("max@northgate.example")
		d.want("the mail of a disabled inviter", err, database.ErrNotFound)
		d.Must(d.Support.Enable(ctx, ada, d.CompanyID, d.owner.UserID, "It is theirs again."))
		works(fourth)

		// Staff and disabled people cannot join, and get no mail.
		d.Must(d.invite(ada.Email, accounts.Member))
		_, err = d.mail(ada.Email)
		d.want("the mail to staff", err, database.ErrNotFound)

		d.Clock.Add(7*24*time.Hour + accounts.InvitationsKept + time.Minute)
		d.Must(keyring.Sweep(ctx, d.DB, 400*24*time.Hour))
		if n := d.Count("SELECT count(*) FROM invitations"); n != 0 {
			t.Errorf("%d invitations are left", n)
		}
	})
}

// Nobody can flood an address, or the tables, with invitations.
func TestInvitationsAreLimited(t *testing.T) {
	onTeam(t, func(t *testing.T, d *teamTest) {
		ctx, a := t.Context(), d.Accounts
		throttled := func(what string, err error) {
			t.Helper()
			if _, ok := errors.AsType[*accounts.ThrottledError](err); !ok {
				t.Errorf("%s: %v", what, err)
			}
		}
		unproven := d.owner
		unproven.Proven = false
		d.want("unproven", a.InviteMember(ctx, unproven, "jo@northgate.example", accounts.Member, "x"), accounts.ErrUnproven)
		d.want("unproven, a company", func() error {
			_, err := a.AddCompany(ctx, unproven, accounts.NewCompany{Name: "South", Address: "x"})
			return err
		}(), accounts.ErrUnproven)

		// Of one address, counted over all companies.
		d.Must(d.invite("jo@northgate.example", accounts.Member))
		for range 3 {
			d.Must(a.ResendInvitation(ctx, d.owner, d.invitation("jo@northgate.example"), "x"))
		}
		for i := range 3 {
			user, company := signUp(t, a, fmt.Sprintf("owner%d@x.example", i))
			v, err := a.Visitor(ctx, user.ID, company.ID, 0)
			d.Must(err)
			err = a.InviteMember(ctx, v, "jo@northgate.example", accounts.Member, "y")
			if i < 2 {
				d.Must(err)
			} else {
				throttled("the seventh to one address", err)
			}
		}
		if n := d.Count("SELECT count(*) FROM account_mails WHERE recipient = 'jo@northgate.example'"); n != 6 {
			t.Errorf("%d mails to one address", n)
		}

		// Of one company, over a day and at a time.
		for i := range 46 {
			d.Must(d.invite(fmt.Sprintf("n%d@northgate.example", i), accounts.Member))
		}
		throttled("the 51st of a company", d.invite("late@northgate.example", accounts.Member))
		d.Clock.Add(24*time.Hour + time.Second)
		for i := range 3 {
			d.Must(d.invite(fmt.Sprintf("m%d@northgate.example", i), accounts.Member))
		}
		d.want("the 51st that is open", d.invite("late@northgate.example", accounts.Member), accounts.ErrTeamFull)
		d.Must(a.WithdrawInvitation(ctx, d.owner, d.invitation("m0@northgate.example")))
		d.Must(d.invite("late@northgate.example", accounts.Member))

		// Companies of one person.
		for range 5 {
			company, err := a.AddCompany(ctx, d.owner, accounts.NewCompany{Name: "South", Address: "x"})
			d.Must(err)
			if v, err := a.Visitor(ctx, d.owner.UserID, company.ID, 0); err != nil || !v.Owns() || len(v.Companies) < 2 {
				t.Errorf("the new company: %+v, %v", v, err)
			}
		}
		_, err := a.AddCompany(ctx, d.owner, accounts.NewCompany{Name: "South", Address: "x"})
		throttled("the sixth company", err)
	})
}

// Whatever happens at the same moment, a person joins once, and a withdrawn
// invitation lets nobody in.
func TestInvitationRaces(t *testing.T) {
	onTeam(t, func(t *testing.T, d *teamTest) {
		const jo = "jo@northgate.example"
		d.Must(d.invite(jo, accounts.Member))
		link := d.link(jo)
		var joined atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				switch _, err := d.joinNew(link); {
				case err == nil:
					joined.Add(1)
				case !errors.Is(err, database.ErrNotFound) && !errors.Is(err, accounts.ErrEmailTaken):
					t.Errorf("at the same time: %v", err)
				}
			})
		}
		all.Wait()
		if n := d.Count("SELECT count(*) FROM memberships"); joined.Load() != 1 || n != 2 {
			t.Errorf("%d joined, %d memberships", joined.Load(), n)
		}

		const kim = "kim@northgate.example"
		d.Must(d.invite(kim, accounts.Member))
		link, id := d.link(kim), d.invitation(kim)
		err := meanwhile(d.SupportTest, func(tx *gorm.DB) error {
			return errors.Join(
				tx.Exec("UPDATE companies SET name_key = name_key WHERE id = ?", d.CompanyID).Error, // takes the row, as every change to the team
				tx.Exec("UPDATE invitations SET withdrawn_at = ? WHERE id = ?", d.DB.Now(), id).Error,
			)
		}, func() error { _, err := d.joinNew(link); return err })
		d.want("withdrawn at the same time", err, database.ErrNotFound)
		if n := d.Count("SELECT count(*) FROM users WHERE email = ?", kim); n != 0 {
			t.Errorf("%d accounts for a withdrawn invitation", n)
		}
		// Two owners invite one address.
		ruth := d.visitor(d.Person("Ruth", accounts.Owner))
		var invited atomic.Int64
		for _, v := range []accounts.Visitor{d.owner, ruth} {
			all.Go(func() {
				switch err := d.Accounts.InviteMember(t.Context(), v, "lee@northgate.example", accounts.Member, "x"); {
				case err == nil:
					invited.Add(1)
				case !errors.Is(err, accounts.ErrInvited):
					t.Errorf("two owners: %v", err)
				}
			})
		}
		all.Wait()
		if invited.Load() != 1 {
			t.Errorf("%d invitations for one address", invited.Load())
		}
	})
}
