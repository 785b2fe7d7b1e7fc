package accounts_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// Nobody is invited as the first owner of a company that has people, is locked, or does
// not exist. Of several who are invited, for example with a wrong address, one joins.
func TestFirstOwner(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		people := accounts.New(db, k.Keys, 1, accounts.QuickHashes)
		var company accounts.Company
		k.Write(func(tx *gorm.DB) (err error) {
			company, err = accounts.AddReferredCompany(tx, accounts.CommandLine("root"), "acme-4711", "Northgate Heating", db.Now())
			return err
		})
		link, err := people.FirstOwnerLink(t.Context(), accounts.CommandLine("root"), company.ID, "dana@northgate.example")
		if err != nil {
			t.Fatal(err)
		}
		open, err := people.OpenedInvitation(t.Context(), link)
		if err != nil || open.CompanyID != company.ID || open.Role != accounts.Owner || open.InviterName != "" || open.InvitedBy != nil {
			t.Errorf("the invitation is %+v, %v", open, err)
		}
		if n := k.Count("SELECT count(*) FROM account_mails"); n != 0 {
			t.Errorf("%d mails are queued", n)
		}
		wrong, err := people.FirstOwnerLink(t.Context(), accounts.CommandLine("root"), company.ID, "dana@nothgate.example")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := people.JoinNew(t.Context(), link, "Dana", secret.New("dana's long password"), ""); err != nil {
			t.Fatal(err)
		}
		if _, err := people.JoinNew(t.Context(), wrong, "Eve", secret.New("eve's long password"), ""); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("a second first owner joins: %v", err)
		}
		k.Exec("DELETE FROM memberships WHERE company_id = ?", company.ID)
		k.Owner() // of the other company
		refused := func(what string, want error) {
			t.Helper()
			_, err := people.FirstOwnerLink(t.Context(), accounts.CommandLine("root"), company.ID, "eve@northgate.example")
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
		}
		k.Exec("UPDATE companies SET locked_at = ? WHERE id = ?", db.Now(), company.ID)
		refused("locked", accounts.ErrLocked)
		k.Exec("UPDATE companies SET locked_at = NULL, deleted_at = ? WHERE id = ?", db.Now(), company.ID)
		refused("deleted", database.ErrNotFound)
		company.ID = k.CompanyID
		refused("has people", accounts.ErrHasPeople)
		company.ID = database.NewID()
		refused("unknown", database.ErrNotFound)
	})
}
