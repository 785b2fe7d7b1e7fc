package support_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// A person can belong to several companies. What support does to their account shows
// in each, and a note says why.
func TestPeople(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		amy, bob, sam, ada := d.Person("Amy", accounts.Owner), d.Person("Bob", accounts.Owner), d.Staff("Sam", accounts.Support), d.Staff("Ada", accounts.Admin)
		south := accounts.Company{ID: database.NewID(), Name: "South", CreatedAt: d.DB.Now()}
		d.Write(func(tx *gorm.DB) error {
			return errors.Join(
				tx.Create(&south).Error,
				tx.Create(&accounts.Membership{CompanyID: south.ID, UserID: amy, Role: accounts.Owner, CreatedAt: d.DB.Now()}).Error,
				tx.Exec("UPDATE users SET password_hash = 'x', proven_at = ?", d.DB.Now()).Error,
			)
		})
		link := accounts.Link{Purpose: accounts.LinkReset, Email: "amy@northgate.example", UserID: &amy}
		var value secret.Value
		d.Write(func(tx *gorm.DB) (err error) {
			value, err = accounts.MakeLink(tx, link, d.DB.Now())
			return err
		})
		see := func(userID uuid.UUID) support.PersonView {
			t.Helper()
			v, err := d.Support.Person(t.Context(), sam, d.CompanyID, userID)
			d.Must(err)
			return v
		}
		if v := see(amy); !slices.Equal(v.Others, []string{"South"}) || !slices.Equal(v.Alone, []string{"South"}) || v.ProvenAt == nil || v.Factor || v.DisabledAt != nil || len(v.Done) != 0 {
			t.Errorf("got %+v", v)
		}
		for _, elsewhere := range [][2]uuid.UUID{{south.ID, bob}, {d.CompanyID, sam.UserID}, {d.CompanyID, database.NewID()}, {database.NewID(), amy}} {
			_, err := d.Support.Person(t.Context(), sam, elsewhere[0], elsewhere[1])
			for what, err := range map[string]error{
				"view": err, "sign out": d.Support.EndSessions(t.Context(), sam, elsewhere[0], elsewhere[1]), "reset": d.Support.StartReset(t.Context(), sam, elsewhere[0], elsewhere[1]),
				"disable": d.Support.Disable(t.Context(), ada, elsewhere[0], elsewhere[1], "x"), "enable": d.Support.Enable(t.Context(), ada, elsewhere[0], elsewhere[1], "x"),
			} {
				if !errors.Is(err, database.ErrNotFound) {
					t.Errorf("%s elsewhere: %v", what, err)
				}
			}
		}
		if n := d.Count("SELECT count(*) FROM audit_records"); n != 0 {
			t.Errorf("%d changes elsewhere", n)
		}

		d.Must(d.Support.EndSessions(t.Context(), sam, d.CompanyID, amy))
		if _, err := d.Accounts.Visitor(t.Context(), amy, d.CompanyID, 0); !errors.Is(err, accounts.ErrSignedOut) {
			t.Errorf("a session goes on: %v", err)
		}
		d.Must(d.Support.StartReset(t.Context(), sam, d.CompanyID, amy))
		if n := d.Count("SELECT count(*) FROM account_mails WHERE kind = 'reset' AND user_id = ? AND detail = ''", amy); n != 1 {
			t.Errorf("%d mails", n)
		}
		for range 4 {
			d.Must(d.Support.StartReset(t.Context(), ada, d.CompanyID, amy))
		}
		if _, throttled := errors.AsType[*accounts.ThrottledError](d.Support.StartReset(t.Context(), ada, d.CompanyID, amy)); !throttled {
			t.Error("a sixth reset is mailed")
		}

		if err := d.Support.Disable(t.Context(), sam, d.CompanyID, amy, "x"); !errors.Is(err, accounts.ErrForbidden) {
			t.Errorf("support disables: %v", err)
		}
		if err := d.Support.Disable(t.Context(), ada, d.CompanyID, amy, " "); err == nil {
			t.Error("disables without a reason")
		}
		d.Must(d.Support.Disable(t.Context(), ada, d.CompanyID, amy, "A stolen laptop."))
		d.Must(d.Support.Disable(t.Context(), ada, d.CompanyID, amy, "Twice."))
		if _, err := accounts.FindLink(d.DB.Read(t.Context()), accounts.LinkReset, value, d.DB.Now()); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("a link still works: %v", err)
		}
		if err := d.Support.StartReset(t.Context(), ada, d.CompanyID, amy); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("a reset for a disabled account: %v", err)
		}
		if v := see(bob); !slices.Equal(v.Alone, []string{"Northgate"}) {
			t.Errorf("Bob is alone in %q", v.Alone)
		}
		d.Must(d.Support.Enable(t.Context(), ada, d.CompanyID, amy, "It was found."))
		d.Must(d.Support.Enable(t.Context(), ada, d.CompanyID, amy, "Twice."))

		done := see(amy).Done
		want := []accounts.AuditAction{accounts.AuditMemberEnabled, accounts.AuditMemberDisabled, accounts.AuditResetStarted}
		if len(done) != 8 || done[7].Action != accounts.AuditSignedOut || done[7].StaffName != "Sam" || done[0].StaffName != "Ada" ||
			!slices.Equal([]accounts.AuditAction{done[0].Action, done[1].Action, done[2].Action}, want) {
			t.Errorf("got %+v", done)
		}
		for _, company := range []uuid.UUID{d.CompanyID, south.ID} {
			if n := d.Count("SELECT count(*) FROM audit_records WHERE company_id = ? AND actor_name = ? AND target_id = ? AND detail = ''", company, support.ActorName, amy); n != 8 {
				t.Errorf("%d changes are recorded, want 8", n)
			}
		}
		if n := d.Count("SELECT count(*) FROM notes WHERE text IN ('A stolen laptop.', 'It was found.') AND staff_name = 'Ada' AND company_id = ?", d.CompanyID); n != 2 {
			t.Errorf("%d notes, want 2", n)
		}

		// A staff member cannot change any number of accounts.
		throttled := false
		for range 80 {
			_, throttled = errors.AsType[*accounts.ThrottledError](d.Support.EndSessions(t.Context(), sam, d.CompanyID, bob))
		}
		if !throttled {
			t.Error("there is no limit")
		}
		d.Clock.Add(time.Hour)
		d.Must(d.Support.EndSessions(t.Context(), sam, d.CompanyID, bob))
	})
}
