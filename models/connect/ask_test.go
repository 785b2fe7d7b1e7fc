package connect_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

var northgateBySignIn = models.Choice{Environment: servicetitan.Sandbox, Way: servicetitan.SignIn, TenantID: modeltest.Northgate}

// asker returns an owner whose address is proven.
func asker(k *modeltest.Kept) accounts.Visitor {
	v := k.Owner()
	v.Proven = true
	return v
}

// One of several browsers gets a link, and the database has neither its secret nor
// the browser's value.
func TestAskIsBoundOnce(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		connections := k.Connections()
		ask, link, err := connections.MakeAsk(t.Context(), asker(k), northgateBySignIn)
		if err != nil {
			t.Fatal(err)
		}
		if asked, err := connections.AskedByLink(t.Context(), link); err != nil || asked.ID != ask.ID || asked.CompanyName != "Northgate" || asked.AskerName != "Amy" || asked.AskerEmail == "" {
			t.Fatalf("asked %+v, %v", asked, err)
		}
		bindings := make([]secret.Value, 10)
		won := -1
		var winners atomic.Int64
		var all sync.WaitGroup
		for i := range bindings {
			bindings[i] = secret.New(database.NewID().String())
			all.Go(func() {
				switch err := connections.StartAsk(t.Context(), link, bindings[i], "Pat", "192.0.2.1"); {
				case err == nil:
					winners.Add(1)
					won = i
				case !errors.Is(err, connect.ErrLinkOpened):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if winners.Load() != 1 {
			t.Fatalf("%d browsers won", winners.Load())
		}
		for i, binding := range bindings {
			asked, err := connections.Asked(t.Context(), binding)
			if i == won && (err != nil || asked.AdminName != "Pat") || i != won && !errors.Is(err, connect.ErrLinkOver) {
				t.Errorf("browser %d: %+v, %v", i, asked, err)
			}
		}
		var row connect.Ask
		if err := db.Read(t.Context()).Take(&row).Error; err != nil || string(row.BindingHash) == bindings[won].Reveal() || len(row.BindingHash) != 32 {
			t.Errorf("the row is %+v, %v", row, err)
		}
		if _, err := connections.Asked(t.Context(), secret.Value{}); !errors.Is(err, connect.ErrLinkOver) {
			t.Errorf("without a value: %v", err)
		}
	})
}

// No statement about asks reads a whole table.
func TestAsksUseIndexes(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		connections, v, binding := c.Connections(), asker(c.Kept), secret.New("a value of one browser")
		_, link, err := connections.MakeAsk(t.Context(), v, northgateBySignIn)
		if err != nil {
			t.Fatal(err)
		}
		modeltest.Explains(t, c.DB, "open", func() {
			if _, err := connections.AskedByLink(t.Context(), link); err != nil {
				t.Error(err)
			}
		})
		if err := connections.StartAsk(t.Context(), link, binding, "Pat", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
		modeltest.Explains(t, c.DB, "read", func() {
			if asks, err := connections.OpenAsks(t.Context(), v.CompanyID); err != nil || len(asks) != 1 {
				t.Errorf("%d asks, %v", len(asks), err)
			}
			if _, err := connections.Asked(t.Context(), binding); err != nil {
				t.Error(err)
			}
			if _, _, ok, err := connections.CompleteAsGuest(t.Context(), []secret.Value{binding}, "", connect.CallbackQuery{State: secret.New("x")}); ok || err != nil {
				t.Errorf("found %t, %v", ok, err)
			}
		})
	})
}

// Asks go some time after they expire, together with the names in them.
func TestAsksAreSwept(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		if _, _, err := k.Connections().MakeAsk(t.Context(), asker(k), northgateBySignIn); err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{1, 0} {
			if err := keyring.Sweep(t.Context(), db, 400*24*time.Hour); err != nil {
				t.Fatal(err)
			}
			if n := k.Count("SELECT count(*) FROM asks"); n != want {
				t.Errorf("%d asks, want %d", n, want)
			}
			clock.Add(accounts.LinkAsk.Life() + connect.AsksKept + time.Minute)
		}
	})
}

// Somebody who only says that they own the company makes no link.
func TestOnlyProvenOwnersAsk(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		unproven, member := k.Owner(), asker(k)
		member.Role = accounts.Member
		stranger, demoted := asker(k), asker(k)
		stranger.UserID = database.NewID()
		for name, tt := range map[string]struct {
			v    accounts.Visitor
			want error
		}{"unproven": {unproven, connect.ErrUnproven}, "member": {member, accounts.ErrForbidden}, "stranger": {stranger, accounts.ErrNoMembership}} {
			if _, link, err := k.Connections().MakeAsk(t.Context(), tt.v, northgateBySignIn); !errors.Is(err, tt.want) || !link.IsZero() {
				t.Errorf("%s: %v", name, err)
			}
		}
		k.Exec("UPDATE memberships SET role = 'member'")
		if _, _, err := k.Connections().MakeAsk(t.Context(), demoted, northgateBySignIn); !errors.Is(err, accounts.ErrForbidden) {
			t.Errorf("demoted: %v", err)
		}
		if n := k.Count("SELECT count(*) FROM asks") + k.Count("SELECT count(*) FROM links"); n != 0 {
			t.Errorf("%d rows", n)
		}
	})
}
