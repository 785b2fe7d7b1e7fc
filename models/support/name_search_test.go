package support_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// A search finds a name no matter how its punctuation is typed. It also finds names
// that an older version saved without their words.
func TestSearchFoldsPunctuation(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, k *modeltest.ListTest) {
		db, clock, d := k.DB, k.Clock, k.Support
		for _, name := range []string{"O'Rourke Plumbing", "D’Angelo & Sons", "A.C. Repair-Men", "Oʼneill"} {
			company := accounts.Company{ID: database.NewID(), Name: name, CreatedAt: clock.Now()}
			k.Write(func(tx *gorm.DB) error {
				if name == "D’Angelo & Sons" { // as an older version wrote it
					return tx.Create(&company).Error
				}
				return accounts.CreateCompany(tx, &company)
			})
		}
		if err := accounts.NameCompanies(t.Context(), db, func(int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		for typed, want := range map[string]string{
			"rourke": "O'Rourke Plumbing", "orourke": "O'Rourke Plumbing", "o'rourke": "O'Rourke Plumbing", "O’Rourke": "O'Rourke Plumbing",
			"oʼrourke plumb": "O'Rourke Plumbing", "o rourke": "O'Rourke Plumbing",
			"angelo": "D’Angelo & Sons", "d'angelo sons": "D’Angelo & Sons", "dangelo": "D’Angelo & Sons",
			"ac repair": "A.C. Repair-Men", "a.c.": "A.C. Repair-Men", "repairmen": "A.C. Repair-Men", "men": "A.C. Repair-Men",
			"neill": "Oʼneill", "o'neill": "Oʼneill",
		} {
			var page support.ConnectionPage
			modeltest.Explains(t, db, typed, func() {
				var err error
				if page, err = d.Browse(t.Context(), support.ConnectionFilter{Query: typed}, support.Cursor{}); err != nil {
					t.Fatal(err)
				}
			})
			if len(page.Companies) != 1 || page.Companies[0].Name != want {
				t.Errorf("%q finds %v, want %s", typed, page.Companies, want)
			}
		}
	})
}

// A search that is nearly right gets a suggestion. One that is right or far off gets
// none.
func TestSearchSuggests(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, k *modeltest.ListTest) {
		for _, name := range []string{"Silver Creek Plumbing", "Silver Lake", "Lake Heating", "Craig & Sons"} {
			k.Write(func(tx *gorm.DB) error {
				return accounts.CreateCompany(tx, &accounts.Company{ID: database.NewID(), Name: name, CreatedAt: k.Clock.Now()})
			})
		}
		for typed, want := range map[string]support.Suggestion{
			"silver crek":   {"silver creek", "Silver Creek Plumbing"},
			"Silver Creke":  {"silver creek", "Silver Creek Plumbing"},
			"pulmbing":      {}, // the first two letters are wrong
			"plumbign":      {"plumbing", "Silver Creek Plumbing"},
			"heatnig lake":  {"heating lake", "Lake Heating"},
			"silvr":         {"silver", "silver"},
			"silver craigg": {}, // no company has both
			"silver zebra":  {},
			"cr":            {},
			"silver creek":  {},
			"qq":            {},
		} {
			var page support.ConnectionPage
			modeltest.Explains(t, k.DB, typed, func() {
				var err error
				if page, err = k.Support.Browse(t.Context(), support.ConnectionFilter{Query: typed}, support.Cursor{}); err != nil {
					t.Fatal(err)
				}
			})
			if page.Suggestion != want {
				t.Errorf("%q: %+v, want %+v", typed, page.Suggestion, want)
			}
		}
	})
}

// A search says if none of the companies that it found has a connection.
func TestSearchSaysThatNothingIsConnected(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, k *modeltest.ListTest) {
		k.Company("Silver Creek", "june@silver.example")
		busy := k.Company("Silver Lake", "lou@lake.example")
		k.Add(busy, 77, nil)
		for typed, want := range map[string]bool{"june@silver.example": true, "creek": true, "silver": false, "lou@lake.example": false, "nobody@x.example": false, "77": false} {
			page, err := k.Support.Browse(t.Context(), support.ConnectionFilter{Query: typed}, support.Cursor{})
			if err != nil || page.NothingConnected != want {
				t.Errorf("%q: %t, %v", typed, page.NothingConnected, err)
			}
		}
		if page, err := k.Support.Browse(t.Context(), support.ConnectionFilter{Query: "lake", Status: support.Status(models.Degraded)}, support.Cursor{}); err != nil || page.NothingConnected {
			t.Errorf("under another status: %t, %v", page.NothingConnected, err)
		}
	})
}
