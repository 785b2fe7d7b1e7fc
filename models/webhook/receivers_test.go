package webhook_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// Receivers that hang, fail, redirect, reset, send a gigabyte, or are in a private network
// keep no other waiting: those have everything while the one that hangs still has its
// first messages.
func TestBadReceiversDelayNoOther(t *testing.T) {
	onBoth(t, func(h *hooks) {
		let, hanging, sent := make(chan struct{}), atomic.Int64{}, atomic.Int64{}
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { h.Error("a redirect was followed") }))
		defer elsewhere.Close()
		bad := map[string]func(w http.ResponseWriter, m received){
			"hang": func(http.ResponseWriter, received) {
				hanging.Add(1)
				<-let
			},
			"500": func(w http.ResponseWriter, _ received) { w.WriteHeader(http.StatusInternalServerError) },
			"redirect": func(w http.ResponseWriter, _ received) {
				w.Header().Set("Location", elsewhere.URL)
				w.WriteHeader(http.StatusPermanentRedirect)
			},
			"reset": func(w http.ResponseWriter, _ received) {
				if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
					_ = c.(*net.TCPConn).SetLinger(0)
					_ = c.Close()
				}
			},
			"gigabyte": func(w http.ResponseWriter, _ received) {
				chunk := make([]byte, 1<<16)
				for n := 0; n < 1<<30; n += len(chunk) {
					written, err := w.Write(chunk)
					sent.Add(int64(written))
					if err != nil {
						return
					}
				}
			},
		}
		endpoints := map[string]webhook.Endpoint{}
		for name, answer := range bad {
			endpoints[name], _ = h.add(newReceiver(h.T, answer).URL)
		}
		endpoints["private"], _ = h.add("https://receiver.example")
		h.write(func(tx *gorm.DB) error { // as if the rules had been changed since
			return tx.Exec("UPDATE webhook_endpoints SET url = 'https://10.0.0.1/' WHERE id = ?", endpoints["private"].ID).Error
		})
		var good []*receiver
		for range 3 {
			r := newReceiver(h.T, nil)
			h.add(r.URL)
			good = append(good, r)
		}
		const messages = 40
		var keys []uuid.UUID
		for range 5 {
			keys = append(keys, database.NewID())
		}
		ctx, stop := context.WithCancel(h.Context())
		done := make(chan struct{})
		go func() {
			h.Webhooks.Run(ctx)
			close(done)
		}()
		for i := range messages {
			h.queue(keys[i%len(keys)], strconv.Itoa(i))
		}
		until(h.T, func() bool {
			return !slices.ContainsFunc(good, func(r *receiver) bool { return len(r.all()) < messages }) && hanging.Load() > 0
		})
		const tried = "SELECT count(DISTINCT d.endpoint_id) FROM webhook_attempts a JOIN webhook_deliveries d ON d.seq = a.delivery_seq"
		const took = "SELECT count(*) FROM webhook_deliveries WHERE state = 'delivered' AND endpoint_id = ?"
		until(h.T, func() bool { // what is checked below has happened
			return h.count(tried) == len(endpoints)-1+len(good) && h.count(took, endpoints["gigabyte"].ID) == messages
		})
		if n := h.count(tried+" WHERE d.endpoint_id = ?", endpoints["hang"].ID); n != 0 {
			h.Errorf("the one that hangs has %d results", n)
		}
		close(let)
		stop()
		<-done
		for _, r := range good {
			if got := r.all(); len(got) != messages {
				h.Errorf("%d messages arrived", len(got))
			}
		}
		for name, words := range map[string]string{
			"500": "The answer had the status 500.", "redirect": "a redirect (status 308)", "reset": "The connection failed", "private": "not on the public internet",
		} {
			var said []string
			h.must(h.db.Read(h.Context()).Raw("SELECT DISTINCT a.error FROM webhook_attempts a JOIN webhook_deliveries d ON d.seq = a.delivery_seq WHERE d.endpoint_id = ?", endpoints[name].ID).Scan(&said).Error)
			if len(said) != 1 || !strings.Contains(said[0], words) {
				h.Errorf("%s: %q", name, said)
			}
			if health := h.endpoint(endpoints[name].ID).Health(); health != webhook.Failing {
				h.Errorf("%s: it is %s", name, health)
			}
		}
		if sent.Load() > messages*(16<<20) {
			h.Errorf("those who send a gigabyte sent %d bytes", sent.Load())
		}
	})
}

// No statement reads a whole table, however many deliveries wait or were made.
func TestWebhooksReadByIndexes(t *testing.T) {
	onBoth(t, func(h *hooks) {
		r := newReceiver(h.T, nil)
		e, _ := h.add(r.URL)
		about := database.NewID()
		h.queue(about, "1", "2")
		read := func(name string, do func() error) {
			modeltest.Explains(h.T, h.db, name, func() { h.must(do()) })
		}
		read("send", func() error { return h.SendDue(h.Context()) })
		read("queue", func() error {
			return h.db.Write(h.Context(), func(tx *gorm.DB) error {
				return webhook.Queue(tx, webhook.Message{Type: webhook.CompanyLocked, CompanyID: h.company, OrderKey: h.company, At: h.db.Now(), Data: func(*gorm.DB) (any, error) { return nil, nil }})
			})
		})
		for name, f := range map[string]webhook.DeliveryFilter{
			"all": {}, "of an endpoint": {EndpointID: e.ID}, "of a connection": {ConnectionID: about}, "of a type": {Type: webhook.CompanyLocked}, "pending": {State: webhook.Pending}, "next page": {After: 1},
		} {
			for _, whose := range []*uuid.UUID{nil, &h.company} {
				read(name, func() error {
					_, _, err := h.Deliveries(h.Context(), whose, f)
					return err
				})
			}
		}
		read("endpoints", func() error { _, err := h.Endpoints(h.Context(), &h.company); return err })
		list, _, err := h.Deliveries(h.Context(), nil, webhook.DeliveryFilter{ConnectionID: about})
		h.must(err)
		read("delivery", func() error { _, _, err := h.Delivery(h.Context(), nil, list[0].ID); return err })
	})
}
