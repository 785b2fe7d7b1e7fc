package models_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// listen adds an endpoint of the operator that gets everything.
func listen(d *modeltest.SupportTest) {
	d.Helper()
	d.Exec("INSERT INTO webhook_endpoints (id, url, description, types, secret_sealed, created_at) VALUES (?, 'https://example.com', '', '', ?, ?)",
		database.NewID(), []byte{1}, d.DB.Now())
}

// told returns the types and the bodies of the messages about a connection or company,
// oldest first.
func told(d *modeltest.SupportTest, about uuid.UUID) (types []string, bodies []string) {
	d.Helper()
	d.Must(d.DB.Read(d.Context()).Raw("SELECT type FROM webhook_deliveries WHERE order_key = ? ORDER BY seq", about).Scan(&types).Error)
	d.Must(d.DB.Read(d.Context()).Raw("SELECT m.body FROM webhook_messages m JOIN webhook_deliveries d ON d.message_id = m.id WHERE d.order_key = ? ORDER BY d.seq", about).Scan(&bodies).Error)
	return types, bodies
}

// Back ends are told of each change in each state.
func TestBackEndsAreToldOfEachChange(t *testing.T) {
	want := map[models.State]map[models.Change]string{
		models.Pending: {models.Requested: "setup_changed", models.Authorized: "connected", models.LetGo: "disconnected"},
		models.Connected: {
			models.Requested: "setup_changed", models.Authorized: "reconnected", models.Renewed: "", models.FailedTemporarily: "retrying",
			models.Refused: "needs_reconnect", models.LetGo: "disconnected",
		},
		models.Degraded: {
			models.Requested: "setup_changed", models.Authorized: "reconnected", models.Renewed: "recovered", models.FailedTemporarily: "",
			models.Refused: "needs_reconnect", models.LetGo: "disconnected",
		},
		models.ReconnectNeeded: {models.Requested: "setup_changed", models.Authorized: "reconnected", models.LetGo: "disconnected"},
		models.Disconnected:    {models.Requested: "setup_changed", models.Authorized: "reconnected"},
	}
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		listen(d)
		for from, changes := range want {
			for what, expected := range changes {
				id := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0]
				d.Exec("UPDATE connections SET state = ? WHERE id = ?", from, id)
				if from == models.Pending {
					d.Exec("UPDATE connections SET connected_at = ? WHERE id = ?", time.Time{}, id)
				}
				change(d, id, models.Transition{What: what, At: d.DB.Now(), Reason: models.ReasonUnavailable, With: func(tx *gorm.DB, c models.Connection) error {
					if what != models.Requested {
						return nil
					}
					s := models.Setup{ID: database.NewID(), ConnectionID: c.ID, CompanyID: c.CompanyID, Environment: c.Environment, TenantID: c.TenantID, RequestedAt: d.DB.Now()}
					s.Wait(models.StepAddTenant, models.Us, "", d.DB.Now())
					return tx.Create(&s).Error
				}})
				types, bodies := told(d, id)
				if got := strings.ReplaceAll(strings.Join(types, " "), "connection.", ""); got != expected {
					t.Errorf("%s of %s: told of %q, want %q", what, from, got, expected)
				}
				for _, body := range bodies {
					if strings.Contains(body, `"next_step":""`) {
						t.Errorf("%s of %s: no next step in %s", what, from, body)
					}
				}
			}
		}
	})
}

// change makes a change to a connection.
func change(d *modeltest.SupportTest, id uuid.UUID, what models.Transition) {
	d.Helper()
	d.Write(func(tx *gorm.DB) error {
		c, err := models.GetConnection(database.ForUpdate(tx), d.CompanyID, id)
		if err == nil {
			_, err = models.Apply(tx, &c, what)
		}
		return err
	})
}

// A message says all that a back end has to know, and nothing secret.
func TestMessageSaysWhatABackEndNeeds(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		listen(d)
		id, session := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0], database.NewID()
		d.Exec("UPDATE companies SET name = 'Northgate <Heating>', reference = 'acct_1' WHERE id = ?", d.CompanyID)
		d.Exec("UPDATE connections SET tenant_name = 'North', scopes = 'b a' WHERE id = ?", id)
		d.Clock.Add(time.Minute)
		now := d.DB.Now()
		change(d, id, models.Transition{What: models.Refused, At: now, Reason: models.ReasonGrantRefused, SessionID: session})
		_, bodies := told(d, id)
		var got struct {
			Type      string
			Timestamp time.Time
			Data      map[string]any
		}
		if len(bodies) != 1 || json.Unmarshal([]byte(bodies[0]), &got) != nil {
			t.Fatalf("told %q", bodies)
		}
		c := d.Connection(id)
		want := map[string]any{
			"connection_id": id.String(), "company_id": d.CompanyID.String(), "company_name": "Northgate <Heating>", "reference": "acct_1",
			"tenant_id": float64(c.TenantID), "tenant_name": "North", "environment": string(c.Environment), "state": "reconnect_needed",
			"reason": "grant_refused", "since": now.Format(time.RFC3339Nano), "scopes": []any{"b", "a"}, "next_step": "Someone at the company reconnects.",
			"connect_session_id": session.String(), "last_answered_at": nil,
		}
		if got.Type != "connection.needs_reconnect" || !got.Timestamp.Equal(now) {
			t.Errorf("type %s at %s", got.Type, got.Timestamp)
		}
		asJSON := func(v any) string { text, _ := json.Marshal(v); return string(text) }
		if asJSON(got.Data) != asJSON(want) {
			t.Errorf("got  %s\nwant %s", asJSON(got.Data), asJSON(want))
		}
		if !c.StateSince.Equal(now) {
			t.Errorf("the database says since %s", c.StateSince)
		}
	})
}

// Scopes that only come in another order are no change.
func TestBackEndsAreToldOfOtherScopes(t *testing.T) {
	for _, c := range []struct{ before, after, want string }{
		{"a b", "b a", ""}, {"a b", "a b c", "connection.scopes_changed"}, {"a b", "a", "connection.scopes_changed"},
	} {
		modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
			listen(d)
			id := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0]
			d.Exec("UPDATE connections SET scopes = ? WHERE id = ?", c.before, id)
			change(d, id, models.Transition{What: models.Renewed, At: d.DB.Now(), Edit: func(o *models.Connection) { o.Scopes = c.after }})
			if types, _ := told(d, id); strings.Join(types, " ") != c.want {
				t.Errorf("from %q to %q: told of %q, want %q", c.before, c.after, types, c.want)
			}
		})
	}
}

// A change that is rolled back tells nobody.
func TestNobodyIsToldOfWhatDidNotHappen(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		listen(d)
		id := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0]
		err := d.DB.Write(t.Context(), func(tx *gorm.DB) error {
			c, err := models.GetConnection(database.ForUpdate(tx), d.CompanyID, id)
			if err == nil {
				_, err = models.Apply(tx, &c, models.Transition{What: models.Refused, At: d.DB.Now(), Reason: models.ReasonGrantRefused})
			}
			if err == nil {
				err = accounts.ErrForbidden
			}
			return err
		})
		if n := d.Count("SELECT (SELECT count(*) FROM webhook_messages) + (SELECT count(*) FROM webhook_deliveries)"); err == nil || n != 0 {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}

// A company's lock, its end, and its deletion are told, the last without its name.
func TestBackEndsAreToldOfCompanies(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		listen(d)
		d.Exec("UPDATE companies SET reference = 'acct_1' WHERE id = ?", d.CompanyID)
		staff := d.Staff("Sam", accounts.Admin)
		d.Must(d.Support.Lock(t.Context(), staff, d.CompanyID, "Asked by phone"))
		d.Must(d.Support.Lock(t.Context(), staff, d.CompanyID, "Asked again"))
		d.Must(d.Support.Unlock(t.Context(), staff, d.CompanyID, "Settled"))
		d.Exec("UPDATE companies SET deleted_at = ? WHERE id = ?", d.DB.Now(), d.CompanyID)
		d.Write(func(tx *gorm.DB) error {
			return models.NoteCompany(tx, webhook.CompanyDeleted, accounts.Company{ID: d.CompanyID}, d.DB.Now())
		})
		types, bodies := told(d, d.CompanyID)
		if got := strings.Join(types, " "); got != "company.locked company.unlocked company.deleted" {
			t.Fatalf("told of %q", got)
		}
		for i, named := range []bool{true, true, false} {
			if strings.Contains(bodies[i], `"company_name":""`) == named || !strings.Contains(bodies[i], `"reference":"acct_1"`) || strings.Contains(bodies[i], "phone") {
				t.Errorf("%s: %s", types[i], bodies[i])
			}
		}
	})
}

// Each state, reason, and step of a setup has a next step.
func TestEveryStateHasANextStep(t *testing.T) {
	said := map[string]bool{}
	say := func(c models.Connection, s *models.Setup) {
		words := models.NextStep(c, s)
		if !strings.HasSuffix(words, ".") {
			t.Errorf("%s for %q: %q", c.State, c.Reason, words)
		}
		said[words] = true
	}
	for _, state := range []models.State{models.Pending, models.Connected, models.Degraded, models.ReconnectNeeded, models.Disconnected} {
		for _, reason := range []models.Reason{models.ReasonNone, models.ReasonUnavailable, models.ReasonUnauthorized, models.ReasonTenantUnknown, models.ReasonOurSide} {
			say(models.Connection{State: state, Reason: reason}, nil)
		}
		for _, step := range []models.SetupStep{models.StepAddTenant, models.StepAllowAccess, models.StepEnterCredentials, models.StepChecked} {
			for _, problem := range []models.Outcome{"", models.OutcomeNotAllowed, models.OutcomeTenantUnknown, models.OutcomeTenantTaken} {
				say(models.Connection{State: state}, &models.Setup{Step: step, Problem: problem})
			}
		}
	}
	say(models.Connection{State: models.Connected, UpgradeNeeded: true}, nil)
	if len(said) != 16 {
		t.Errorf("%d different next steps: %v", len(said), said)
	}
}

// Back ends are told of each step of a setup, with the step in it.
func TestBackEndsAreToldOfSetups(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		listen(d)
		amy := accounts.Visitor{UserID: d.Person("Amy", accounts.Owner), CompanyID: d.CompanyID, Role: accounts.Owner, Name: "Amy"}
		staff := d.Staff("Sam", accounts.Admin)
		id := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0]
		d.Write(func(tx *gorm.DB) error {
			c, err := models.GetConnection(database.ForUpdate(tx), d.CompanyID, id)
			if err != nil {
				return err
			}
			_, err = models.Apply(tx, &c, models.Transition{What: models.Requested, At: d.DB.Now(), With: func(tx *gorm.DB, c models.Connection) error {
				s := models.Setup{ID: database.NewID(), ConnectionID: id, CompanyID: d.CompanyID, Environment: c.Environment, TenantID: c.TenantID, RequestedAt: d.DB.Now()}
				s.Wait(models.StepAddTenant, models.Us, "", d.DB.Now())
				return tx.Create(&s).Error
			}})
			return err
		})
		d.Must(d.Support.TenantAdded(t.Context(), staff, id))
		d.Must(d.Connections.AccessAllowed(t.Context(), amy, id))
		d.Must(d.Connections.AccessAllowed(t.Context(), amy, id)) // a double click
		d.Must(d.Connections.WithdrawSetup(t.Context(), amy, id))
		types, bodies := told(d, id)
		want := []string{`"setup_step":"add_tenant"`, `"setup_step":"allow_access"`, `"setup_step":"enter_credentials"`, `"next_step":"Nothing. The connection works."`}
		if len(types) != len(want) {
			t.Fatalf("told of %q", types)
		}
		for i := range want {
			if types[i] != string(webhook.ConnectionSetupChanged) || !strings.Contains(bodies[i], want[i]) || !strings.Contains(bodies[i], `"state":"connected"`) {
				t.Errorf("%s: %s, want %s", types[i], bodies[i], want[i])
			}
		}
	})
}
