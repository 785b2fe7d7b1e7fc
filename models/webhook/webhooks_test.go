package webhook_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/outbound"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// What belongs to a company or to the operator does not exist for anybody else.
func TestEndpointsOfOthersDoNotExist(t *testing.T) {
	onBoth(t, func(h *hooks) {
		r, other, nobody := newReceiver(h.T, nil), database.NewID(), accounts.Actor{}
		h.write(func(tx *gorm.DB) error { return tx.Create(&accounts.Company{ID: other, Name: "Southgate"}).Error })
		owners := map[string]*uuid.UUID{"operator": nil, "company": &h.company, "other": &other}
		endpoints, deliveries := map[string]uuid.UUID{}, map[string]uuid.UUID{}
		for name, whose := range owners {
			e, _, err := h.AddEndpoint(h.Context(), nobody, whose, webhook.NewEndpoint{URL: r.URL})
			h.must(err)
			d, err := h.SendTest(h.Context(), nobody, whose, e.ID)
			h.must(err)
			endpoints[name], deliveries[name] = e.ID, d.ID
		}
		for name, whose := range owners {
			list, err := h.Endpoints(h.Context(), whose)
			made, _, errMade := h.Deliveries(h.Context(), whose, webhook.DeliveryFilter{})
			if err := errors.Join(err, errMade); err != nil || len(list) != 1 || len(made) != 1 || list[0].ID != endpoints[name] || made[0].ID != deliveries[name] {
				h.Errorf("%s: %d endpoints, %d deliveries, %v", name, len(list), len(made), err)
			}
			for of, id := range endpoints {
				if of == name {
					continue
				}
				ctx := h.Context()
				_, errGet := h.Endpoint(ctx, whose, id)
				_, errRotate := h.RotateSecret(ctx, nobody, whose, id)
				_, errTest := h.SendTest(ctx, nobody, whose, id)
				_, errSince := h.ReplaySince(ctx, nobody, whose, id, h.db.Now().Add(-time.Hour))
				_, errReplay := h.Replay(ctx, nobody, whose, deliveries[of])
				_, _, errDelivery := h.Delivery(ctx, whose, deliveries[of])
				for what, err := range map[string]error{
					"get": errGet, "rotate": errRotate, "test": errTest, "replay since": errSince, "replay": errReplay, "delivery": errDelivery,
					"change": h.ChangeEndpoint(ctx, nobody, whose, id, webhook.NewEndpoint{URL: "https://evil.example"}),
					"resume": h.Resume(ctx, nobody, whose, id),
					"remove": h.RemoveEndpoint(ctx, nobody, whose, id),
				} {
					if !errors.Is(err, database.ErrNotFound) {
						h.Errorf("%s of the %s's by the %s: %v", what, of, name, err)
					}
				}
			}
		}
		if n := h.count("SELECT count(*) FROM webhook_endpoints WHERE url = ? AND old_secret_sealed IS NULL", r.URL); n != 3 {
			h.Errorf("%d endpoints are as they were", n)
		}
	})
}

// Only owners manage the endpoints of a company, and only admins of our staff those of
// the operator. Each change is recorded.
func TestWhoManagesEndpoints(t *testing.T) {
	onBoth(t, func(h *hooks) {
		now := h.db.Now()
		person := func(name string, role accounts.StaffRole) accounts.Actor {
			id := database.NewID()
			h.write(func(tx *gorm.DB) error {
				return tx.Create(&accounts.User{ID: id, Email: name + "@example.com", Name: name, StaffRole: role, ProvenAt: &now}).Error
			})
			return accounts.Actor{UserID: id, Name: name}
		}
		amy, mel, eve := person("amy", ""), person("mel", ""), person("eve", "")
		ada, sam := person("ada", accounts.Admin), person("sam", accounts.Support)
		h.write(func(tx *gorm.DB) error {
			return tx.Create([]accounts.Membership{
				{CompanyID: h.company, UserID: amy.UserID, Role: accounts.Owner}, {CompanyID: h.company, UserID: mel.UserID, Role: accounts.Member},
			}).Error
		})
		for _, c := range []struct {
			by    accounts.Actor
			whose *uuid.UUID
			want  error
		}{
			{amy, &h.company, nil},
			{ada, nil, nil},
			{mel, &h.company, accounts.ErrForbidden},
			{eve, &h.company, accounts.ErrNoMembership},
			{ada, &h.company, accounts.ErrNoMembership},
			{sam, nil, accounts.ErrForbidden},
			{amy, nil, accounts.ErrForbidden},
		} {
			e, _, err := h.AddEndpoint(h.Context(), c.by, c.whose, webhook.NewEndpoint{URL: "https://example.com"})
			if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
				h.Errorf("%s for %v: %v, want %v", c.by.Name, c.whose, err, c.want)
			}
			if err == nil {
				h.must(h.RemoveEndpoint(h.Context(), c.by, c.whose, e.ID))
			}
		}
		var records []accounts.AuditRecord
		h.must(h.db.Read(h.Context()).Raw("SELECT * FROM audit_records ORDER BY id").Scan(&records).Error)
		var said []string
		for _, r := range records {
			said = append(said, r.ActorName+" "+string(r.Action))
		}
		if got := strings.Join(said, ", "); got != "amy endpoint_added, amy endpoint_removed, ada endpoint_added, ada endpoint_removed" {
			h.Errorf("recorded: %s", got)
		}
	})
}

// An endpoint can be removed while changes queue messages for it, and with more
// deliveries than one write removes.
func TestEndpointIsRemovedWhileMessagesAreQueued(t *testing.T) {
	onBoth(t, func(h *hooks) {
		e, _ := h.add("https://example.com")
		h.queue(database.NewID(), "first")
		h.write(func(tx *gorm.DB) error {
			return tx.Exec(`INSERT INTO webhook_deliveries (id, endpoint_id, message_id, type, order_key, state, next_try_at, created_at)
				WITH RECURSIVE numbers (n) AS (SELECT 10000 UNION ALL SELECT n + 1 FROM numbers WHERE n < 12000)
				SELECT ` + h.numbered() + `, endpoint_id, message_id, type, order_key, state, next_try_at, created_at FROM webhook_deliveries, numbers`).Error
		})
		removed, waits := make(chan error), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
		h.write(func(tx *gorm.DB) error {
			err := webhook.Queue(tx, webhook.Message{
				Type: webhook.CompanyLocked, CompanyID: h.company, OrderKey: h.company, At: h.db.Now(), Data: func(*gorm.DB) (any, error) { return nil, nil },
			})
			go func() { removed <- h.RemoveEndpoint(h.Context(), accounts.Actor{}, nil, e.ID) }()
			if h.db.OnPostgres() {
				until(h.T, func() bool { return h.count(waits) > 0 })
			}
			return err
		})
		h.must(<-removed)
		if n := h.count("SELECT (SELECT count(*) FROM webhook_endpoints) + (SELECT count(*) FROM webhook_deliveries)"); n != 0 {
			h.Errorf("%d rows are left", n)
		}
		if err := h.RemoveEndpoint(h.Context(), accounts.Actor{}, nil, e.ID); !errors.Is(err, database.ErrNotFound) {
			h.Errorf("a second time: %v", err)
		}
	})
}

// numbered is an ID made of the number n, in the language of the database.
func (h *hooks) numbered() string {
	if h.db.OnPostgres() {
		return "CAST('00000000-0000-4000-8000-0000000' || n AS UUID)"
	}
	return "'00000000-0000-4000-8000-0000000' || n"
}

func TestLimitsOfEndpoints(t *testing.T) {
	onBoth(t, func(h *hooks) {
		nobody := accounts.Actor{}
		for name, n := range map[string]webhook.NewEndpoint{
			"private":     {URL: "https://10.0.0.1"},
			"description": {URL: "https://example.com", Description: strings.Repeat("x", 201)},
			"NUL":         {URL: "https://example.com", Description: "a\x00b"},
			"type":        {URL: "https://example.com", Types: []webhook.Type{"connection.exploded"}},
			"ping":        {URL: "https://example.com", Types: []webhook.Type{webhook.Ping}},
		} {
			_, _, err := h.AddEndpoint(h.Context(), nobody, nil, n)
			if _, wrong := errors.AsType[*outbound.AddressError](err); !wrong && !errors.Is(err, webhook.ErrDescription) && !errors.Is(err, webhook.ErrType) {
				h.Errorf("%s: %v", name, err)
			}
		}
		for range webhook.EndpointsAtMost {
			h.add("https://example.com")
		}
		if _, _, err := h.AddEndpoint(h.Context(), nobody, nil, webhook.NewEndpoint{URL: "https://example.com"}); !errors.Is(err, webhook.ErrTooManyEndpoints) {
			h.Errorf("one too many: %v", err)
		}
		e, _, err := h.AddEndpoint(h.Context(), nobody, &h.company, webhook.NewEndpoint{URL: "https://example.com", Types: webhook.Types()})
		if err != nil || e.Types != "" || len(e.TypeList()) != 0 {
			h.Errorf("of the company: %+v, %v", e, err)
		}
		var throttled *accounts.ThrottledError
		for i := range 11 {
			if _, err = h.SendTest(h.Context(), nobody, &h.company, e.ID); (err != nil) != (i == 10) {
				h.Errorf("test %d: %v", i, err)
			}
		}
		if !errors.As(err, &throttled) {
			h.Errorf("too many tests: %v", err)
		}
	})
}

// The operator's private networks are for the operator's endpoints. A company's endpoint
// does not reach them, even if its name stands for another address than before.
func TestCompaniesDoNotReachTheOperatorsNetworks(t *testing.T) {
	onBoth(t, func(h *hooks) {
		inside := outbound.Rules{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
		h.Webhooks = webhook.New(h.db, modeltest.TestKeys(t), outbound.New(inside), slog.New(slog.DiscardHandler))
		r, nobody := newReceiver(h.T, nil), accounts.Actor{}
		own, _ := h.add(r.URL)
		_, err := h.SendTest(h.Context(), nobody, nil, own.ID)
		h.must(err)
		_, _, err = h.AddEndpoint(h.Context(), nobody, &h.company, webhook.NewEndpoint{URL: r.URL})
		if _, wrong := errors.AsType[*outbound.AddressError](err); !wrong {
			h.Errorf("a company adds %s: %v", r.URL, err)
		}
		e, _, err := h.AddEndpoint(h.Context(), nobody, &h.company, webhook.NewEndpoint{URL: "https://example.com"})
		h.must(err)
		h.write(func(tx *gorm.DB) error {
			return tx.Model(&webhook.Endpoint{}).Where("id = ?", e.ID).Update("url", r.URL).Error
		})
		sent, err := h.SendTest(h.Context(), nobody, &h.company, e.ID)
		h.must(err)
		h.send()
		sent, _, err = h.Delivery(h.Context(), &h.company, sent.ID)
		h.must(err)
		if n := len(r.all()); n != 1 || sent.State != webhook.GivenUp {
			h.Errorf("%d messages arrived, and the company's is %s", n, sent.State)
		}
	})
}

// An endpoint of a company that is locked waits until it is unlocked.
func TestLockedCompanyGetsNothing(t *testing.T) {
	onBoth(t, func(h *hooks) {
		theirs, operators := newReceiver(h.T, nil), newReceiver(h.T, nil)
		_, _, err := h.AddEndpoint(h.Context(), accounts.Actor{}, &h.company, webhook.NewEndpoint{URL: theirs.URL})
		h.must(err)
		h.add(operators.URL)
		lock := func(at any) {
			h.write(func(tx *gorm.DB) error {
				return tx.Exec("UPDATE companies SET locked_at = ? WHERE id = ?", at, h.company).Error
			})
		}
		lock(h.db.Now())
		h.queue(database.NewID(), "a")
		h.send()
		if len(theirs.all()) != 0 || len(operators.all()) != 1 {
			h.Errorf("%d and %d arrived while it was locked", len(theirs.all()), len(operators.all()))
		}
		lock(nil)
		h.send()
		if len(theirs.all()) != 1 || len(operators.all()) != 1 {
			h.Errorf("%d and %d arrived", len(theirs.all()), len(operators.all()))
		}
	})
}

// Deliveries, their attempts, and their messages are kept for 30 days. A message stays
// as long as it has a delivery.
func TestDeliveriesAreKeptFor30Days(t *testing.T) {
	onBoth(t, func(h *hooks) {
		r := newReceiver(h.T, nil)
		h.add(r.URL)
		h.queue(database.NewID(), "a", "b")
		h.send()
		h.clock.Add(webhook.Kept - time.Hour)
		list, _, err := h.Deliveries(h.Context(), nil, webhook.DeliveryFilter{})
		h.must(err)
		_, err = h.Replay(h.Context(), accounts.Actor{}, nil, list[0].ID)
		h.must(err)
		h.send()
		for _, want := range []string{"3 3 2", "1 1 1"} {
			h.must(keyring.Sweep(h.Context(), h.db, 400*24*time.Hour))
			var n [3]int
			h.must(h.db.Read(h.Context()).Raw("SELECT (SELECT count(*) FROM webhook_deliveries), (SELECT count(*) FROM webhook_attempts), (SELECT count(*) FROM webhook_messages)").
				Row().Scan(&n[0], &n[1], &n[2]))
			if got := fmt.Sprint(n[0], n[1], n[2]); got != want {
				h.Errorf("%s are left, want %s", got, want)
			}
			h.clock.Add(2 * time.Hour)
		}
	})
}
