package accounts_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

func ownerOf(user accounts.User, company accounts.Company) accounts.Visitor {
	return accounts.Visitor{UserID: user.ID, Name: user.Name, Email: user.Email, CompanyID: company.ID, Role: accounts.Owner}
}

// A company is found by the words of its new name only, and its connections are
// sorted by it. Its people see times in its zone.
func TestChangeCompany(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		a := newAccounts(t, db)
		user, company := signUp(t, a, "dana@northgate.example")
		dana := ownerOf(user, company)
		for range 2 {
			if err := a.ChangeCompany(t.Context(), dana, "O’Rourke & Sons", "America/Chicago"); err != nil {
				t.Fatal(err)
			}
		}
		var words []string
		if err := db.Read(t.Context()).Raw("SELECT word FROM company_words WHERE company_id = ? ORDER BY word", company.ID).Scan(&words).Error; err != nil {
			t.Fatal(err)
		}
		if len(words) != 4 || words[0] != "o" || words[1] != "orourke" || words[2] != "rourke" || words[3] != "sons" {
			t.Errorf("found by %q", words)
		}
		v, err := a.Visitor(t.Context(), user.ID, company.ID, 0)
		if err != nil || v.CompanyName != "O’Rourke & Sons" || v.Zone().String() != "America/Chicago" {
			t.Errorf("visitor %+v, %v", v, err)
		}
		var records []accounts.AuditRecord
		if err := db.Read(t.Context()).Omit("TargetName").Where("company_id = ?", company.ID).Order("id").Find(&records).Error; err != nil {
			t.Fatal(err)
		}
		if len(records) != 2 || records[0].Detail != "Northgate → O’Rourke & Sons" || records[1].Detail != "America/Chicago" || records[0].ActorName != "Dana Whitfield" {
			t.Errorf("recorded %+v", records)
		}
		member := dana
		if member.UserID = add(t, db, company, "mel@northgate.example", accounts.Member, true); !errors.Is(a.ChangeCompany(t.Context(), member, "Mine", "UTC"), accounts.ErrForbidden) {
			t.Error("a member renamed the company")
		}
	})
}

// add adds a person to a company.
func add(t *testing.T, db *database.DB, company accounts.Company, email string, role accounts.Role, proven bool) uuid.UUID {
	t.Helper()
	now := db.Now()
	user := accounts.User{ID: database.NewID(), Email: email, Name: email, CreatedAt: now}
	if proven {
		user.ProvenAt = &now
	}
	err := db.Write(t.Context(), func(tx *gorm.DB) error {
		return errors.Join(tx.Create(&user).Error, tx.Create(&accounts.Membership{CompanyID: company.ID, UserID: user.ID, Role: role, CreatedAt: now}).Error)
	})
	if err != nil {
		t.Fatal(err)
	}
	return user.ID
}

// Owners are recipients until somebody decides otherwise. At least one recipient has
// a proven address.
func TestRecipients(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		a := newAccounts(t, db)
		user, company := signUp(t, a, "dana@northgate.example")
		dana := ownerOf(user, company)
		mel := add(t, db, company, "mel@northgate.example", accounts.Member, true)
		una := add(t, db, company, "una@northgate.example", accounts.Member, false)
		gets := func() (names []string) {
			t.Helper()
			list, err := a.Recipients(t.Context(), company.ID)
			if err != nil || len(list) != 3 {
				t.Fatalf("%+v, %v", list, err)
			}
			for _, r := range list {
				if r.Gets {
					names = append(names, r.Email)
				}
				if r.Reachable != (r.UserID != una) {
					t.Errorf("%s can be reached: %t", r.Email, r.Reachable)
				}
			}
			return names
		}
		if got := gets(); len(got) != 1 || got[0] != "dana@northgate.example" {
			t.Errorf("at first %q", got)
		}
		for _, none := range []map[uuid.UUID]bool{{user.ID: false}, {user.ID: false, una: true}} {
			if err := a.ChooseRecipients(t.Context(), dana, none); !errors.Is(err, accounts.ErrNoRecipient) {
				t.Errorf("%v: %v", none, err)
			}
		}
		stranger, _ := signUp(t, a, "bob@blue.example")
		if err := a.ChooseRecipients(t.Context(), dana, map[uuid.UUID]bool{user.ID: false, mel: true, stranger.ID: true}); err != nil {
			t.Fatal(err)
		}
		if got := gets(); len(got) != 1 || got[0] != "mel@northgate.example" {
			t.Errorf("then %q", got)
		}
		var n int64
		if err := db.Read(t.Context()).Model(&accounts.AuditRecord{}).Where("company_id = ?", company.ID).Count(&n).Error; err != nil || n != 2 {
			t.Errorf("%d records, %v", n, err)
		}
	})
}

// Every zone that can be chosen exists.
func TestTimeZones(t *testing.T) {
	n := 0
	for _, group := range accounts.TimeZones() {
		for _, zone := range group.Zones {
			n++
			if !accounts.IsTimeZone(zone.Name) || accounts.Location(zone.Name).String() != zone.Name {
				t.Errorf("%s does not exist", zone.Name)
			}
		}
	}
	if n < 50 || accounts.Location("Mars/Olympus").String() != "UTC" || accounts.IsTimeZone("") {
		t.Errorf("%d zones", n)
	}
}

// Too many changes of a company's settings are refused.
func TestCompanyChangesAreLimited(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		a := newAccounts(t, db)
		user, company := signUp(t, a, "dana@northgate.example")
		refused := 0
		for range 65 {
			if _, limited := errors.AsType[*accounts.ThrottledError](a.ChangeCompany(t.Context(), ownerOf(user, company), "Northgate", "UTC")); limited {
				refused++
			}
		}
		if refused != 5 {
			t.Errorf("%d of 65 were refused", refused)
		}
	})
}

// Neither database reads a large table whole to find what belongs to a person.
func TestErasureUsesIndexes(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		for _, query := range accounts.PersonalRowQueries() {
			for _, table := range modeltest.WholeReads(t, db, query, []any{uuid.Max.String()}) {
				t.Errorf("%s is read whole: %s", table, query)
			}
		}
	})
}
