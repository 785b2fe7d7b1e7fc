package webhook_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/outbound"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// hooks are the webhooks of a database with a company.
type hooks struct {
	*testing.T
	*webhook.Webhooks
	db      *database.DB
	clock   *modeltest.Clock
	company uuid.UUID
}

// onBoth runs a test with hooks on each database.
func onBoth(t *testing.T, test func(h *hooks)) {
	t.Helper()
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		h := &hooks{
			T: t, db: db, clock: clock, company: database.NewID(),
			Webhooks: webhook.New(db, modeltest.TestKeys(t), outbound.New(outbound.Rules{Loopback: true}), slog.New(slog.DiscardHandler)),
		}
		h.write(func(tx *gorm.DB) error {
			return tx.Create(&accounts.Company{ID: h.company, Name: "Northgate", CreatedAt: db.Now()}).Error
		})
		test(h)
	})
}

func (h *hooks) write(fn func(tx *gorm.DB) error) {
	h.Helper()
	h.must(h.db.Write(h.Context(), fn))
}

func (h *hooks) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *hooks) count(query string, args ...any) (n int) {
	h.Helper()
	h.must(h.db.Read(h.Context()).Raw(query, args...).Scan(&n).Error)
	return n
}

// queue queues a message about something, with a text in it.
func (h *hooks) queue(about uuid.UUID, texts ...string) {
	h.Helper()
	for _, text := range texts {
		h.write(func(tx *gorm.DB) error {
			return webhook.Queue(tx, webhook.Message{
				Type: webhook.ConnectionRetrying, CompanyID: h.company, OrderKey: about, At: h.db.Now(),
				Data: func(*gorm.DB) (any, error) { return map[string]string{"text": text}, nil },
			})
		})
	}
}

// send sends what is due now.
func (h *hooks) send() {
	h.Helper()
	h.must(h.SendDue(h.Context()))
}

// sendLater sends what is due after some time, a step at a time.
func (h *hooks) sendLater(after, step time.Duration) {
	h.Helper()
	for ; after > 0; after -= step {
		h.clock.Add(step)
		h.send()
	}
}

// add adds an endpoint of the operator.
func (h *hooks) add(url string, types ...webhook.Type) (webhook.Endpoint, secret.Value) {
	h.Helper()
	e, s, err := h.AddEndpoint(h.Context(), accounts.Actor{}, nil, webhook.NewEndpoint{URL: url, Types: types})
	h.must(err)
	return e, s
}

// endpoint returns an endpoint as it is now.
func (h *hooks) endpoint(id uuid.UUID) webhook.Endpoint {
	h.Helper()
	e, err := h.Endpoint(h.Context(), nil, id)
	h.must(err)
	return e
}

// received is a message as it arrived.
type received struct {
	ID, Timestamp, Signature string
	Body                     string
	Header                   http.Header
}

// receiver is a back end that gets messages.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	got []received
	// answer answers a request; nil answers 204.
	answer func(w http.ResponseWriter, m received)
}

func newReceiver(t *testing.T, answer func(w http.ResponseWriter, m received)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		m := received{req.Header.Get("webhook-id"), req.Header.Get("webhook-timestamp"), req.Header.Get("webhook-signature"), string(body), req.Header}
		r.mu.Lock()
		r.got = append(r.got, m)
		r.mu.Unlock()
		if r.answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		r.answer(w, m)
	}))
	t.Cleanup(r.Close)
	return r
}

// all returns everything that arrived, oldest first.
func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.got...)
}

// verified checks messages with the specification's own library.
func verified(t *testing.T, s secret.Value, list ...received) bool {
	t.Helper()
	checker, err := standardwebhooks.NewWebhook(s.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if checker.VerifyIgnoringTimestamp([]byte(m.Body), m.Header) != nil {
			return false
		}
	}
	return len(list) > 0
}
