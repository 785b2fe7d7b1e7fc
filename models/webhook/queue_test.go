package webhook_test

import (
	"log/slog"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/outbound"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// A message is queued for each endpoint of the operator and of its company that gets
// its type, and for no other.
func TestMessageIsQueuedForThoseWhoGetIt(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		w := webhook.New(db, modeltest.TestKeys(t), outbound.New(outbound.Rules{}), slog.New(slog.DiscardHandler))
		company, other := accounts.Company{ID: database.NewID(), Name: "Northgate"}, accounts.Company{ID: database.NewID(), Name: "Southgate"}
		if err := db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Create([]accounts.Company{company, other}).Error }); err != nil {
			t.Fatal(err)
		}
		add := func(name string, whose *accounts.Company, types ...webhook.Type) webhook.Endpoint {
			t.Helper()
			n := webhook.NewEndpoint{URL: "https://example.com/" + name, Types: types}
			var e webhook.Endpoint
			var err error
			if whose == nil {
				e, _, err = w.AddEndpoint(t.Context(), accounts.Actor{}, nil, n)
			} else {
				e, _, err = w.AddEndpoint(t.Context(), accounts.Actor{}, &whose.ID, n)
			}
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		want := []string{add("operator", nil).ID.String(), add("company", &company).ID.String(), add("chosen", nil, webhook.CompanyLocked).ID.String()}
		add("other", &other)
		add("not-chosen", nil, webhook.CompanyUnlocked)
		err := db.Write(t.Context(), func(tx *gorm.DB) error {
			return webhook.Queue(tx, webhook.Message{Type: webhook.CompanyLocked, CompanyID: company.ID, OrderKey: company.ID, At: db.Now(), Data: func(*gorm.DB) (any, error) {
				return map[string]string{"company_id": company.ID.String()}, nil
			}})
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := db.Read(t.Context()).Raw("SELECT endpoint_id FROM webhook_deliveries ORDER BY endpoint_id").Scan(&got).Error; err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("queued for %q, %v, want %q", got, err, want)
		}
	})
}
