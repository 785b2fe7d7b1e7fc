package webhook_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// Each message is signed as the specification says, with the new and the old secret
// while one is being replaced. Its ID is the same for every endpoint, attempt, and
// replay.
func TestMessagesAreSigned(t *testing.T) {
	onBoth(t, func(h *hooks) {
		one, two := newReceiver(h.T, nil), newReceiver(h.T, nil)
		e, first := h.add(one.URL)
		_, other := h.add(two.URL)
		h.queue(database.NewID(), "a")
		h.send()
		m := one.all()[0]
		if !strings.HasPrefix(first.Reveal(), "whsec_") || !verified(h.T, first, m) || verified(h.T, other, m) || !verified(h.T, other, two.all()...) {
			h.Errorf("signed %q with %d secrets", m.Signature, len(strings.Fields(m.Signature)))
		}
		checker, _ := standardwebhooks.NewWebhook(first.Reveal())
		if err := checker.Verify([]byte(m.Body), m.Header); err != nil {
			h.Errorf("the library says: %v", err)
		}
		if m.ID != two.all()[0].ID || !strings.HasPrefix(m.ID, "msg_") || strings.Contains(m.ID, ".") || m.Header.Get("Content-Type") != "application/json" {
			h.Errorf("IDs %s and %s, %v", m.ID, two.all()[0].ID, m.Header)
		}
		var body map[string]any
		if err := json.Unmarshal([]byte(m.Body), &body); err != nil || len(body) != 3 || body["type"] != "connection.retrying" || body["data"].(map[string]any)["text"] != "a" {
			h.Errorf("the body is %s", m.Body)
		}
		if at, err := time.Parse(time.RFC3339Nano, body["timestamp"].(string)); err != nil || !at.Equal(h.db.Now()) {
			h.Errorf("the body is %s", m.Body)
		}

		second, err := h.RotateSecret(h.Context(), accounts.Actor{}, nil, e.ID)
		h.must(err)
		list, _, err := h.Deliveries(h.Context(), nil, webhook.DeliveryFilter{EndpointID: e.ID})
		h.must(err)
		h.clock.Add(time.Hour)
		if _, err := h.Replay(h.Context(), accounts.Actor{}, nil, list[0].ID); err != nil {
			h.Fatal(err)
		}
		h.send()
		replayed := one.all()[1]
		if replayed.ID != m.ID || replayed.Body != m.Body || replayed.Timestamp == m.Timestamp {
			h.Errorf("replayed as %+v, before %+v", replayed, m)
		}
		if len(strings.Fields(replayed.Signature)) != 2 || !verified(h.T, first, replayed) || !verified(h.T, second, replayed) {
			h.Errorf("during the rotation: %q", replayed.Signature)
		}
		h.clock.Add(24 * time.Hour)
		h.queue(database.NewID(), "b")
		h.send()
		if last := one.all()[2]; verified(h.T, first, last) || !verified(h.T, second, last) {
			h.Errorf("after the rotation: %q", last.Signature)
		}
	})
}

// texts returns the texts of messages, in the order in which they arrived.
func texts(list []received) (all []string) {
	for _, m := range list {
		var body struct{ Data struct{ Text string } }
		_ = json.Unmarshal([]byte(m.Body), &body)
		all = append(all, body.Data.Text)
	}
	return all
}

// A message that fails holds up those behind it about the same connection, and no
// others. After three days it is given up, and the next one follows.
func TestOrderIsKeptUntilAMessageIsGivenUp(t *testing.T) {
	onBoth(t, func(h *hooks) {
		r := newReceiver(h.T, nil)
		r.answer = func(w http.ResponseWriter, m received) {
			if strings.Contains(m.Body, `"bad"`) {
				http.Error(w, "no \x00\xff thanks", http.StatusInternalServerError)
			}
		}
		e, _ := h.add(r.URL)
		stuck, fine := database.NewID(), database.NewID()
		h.queue(stuck, "bad", "after-1", "after-2")
		h.queue(fine, "1", "2", "3")
		h.send()
		if got := texts(r.all()); len(got) != 4 || slices.Contains(got, "after-1") || !inOrder(got, "1", "2", "3") {
			h.Errorf("arrived: %q", got)
		}
		for shift := range 6 {
			h.queue(fine, "shift-"+strconv.Itoa(shift))
			h.sendLater(12*time.Hour-time.Minute, 719*time.Minute/12)
		}
		if got := texts(r.all()); slices.Contains(got, "after-1") || !inOrder(got, "shift-0", "shift-1", "shift-5") {
			h.Errorf("after three days arrived: %q", got)
		}
		h.queue(fine, "last")
		h.sendLater(2*time.Hour, time.Hour)
		if got := texts(r.all()); !inOrder(got, "bad", "after-1", "after-2") {
			h.Errorf("after three days arrived: %q", got)
		}
		list, more, err := h.Deliveries(h.Context(), nil, webhook.DeliveryFilter{ConnectionID: stuck, State: webhook.GivenUp})
		if err != nil || more || len(list) != 1 {
			h.Fatalf("%d given up, %v", len(list), err)
		}
		d, attempts, err := h.Delivery(h.Context(), nil, list[0].ID)
		h.must(err)
		if len(attempts) != d.Tries || d.Tries < 10 || d.Tries > 80 || attempts[0].Status != 500 || attempts[0].Answer != "no \uFFFD\uFFFD thanks\n" || attempts[0].Error == "" || !strings.Contains(d.Body, `"bad"`) {
			h.Errorf("%d tries of %s, the last %+v", d.Tries, d.Body, attempts[0])
		}
		if age := attempts[0].At.Sub(d.CreatedAt); age < webhook.TriedFor || age > webhook.TriedFor+2*time.Hour {
			h.Errorf("last tried after %s", age)
		}
		if health := h.endpoint(e.ID).Health(); health != webhook.Healthy {
			h.Errorf("the endpoint is %s", health)
		}
	})
}

// inOrder says whether some texts are in a list in this order.
func inOrder(list []string, want ...string) bool {
	at := -1
	for _, text := range want {
		next := slices.Index(list, text)
		if next <= at {
			return false
		}
		at = next
	}
	return true
}

// An endpoint that answers 410 gets nothing more. Once it is resumed, it gets what
// happens from then on, and what is replayed, in order and each message once.
func TestGoneDisablesAnEndpoint(t *testing.T) {
	onBoth(t, func(h *hooks) {
		gone := true
		r := newReceiver(h.T, nil)
		r.answer = func(w http.ResponseWriter, _ received) {
			if gone {
				w.WriteHeader(http.StatusGone)
			}
		}
		e, _ := h.add(r.URL)
		since, about := h.db.Now(), database.NewID()
		h.queue(about, "1", "2")
		h.send()
		h.queue(about, "3")
		h.sendLater(time.Hour, time.Minute)
		if got := texts(r.all()); len(got) != 1 || h.endpoint(e.ID).Health() != webhook.Disabled {
			h.Errorf("arrived: %q, %s", got, h.endpoint(e.ID).Health())
		}
		if n := h.count("SELECT count(*) FROM webhook_deliveries WHERE state <> 'failed'"); n != 0 {
			h.Errorf("%d are not given up", n)
		}
		gone = false
		h.must(h.Resume(h.Context(), accounts.Actor{}, nil, e.ID))
		h.queue(about, "4")
		h.send()
		n, err := h.ReplaySince(h.Context(), accounts.Actor{}, nil, e.ID, since)
		if err != nil || n != 3 {
			h.Errorf("%d replayed, %v", n, err)
		}
		n, err = h.ReplaySince(h.Context(), accounts.Actor{}, nil, e.ID, since)
		if err != nil || n != 0 {
			h.Errorf("%d replayed that were still pending, %v", n, err)
		}
		h.send()
		if got := strings.Join(texts(r.all()[1:]), " "); got != "4 1 2 4" {
			h.Errorf("arrived: %q", got)
		}
		_, err = h.SendTest(h.Context(), accounts.Actor{}, nil, e.ID)
		h.must(err)
		h.send()
		count, err := h.Replayable(h.Context(), nil, e.ID, since)
		h.must(err)
		if n, err = h.ReplaySince(h.Context(), accounts.Actor{}, nil, e.ID, since); err != nil || n != 3 || count != 3 {
			h.Errorf("%d replayed with a test among them, %d announced, %v", n, count, err)
		}
	})
}

// An endpoint that has failed for a day is paused, and those who manage it get one mail.
// A test is still sent. Once one works, everything arrives in order.
func TestEndpointIsPausedAfterADay(t *testing.T) {
	onBoth(t, func(h *hooks) {
		works := false
		r := newReceiver(h.T, nil)
		r.answer = func(w http.ResponseWriter, _ received) {
			if !works {
				w.WriteHeader(http.StatusBadGateway)
			}
		}
		now := h.db.Now()
		h.write(func(tx *gorm.DB) error {
			users := []accounts.User{
				{ID: database.NewID(), Email: "ada@fieldbridge.example", StaffRole: accounts.Admin, ProvenAt: &now},
				{ID: database.NewID(), Email: "sam@fieldbridge.example", StaffRole: accounts.Support, ProvenAt: &now},
				{ID: database.NewID(), Email: "amy@northgate.example", ProvenAt: &now},
			}
			if err := tx.Create(&users).Error; err != nil {
				return err
			}
			return tx.Create(&accounts.Membership{CompanyID: h.company, UserID: users[2].ID, Role: accounts.Owner}).Error
		})
		e, _ := h.add(r.URL)
		own, _, err := h.AddEndpoint(h.Context(), accounts.Actor{}, &h.company, webhook.NewEndpoint{URL: r.URL + "/own"})
		h.must(err)
		about := []uuid.UUID{database.NewID(), database.NewID()}
		h.queue(about[0], "a1", "a2")
		h.queue(about[1], "b1")
		h.send()
		h.sendLater(23*time.Hour, 15*time.Minute)
		if health := h.endpoint(e.ID).Health(); health != webhook.Failing {
			h.Errorf("after 23 hours it is %s", health)
		}
		h.sendLater(5*time.Hour, 15*time.Minute) // the first attempt after a day comes up to 4 hours later
		tries := len(r.all())
		if health := h.endpoint(e.ID).Health(); health != webhook.Paused || tries < 40 || tries > 250 {
			h.Errorf("after a day it is %s, with %d attempts", health, tries)
		}
		var told []string
		h.must(h.db.Read(h.Context()).Raw("SELECT recipient FROM account_mails WHERE kind = 'webhook_paused' ORDER BY recipient").Scan(&told).Error)
		if strings.Join(told, " ") != "ada@fieldbridge.example amy@northgate.example" {
			h.Errorf("told %q", told)
		}
		h.queue(about[0], "a3")
		h.sendLater(5*24*time.Hour, 6*time.Hour)
		if n := len(r.all()); n != tries {
			h.Errorf("%d attempts while it is paused", n-tries)
		}
		test := func() webhook.DeliveryState {
			d, err := h.SendTest(h.Context(), accounts.Actor{}, nil, e.ID)
			h.must(err)
			h.send()
			d, attempts, err := h.Delivery(h.Context(), nil, d.ID)
			h.must(err)
			if len(attempts) != 1 || d.Type != webhook.Ping {
				h.Errorf("%d attempts of a test of type %s", len(attempts), d.Type)
			}
			return d.State
		}
		if state := test(); state != webhook.GivenUp || h.endpoint(e.ID).Health() != webhook.Paused {
			h.Errorf("the first test is %s, and the endpoint %s", state, h.endpoint(e.ID).Health())
		}
		if n := h.count("SELECT count(*) FROM account_mails WHERE kind = 'webhook_paused'"); n != 2 {
			h.Errorf("%d mails", n)
		}
		works = true
		before := len(r.all())
		if state := test(); state != webhook.Delivered {
			h.Errorf("the second test is %s", state)
		}
		h.sendLater(8*time.Hour, time.Hour)
		if got := texts(r.all()[before:]); !inOrder(got, "", "a1", "a2", "a3") || !slices.Contains(got, "b1") || len(got) != 5 || h.endpoint(e.ID).Health() != webhook.Healthy {
			h.Errorf("arrived: %q, and it is %s", got, h.endpoint(e.ID).Health())
		}
		h.must(h.Resume(h.Context(), accounts.Actor{}, &h.company, own.ID))
		h.sendLater(8*time.Hour, time.Hour)
		if n := h.count("SELECT count(*) FROM webhook_deliveries WHERE state = 'pending'"); n != 0 {
			h.Errorf("%d are still pending", n)
		}
	})
}

// An endpoint that asks us to wait gets nothing until then, but an hour at most.
func TestReceiverAsksUsToWait(t *testing.T) {
	for asked, want := range map[string]time.Duration{"600": 10 * time.Minute, "864000": time.Hour} {
		onBoth(t, func(h *hooks) {
			r := newReceiver(h.T, nil)
			r.answer = func(w http.ResponseWriter, _ received) {
				w.Header().Set("Retry-After", asked)
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			h.add(r.URL)
			h.queue(database.NewID(), "a")
			h.send()
			h.queue(database.NewID(), "b")
			h.sendLater(want-time.Minute, want-time.Minute)
			if n := len(r.all()); n != 1 {
				h.Errorf("%d requests before %s were over", n, want)
			}
			h.sendLater(time.Minute, time.Minute)
			if n := len(r.all()); n < 2 {
				h.Errorf("%d requests after %s", n, want)
			}
		})
	}
}
