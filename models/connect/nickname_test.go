package connect_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

func TestParseNickname(t *testing.T) {
	for typed, want := range map[string]struct {
		name    string
		problem accounts.NameProblem
	}{
		"":                         {"", accounts.NameFine},
		"   ":                      {"", accounts.NameFine},
		"  North   shop ":          {"North shop", accounts.NameFine},
		strings.Repeat("é", 60):    {strings.Repeat("é", 60), accounts.NameFine},
		strings.Repeat("é", 61):    {"", accounts.NameTooLong},
		strings.Repeat("é", 101):   {"", accounts.NameTooLong},
		"North\u202eshop":          {"", accounts.NameInvisible},
		"see north.example/refund": {"", accounts.NameAddress},
	} {
		if name, problem := connect.ParseNickname(typed); name != want.name || problem != want.problem {
			t.Errorf("%q becomes %q, %q; want %q, %q", typed, name, problem, want.name, want.problem)
		}
	}
}

// Only an owner names a connection of the company. A page that is open then has another
// version, and the same name twice is one event.
func TestSetNickname(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		connections, owner := c.Connections(), asker(c.Kept)
		id := c.Add(owner.CompanyID, 7, func(o *models.Connection) { o.TenantName = "Northgate Heating & Plumbing" })
		set := func(v accounts.Visitor, id uuid.UUID, name string) error {
			return connections.SetNickname(t.Context(), v, id, name)
		}
		for range 2 {
			if err := set(owner, id, "North shop"); err != nil {
				t.Fatal(err)
			}
		}
		if now := c.Connection(id); now.Nickname != "North shop" || now.TenantName != "Northgate Heating & Plumbing" {
			t.Errorf("it is %q, %q", now.Nickname, now.TenantName)
		}
		if n := c.Count("SELECT count(*) FROM events WHERE kind = 'named' AND detail = 'North shop' AND actor_name = ?", owner.Name); n != 1 {
			t.Errorf("%d events", n)
		}
		if lines, _, err := connections.Activity(t.Context(), owner.CompanyID, connect.AboutAll, uuid.Max); err != nil || len(lines) != 1 || lines[0].Connection.Nickname != "North shop" {
			t.Errorf("the activity has %+v, %v", lines, err)
		}
		member, stranger := owner, owner
		member.UserID, stranger.CompanyID = database.NewID(), database.NewID()
		if err := set(member, id, "Mine"); !errors.Is(err, accounts.ErrNoMembership) {
			t.Errorf("somebody else: %v", err)
		}
		if err := set(stranger, id, "Mine"); err == nil {
			t.Error("somebody of another company named it")
		}
		if err := set(owner, database.NewID(), "None"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("no connection: %v", err)
		}
		if err := set(owner, id, ""); err != nil || c.Connection(id).Nickname != "" {
			t.Errorf("it is %q, %v", c.Connection(id).Nickname, err)
		}
	})
}
