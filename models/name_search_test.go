package models

import (
	"testing"

	"gorm.io/gorm"
)

// A name is found however its punctuation is typed, also one that was written
// down before more of its words were.
func TestSearchFoldsPunctuation(t *testing.T) {
	onConsoles(t, func(t *testing.T, k *console) {
		db, clock, d := k.db, k.clock, k.desk
		for _, name := range []string{"O'Rourke Plumbing", "D’Angelo & Sons", "A.C. Repair-Men", "Oʼneill"} {
			company := Company{ID: newID(), Name: name, CreatedAt: clock.Now()}
			k.write(func(tx *gorm.DB) error {
				if name == "D’Angelo & Sons" { // as an older version wrote it
					return tx.Create(&company).Error
				}
				return createCompany(tx, &company)
			})
		}
		if err := NameCompanies(t.Context(), db, func(int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		for typed, want := range map[string]string{
			"rourke": "O'Rourke Plumbing", "orourke": "O'Rourke Plumbing", "o'rourke": "O'Rourke Plumbing", "O’Rourke": "O'Rourke Plumbing",
			"oʼrourke plumb": "O'Rourke Plumbing", "o rourke": "O'Rourke Plumbing",
			"angelo": "D’Angelo & Sons", "d'angelo sons": "D’Angelo & Sons", "dangelo": "D’Angelo & Sons",
			"ac repair": "A.C. Repair-Men", "a.c.": "A.C. Repair-Men", "repairmen": "A.C. Repair-Men", "men": "A.C. Repair-Men",
			"neill": "Oʼneill", "o'neill": "Oʼneill",
		} {
			var page ConnectionPage
			explains(t, db, typed, func() {
				var err error
				if page, err = d.Browse(t.Context(), ConnectionFilter{Query: typed}, Cursor{}); err != nil {
					t.Fatal(err)
				}
			})
			if len(page.Companies) != 1 || page.Companies[0].Name != want {
				t.Errorf("%q finds %v, want %s", typed, page.Companies, want)
			}
		}
	})
}

// What is nearly right gets a suggestion, and what is right or far off none.
func TestSearchSuggests(t *testing.T) {
	onConsoles(t, func(t *testing.T, k *console) {
		for _, name := range []string{"Silver Creek Plumbing", "Silver Lake", "Lake Heating", "Craig & Sons"} {
			k.write(func(tx *gorm.DB) error {
				return createCompany(tx, &Company{ID: newID(), Name: name, CreatedAt: k.clock.Now()})
			})
		}
		for typed, want := range map[string]Suggestion{
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
			var page ConnectionPage
			explains(t, k.db, typed, func() {
				var err error
				if page, err = k.desk.Browse(t.Context(), ConnectionFilter{Query: typed}, Cursor{}); err != nil {
					t.Fatal(err)
				}
			})
			if page.Suggestion != want {
				t.Errorf("%q: %+v, want %+v", typed, page.Suggestion, want)
			}
		}
	})
}

// Companies that are found and have no connection are told from others.
func TestSearchSaysThatNothingIsConnected(t *testing.T) {
	onConsoles(t, func(t *testing.T, k *console) {
		k.company("Silver Creek", "june@silver.example")
		busy := k.company("Silver Lake", "lou@lake.example")
		k.add(busy, 77, nil)
		for typed, want := range map[string]bool{"june@silver.example": true, "creek": true, "silver": false, "lou@lake.example": false, "nobody@x.example": false, "77": false} {
			page, err := k.desk.Browse(t.Context(), ConnectionFilter{Query: typed}, Cursor{})
			if err != nil || page.NothingConnected != want {
				t.Errorf("%q: %t, %v", typed, page.NothingConnected, err)
			}
		}
		if page, err := k.desk.Browse(t.Context(), ConnectionFilter{Query: "lake", Status: Status(Degraded)}, Cursor{}); err != nil || page.NothingConnected {
			t.Errorf("under another status: %t, %v", page.NothingConnected, err)
		}
	})
}
