package connect_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// hears adds an endpoint of the operator, and returns what it is told.
func hears(k *modeltest.Kept) func() []map[string]any {
	k.Helper()
	k.Exec("INSERT INTO webhook_endpoints (id, url, description, types, secret_sealed, created_at) VALUES (?, 'https://acme.example/hook', '', '', ?, ?)",
		database.NewID(), []byte("\x01sealed"), k.DB.Now().UTC())
	return func() (told []map[string]any) {
		k.Helper()
		var bodies []string
		if err := k.DB.Read(k.Context()).Raw("SELECT body FROM webhook_messages ORDER BY id").Scan(&bodies).Error; err != nil {
			k.Fatal(err)
		}
		for _, body := range bodies {
			var message struct {
				Type string         `json:"type"`
				Data map[string]any `json:"data"`
			}
			if err := json.Unmarshal([]byte(body), &message); err != nil {
				k.Fatal(err)
			}
			message.Data["type"] = message.Type
			told = append(told, message.Data)
		}
		return told
	}
}

// news is what was told, in short.
func news(told []map[string]any) string {
	var list []string
	for _, m := range told {
		line := fmt.Sprint(m["type"])
		if status := m["status"]; status != nil {
			line += " " + fmt.Sprint(status)
		}
		if m["connect_session_id"] == nil {
			line += " (of no session)"
		}
		list = append(list, line)
	}
	return strings.Join(list, ", ")
}

// Back ends hear of each change of a session's status, once and in the transaction that
// makes it. The connection's own message names the session.
func TestSessionsAreToldOf(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		key, told := caller(k, nil), hears(k)
		n := referred("customer-1")
		n.Metadata = map[string]string{"plan": "gold"}
		s, binding := opened(k, key, n)
		given, err := k.Sandbox.GiveClient(modeltest.Northgate)
		if err != nil {
			t.Fatal(err)
		}
		choice := models.Choice{Environment: servicetitan.Sandbox, Way: servicetitan.OwnCredentials, TenantID: modeltest.Northgate}
		client := servicetitan.OwnClient{ID: given.ClientID, Secret: secret.New(given.ClientSecret)}
		result, err := k.Connections().TryVisit(t.Context(), binding, choice, client, "")
		if err != nil || result.Outcome != models.OutcomeConnected {
			t.Fatalf("%+v, %v", result, err)
		}
		all := told()
		if got := news(all); got != "connect_session.updated opened, connection.connected, connect_session.updated connected" {
			t.Fatalf("told of %s", got)
		}
		last := all[2]
		if last["connect_session_id"] != s.ID.String() || all[1]["connect_session_id"] != s.ID.String() || last["connection_id"] != result.ConnectionID.String() ||
			last["reference"] != "customer-1" || last["company_name"] != "Northgate Heating" || last["next_step"] == "" {
			t.Errorf("told %v", last)
		}
		if strings.Contains(fmt.Sprint(all), "gold") {
			t.Error("the metadata is told, which a company's own endpoint must not hear")
		}
		// What is rolled back is not told.
		other, otherBinding := opened(k, key, referred("customer-1"))
		before := len(told())
		undone := errors.New("undone")
		err = db.Write(t.Context(), func(tx *gorm.DB) error {
			if err := other.Move(tx, connect.SessionCanceled, db.Now()); err != nil {
				return err
			}
			return undone
		})
		if !errors.Is(err, undone) || len(told()) != before {
			t.Errorf("%v, and %d messages", err, len(told())-before)
		}
		for range 2 {
			if visit, err := k.Connections().CancelSession(t.Context(), otherBinding); err != nil || visit.Status != connect.SessionCanceled {
				t.Errorf("%s, %v", visit.Status, err)
			}
		}
		if got := news(told()[before:]); got != "connect_session.updated canceled" {
			t.Errorf("told of %s", got)
		}
	})
}

// Back ends hear that a session has expired.
func TestExpiryIsToldOf(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		told := hears(k)
		session(k, caller(k, nil), referred("customer-1"))
		k.Exec("UPDATE connect_sessions SET expires_at = created_at")
		clock.Add(accounts.LinkConnectSession.Life())
		for range 3 {
			if err := k.Connections().ExpireSessions(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := news(told()); got != "connect_session.updated expired" {
			t.Errorf("told of %s", got)
		}
	})
}

// What happens to a setup that came through a session names the session, whoever does it.
func TestSetupsNameTheirSession(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		id, told := k.Seed(1, clock.Now(), clock.Now())[0], hears(k)
		s, binding := opened(k, caller(k, nil), connect.NewSession{ConnectionID: id, ReturnURL: returnURL})
		k.Write(func(tx *gorm.DB) error {
			c, err := models.GetConnection(database.ForUpdate(tx), s.CompanyID, id)
			if err == nil {
				_, err = models.Apply(tx, &c, models.Transition{What: models.Requested, At: db.Now(), SessionID: s.ID, With: func(tx *gorm.DB, c models.Connection) error {
					setup := models.Setup{ID: database.NewID(), ConnectionID: id, CompanyID: c.CompanyID, Environment: c.Environment, TenantID: c.TenantID, RequestedAt: db.Now()}
					setup.Wait(models.StepAllowAccess, models.TheCompany, "", db.Now())
					return tx.Create(&setup).Error
				}})
			}
			return err
		})
		sendBack := func(s *models.Setup, now time.Time) bool { return s.SentBack(models.OutcomeNotAllowed, now) }
		for _, err := range []error{
			k.Connections().AllowVisit(t.Context(), binding, ""),
			k.Connections().ChangeSetup(t.Context(), accounts.Actor{StaffName: "Sam"}, s.CompanyID, id, models.EventSetupSentBack, sendBack),
			k.Connections().WithdrawSetup(t.Context(), k.Owner(), id),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		want := "connect_session.updated opened, connection.setup_changed, connection.setup_changed, connect_session.updated setup_requested, " +
			"connection.setup_changed, connect_session.updated canceled, connection.setup_changed"
		all := told()
		if got := news(all); got != want {
			t.Errorf("told of %s", got)
		}
		for _, m := range all {
			if m["connect_session_id"] != s.ID.String() {
				t.Errorf("told %v, want session %s", m, s.ID)
			}
		}
	})
}
