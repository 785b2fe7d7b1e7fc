package support_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// A company whose name begins with the text comes first, and among those a connection that
// needs somebody.
func TestFindPutsTheLikeliestFirst(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		for i, of := range []struct {
			company string
			state   models.State
		}{
			{"Bright Harbor Electric", models.Connected},
			{"Old Harbor Air", models.ReconnectNeeded},
			{"Harbor Air", models.Connected},
			{"Harbor Line Electric", models.ReconnectNeeded},
		} {
			c.Add(c.Company(of.company, fmt.Sprintf("owner%d@harbor.example", i)), int64(500000000+i), func(o *models.Connection) {
				if o.State = of.state; of.state == models.ReconnectNeeded {
					o.Reason = models.ReasonGrantRefused
				}
			})
		}
		found, err := c.Support.Find(t.Context(), staffOf(c, "Sam"), "harbor")
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"connection Harbor Line Electric", "connection Harbor Air", "connection Old Harbor Air", "connection Bright Harbor Electric"}
		if got := named(found); !slices.Equal(got, want) {
			t.Errorf("the results are %q, want %q", got, want)
		}
	})
}

// What staff type finds companies, connections, tenant IDs, people, and support codes, also
// with a typo, a few of each. Neither database reads a large table whole for it.
func TestFind(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		north := c.Company("Northgate Heating", "dana@northgate.example")
		id := c.Add(north, 842193311, func(o *models.Connection) {
			o.State, o.Reason = models.ReconnectNeeded, models.ReasonGrantRefused
		})
		c.Company("Harbor Line Electric", "luis@harborline.example")
		for i := range 2 * support.FoundMost {
			c.Add(c.Company(fmt.Sprintf("Summit %d Plumbing", i), fmt.Sprintf("owner%d@summit.example", i)), int64(500000000+i), func(o *models.Connection) { o.State = models.Connected })
		}
		c.Write(func(tx *gorm.DB) error {
			return models.Record(tx, models.Event{CompanyID: north, ConnectionID: &id, Kind: models.EventTestPassed, SupportCode: "FB-2H6P-K3DA", At: c.DB.Now()})
		})
		sam := staffOf(c, "Sam")
		for _, text := range []string{"\x00ab", "a\xff"} { // PostgreSQL does not take such texts
			if found, err := c.Support.Find(t.Context(), sam, text); err != nil || len(named(found)) > 0 {
				t.Errorf("%q finds %q, %v", text, named(found), err)
			}
		}
		for text, want := range map[string][]string{
			"north":        {"connection Northgate Heating"},
			"heating nort": {"connection Northgate Heating"},
			"northgtae":    {"instead Northgate Heating", "connection Northgate Heating"},
			"8421":         {"connection Northgate Heating"},
			"842 193 311":  {"connection Northgate Heating"},
			"harbor":       {"company Harbor Line Electric"},
			"harbr":        {"instead Harbor Line Electric", "company Harbor Line Electric"},
			"luis":         {"person luis@harborline.example"},
			"dana@north":   {"connection Northgate Heating", "person dana@northgate.example"},
			"fb-2h6p-k3da": {"code FB-2H6P-K3DA", "connection Northgate Heating"},
			"FB-AAAA-AAAA": nil,
			"l":            {"company Harbor Line Electric"},
			"zzzz":         nil,
		} {
			var found support.Found
			modeltest.Explains(t, c.DB, text, func() {
				var err error
				if found, err = support.SupportFind(c.Support, t.Context(), text); err != nil {
					t.Fatal(err)
				}
			})
			if got := named(found); !slices.Equal(got, want) {
				t.Errorf("%q finds %q, want %q", text, got, want)
			}
		}
		found, err := support.SupportFind(c.Support, t.Context(), "summit")
		if n := len(named(found)); err != nil || n == 0 || n > support.FoundMost {
			t.Errorf("%d results, %v", n, err)
		}
	})
}

// named lists what was found.
func named(f support.Found) (list []string) {
	if f.Instead != "" {
		list = append(list, "instead "+f.Instead)
	}
	if f.Code != "" {
		list = append(list, "code "+f.Code)
	}
	for _, c := range f.Connections {
		list = append(list, "connection "+c.CompanyName)
	}
	for _, c := range f.Companies {
		list = append(list, "company "+c.Name)
	}
	for _, p := range f.People {
		list = append(list, "person "+p.Email)
	}
	return list
}

// The limit is one for each staff member, and ends.
func TestFindIsLimited(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		sam, lee := d.Staff("Sam", accounts.Support), d.Staff("Lee", accounts.Support)
		d.Write(func(tx *gorm.DB) error {
			var err error
			for range support.Finds.Tries {
				err = errors.Join(err, support.Finds.Take(tx, sam.UserID.String(), d.DB.Now()))
			}
			return err
		})
		if _, err := d.Support.Find(t.Context(), sam, "north"); !isThrottled(err) {
			t.Errorf("above the limit: %v", err)
		}
		if _, err := d.Support.Find(t.Context(), lee, "north"); err != nil {
			t.Error(err)
		}
		d.Clock.Add(time.Minute)
		if _, err := d.Support.Find(t.Context(), sam, "north"); err != nil {
			t.Errorf("a minute later: %v", err)
		}
	})
}
