package accounts_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// A company whose deletion has begun is nobody's company any more, although its
// memberships end only after its connections.
func TestCompaniesThatAreBeingDeleted(t *testing.T) {
	onTeam(t, func(t *testing.T, d *teamTest) {
		ctx, a := t.Context(), d.Accounts
		other, err := a.AddCompany(ctx, d.owner, accounts.NewCompany{Name: "Blue Sky", Address: "x"})
		d.Must(err)
		d.Must(a.UseCompany(ctx, d.owner.UserID, d.CompanyID))
		d.Write(func(tx *gorm.DB) error {
			return tx.Exec("UPDATE companies SET deleted_at = created_at WHERE id = ?", d.CompanyID).Error
		})
		if last, err := a.LastCompany(ctx, d.owner.UserID); err != nil || last != other.ID {
			t.Errorf("the last company is %s, %v", last, err)
		}
		d.want("switching to it", a.UseCompany(ctx, d.owner.UserID, d.CompanyID), database.ErrNotFound)
		if v, err := a.Visitor(ctx, d.owner.UserID, other.ID, 0); err != nil || len(v.Companies) > 1 {
			t.Errorf("can switch to %+v, %v", v.Companies, err)
		}
		d.Write(func(tx *gorm.DB) error { return tx.Exec("UPDATE companies SET deleted_at = created_at").Error })
		if last, err := a.LastCompany(ctx, d.owner.UserID); err != nil || last != uuid.Nil {
			t.Errorf("without another company: %s, %v", last, err)
		}
	})
}

// Owners change roles and remove people. The person is told, and a new role ends
// their sessions.
func TestOwnersManageMembers(t *testing.T) {
	onTeam(t, func(t *testing.T, d *teamTest) {
		ctx, a := t.Context(), d.Accounts
		amy := d.visitor(d.Person("Amy", accounts.Member))
		d.want("a member's wish", a.SetMemberRole(ctx, amy, d.owner.UserID, accounts.Member), accounts.ErrForbidden)
		d.want("a member's removal", a.RemoveMember(ctx, amy, d.owner.UserID), accounts.ErrForbidden)
		d.want("a member's invitation", a.InviteMember(ctx, amy, "x@northgate.example", accounts.Member, "x"), accounts.ErrForbidden)
		for what, err := range map[string]error{
			"role": a.SetMemberRole(ctx, d.owner, d.owner.UserID, accounts.Member), "removal": a.RemoveMember(ctx, d.owner, d.owner.UserID), "leaving": a.Leave(ctx, d.owner),
		} {
			d.want("the last owner's "+what, err, accounts.ErrLastOwner)
		}

		d.Must(a.SetMemberRole(ctx, d.owner, amy.UserID, accounts.Owner))
		if _, err := a.Visitor(ctx, amy.UserID, d.CompanyID, 0); !errors.Is(err, accounts.ErrSignedOut) {
			t.Errorf("the session under the old role: %v", err)
		}
		if v, err := a.Visitor(ctx, amy.UserID, d.CompanyID, 1); err != nil || !v.Owns() {
			t.Errorf("%+v, %v", v, err)
		}
		if m, err := d.mail(amy.Email); err != nil || m.Kind != accounts.MailRoleChanged || m.Detail != "owner" || m.From != d.owner.Email {
			t.Errorf("mail %+v, %v", m, err)
		}
		d.want("one's own role", a.SetMemberRole(ctx, d.owner, d.owner.UserID, accounts.Member), accounts.ErrYourself)
		d.want("one's own removal", a.RemoveMember(ctx, d.owner, d.owner.UserID), accounts.ErrYourself)

		// The same role again is no change.
		mails := d.Count("SELECT count(*) FROM account_mails")
		d.Must(a.SetMemberRole(ctx, d.owner, amy.UserID, accounts.Owner))
		if n := d.Count("SELECT count(*) FROM account_mails"); n != mails {
			t.Error("a mail tells of no change")
		}

		d.Must(a.RemoveMember(ctx, d.owner, amy.UserID))
		if _, err := a.Visitor(ctx, amy.UserID, d.CompanyID, 1); !errors.Is(err, accounts.ErrNoMembership) {
			t.Errorf("after the removal: %v", err)
		}
		if m, err := d.mail(amy.Email); err != nil || m.Detail != accounts.RemovedDetail {
			t.Errorf("mail %+v, %v", m, err)
		}
		d.want("removed twice", a.RemoveMember(ctx, d.owner, amy.UserID), database.ErrNotFound)

		// A disabled owner does not count.
		bob := d.Person("Bob", accounts.Owner)
		d.Write(statement("UPDATE users SET disabled_at = ? WHERE id = ?", d.DB.Now(), bob))
		d.want("leaving a disabled owner alone", a.Leave(ctx, d.owner), accounts.ErrLastOwner)
		d.Write(statement("UPDATE users SET disabled_at = NULL WHERE id = ?", bob))
		d.Must(a.Leave(ctx, d.owner))
		d.want("leaving twice", a.Leave(ctx, d.owner), accounts.ErrNoMembership)
		for _, action := range []accounts.AuditAction{accounts.AuditMemberRole, accounts.AuditMemberRemoved, accounts.AuditMemberLeft} {
			if n := d.Count("SELECT count(*) FROM audit_records WHERE company_id = ? AND action = ?", d.CompanyID, action); n != 1 {
				t.Errorf("%d records of %s", n, action)
			}
		}
	})
}

// People and invitations of another company do not exist.
func TestTeamsAreApart(t *testing.T) {
	onTeam(t, func(t *testing.T, d *teamTest) {
		ctx, a := t.Context(), d.Accounts
		stranger, company := signUp(t, a, "eve@elsewhere.example")
		eve, err := a.Visitor(ctx, stranger.ID, company.ID, 0)
		d.Must(err)
		d.Must(d.invite("jo@northgate.example", accounts.Member))
		id := d.invitation("jo@northgate.example")
		d.want("role", a.SetMemberRole(ctx, eve, d.owner.UserID, accounts.Member), database.ErrNotFound)
		d.want("removal", a.RemoveMember(ctx, eve, d.owner.UserID), database.ErrNotFound)
		_, err = a.Member(ctx, eve, d.owner.UserID)
		d.want("page", err, database.ErrNotFound)
		d.want("resend", a.ResendInvitation(ctx, eve, id, "x"), database.ErrNotFound)
		d.want("withdrawal", a.WithdrawInvitation(ctx, eve, id), database.ErrNotFound)
		if team, err := a.Team(ctx, eve); err != nil || len(team.Members) != 1 || len(team.Invitations) != 0 {
			t.Errorf("team %+v, %v", team, err)
		}
		amy := d.visitor(d.Person("Amy", accounts.Member))
		if team, err := a.Team(ctx, amy); err != nil || len(team.Members) != 2 || len(team.Invitations) != 0 || team.Members[0].SeenAt != nil {
			t.Errorf("a member's view of the team: %+v, %v", team, err)
		}
	})
}

// Two owners demote, remove, or leave each other at the same moment. An owner
// remains.
func TestAnOwnerRemains(t *testing.T) {
	onTeam(t, func(t *testing.T, d *teamTest) {
		ctx, a := t.Context(), d.Accounts
		ruth := d.Person("Ruth", accounts.Owner)
		dana := d.owner.UserID
		visitor := func(id uuid.UUID) accounts.Visitor {
			return accounts.Visitor{UserID: id, CompanyID: d.CompanyID, Name: "V", Proven: true, Role: accounts.Owner}
		}
		for what, do := range map[string]func(by, other uuid.UUID) error{
			"demote": func(by, other uuid.UUID) error { return a.SetMemberRole(ctx, visitor(by), other, accounts.Member) },
			"remove": func(by, other uuid.UUID) error { return a.RemoveMember(ctx, visitor(by), other) },
			"leave":  func(by, _ uuid.UUID) error { return a.Leave(ctx, visitor(by)) },
		} {
			for range 10 {
				var errs [2]error
				var both sync.WaitGroup
				both.Go(func() { errs[0] = do(dana, ruth) })
				both.Go(func() { errs[1] = do(ruth, dana) })
				both.Wait()
				if n := d.Count("SELECT count(*) FROM memberships WHERE company_id = ? AND role = 'owner'", d.CompanyID); n != 1 {
					t.Fatalf("%s: %d owners are left (%v)", what, n, errs)
				}
				d.Write(func(tx *gorm.DB) error {
					return errors.Join(
						tx.Exec("DELETE FROM memberships WHERE company_id = ?", d.CompanyID).Error,
						tx.Create(&[]accounts.Membership{
							{CompanyID: d.CompanyID, UserID: dana, Role: accounts.Owner, CreatedAt: d.DB.Now()},
							{CompanyID: d.CompanyID, UserID: ruth, Role: accounts.Owner, CreatedAt: d.DB.Now()},
						}).Error,
					)
				})
			}
		}
		d.Clock.Add(24*time.Hour + time.Second) // roles change ten times a day at most
		// Across two companies, the same two people change each other.
		other, err := a.AddCompany(ctx, d.owner, accounts.NewCompany{Name: "South", Address: "x"})
		d.Must(err)
		d.Write(func(tx *gorm.DB) error {
			return tx.Create(&accounts.Membership{CompanyID: other.ID, UserID: ruth, Role: accounts.Owner, CreatedAt: d.DB.Now()}).Error
		})
		for i := range 10 {
			role := []accounts.Role{accounts.Member, accounts.Owner}[i%2]
			there := visitor(ruth)
			there.CompanyID = other.ID
			var both sync.WaitGroup
			var errs [2]error
			both.Go(func() { errs[0] = a.SetMemberRole(ctx, visitor(dana), ruth, role) })
			both.Go(func() { errs[1] = a.SetMemberRole(ctx, there, dana, role) })
			both.Wait()
			d.Must(errors.Join(errs[:]...))
		}
		// The list of a team reads no table whole.
		modeltest.Explains(t, d.DB, "Team", func() { _, err = a.Team(ctx, visitor(dana)); d.Must(err) })
		modeltest.Explains(t, d.DB, "Visitor", func() { _, err = a.LastCompany(ctx, dana); d.Must(err) })
	})
}
