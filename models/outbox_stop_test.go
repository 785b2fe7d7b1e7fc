package models_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// queueMail queues n mails to the owner about a connection.
func queueMail(k *modeltest.Kept, id uuid.UUID, n int) {
	k.Helper()
	c := k.Connection(id)
	k.Write(func(tx *gorm.DB) error {
		return models.AddMails(tx, c, models.MailUpgradeNeeded, models.ReasonNone, slices.Repeat([]string{"amy@northgate.example"}, n), k.DB.Now())
	})
}

// slowOffice is a mail server that holds each mail until deliver is closed.
type slowOffice struct {
	begun   chan uuid.UUID
	deliver chan struct{}
	mu      sync.Mutex
	sent    map[uuid.UUID]int
}

func newSlowOffice() *slowOffice {
	return &slowOffice{begun: make(chan uuid.UUID, 100), deliver: make(chan struct{}), sent: map[uuid.UUID]int{}}
}

func (s *slowOffice) send(ctx context.Context, mail models.OutgoingMail) error {
	s.begun <- mail.ID
	select {
	case <-s.deliver:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent[mail.ID]++
	return nil
}

// If the outbox stops in the middle of a batch, it finishes the mail that it is
// sending and gives the others back. The next instance sends each of those at once,
// and none twice.
func TestOutboxStopsInTheMiddle(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		k.Person("Amy", accounts.Owner)
		id := k.Seed(1, clock.Now(), clock.Now())[0]
		queueMail(k, id, 5)
		office := newSlowOffice()
		ctx, stop := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		go func() {
			models.NewOutbox(db, office.send, slog.New(slog.DiscardHandler)).Run(ctx)
			close(stopped)
		}()
		<-office.begun
		stop()
		close(office.deliver)
		<-stopped
		if n := len(office.sent); n != 1 {
			t.Errorf("%d mails were sent after the stop, want the one under way", n)
		}
		if n := k.Count("SELECT count(*) FROM mails WHERE sent_at IS NULL AND tries = 0"); n != 4 {
			t.Errorf("%d mails were given back, want 4", n)
		}
		next := models.NewOutbox(db, office.send, slog.New(slog.DiscardHandler))
		taken := time.Now()
		list, err := models.OutboxDue(next, t.Context())
		if err != nil || len(list) != 4 {
			t.Fatalf("the next instance gets %d mails at once, error %v", len(list), err)
		}
		models.OutboxDeliverAll(next, t.Context(), list, taken)
		if len(office.sent) != 5 {
			t.Errorf("%d mails were sent", len(office.sent))
		}
		for mail, n := range office.sent {
			if n != 1 {
				t.Errorf("mail %s was sent %d times", mail, n)
			}
		}
	})
}

// The outbox also gives back mails about accounts, which are queued in another
// table.
func TestOutboxGivesBackMailsAboutAccounts(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		k.Person("Amy", accounts.Owner)
		var amy accounts.User
		if err := db.Read(t.Context()).Where("email = ?", "amy@northgate.example").Take(&amy).Error; err != nil {
			t.Fatal(err)
		}
		k.Write(func(tx *gorm.DB) error {
			now := db.Now()
			return tx.Exec("INSERT INTO account_mails (id, user_id, recipient, kind, next_try_at, created_at) VALUES (?, ?, ?, ?, ?, ?)", database.NewID(), amy.ID, amy.Email, accounts.MailSignInTries, now, now).Error
		})
		outbox := models.NewOutbox(db, newSlowOffice().send, slog.New(slog.DiscardHandler))
		list, err := models.OutboxDueToAccounts(outbox, t.Context())
		if err != nil || len(list) != 1 {
			t.Fatalf("%d mails, error %v", len(list), err)
		}
		stopped, stop := context.WithCancel(t.Context())
		stop()
		models.OutboxDeliverAll(outbox, stopped, list, time.Now())
		if n := k.Count("SELECT count(*) FROM account_mails WHERE sent_at IS NULL AND tries = 0"); n != 1 {
			t.Error("the mail was not given back")
		}
	})
}

// A batch that takes longer than its lease gives back the mails that it has not
// started to send, before another instance sends them too.
func TestOutboxKeepsItsLease(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		k.Person("Amy", accounts.Owner)
		id := k.Seed(1, clock.Now(), clock.Now())[0]
		queueMail(k, id, 3)
		office := newSlowOffice()
		close(office.deliver)
		outbox := models.NewOutbox(db, office.send, slog.New(slog.DiscardHandler))
		taken := time.Now()
		list, err := models.OutboxDue(outbox, t.Context())
		if err != nil || len(list) != 3 {
			t.Fatalf("%d mails, error %v", len(list), err)
		}
		models.OutboxDeliverAll(outbox, t.Context(), list, taken.Add(models.DeliverLimit-models.MessageLease))
		if len(office.sent) != 0 {
			t.Errorf("%d mails were sent at the end of their lease", len(office.sent))
		}
		// Mails that another instance has taken by now are not given back again.
		if list, err = models.OutboxDue(outbox, t.Context()); err != nil || len(list) != 3 {
			t.Fatalf("%d mails were given back, error %v", len(list), err)
		}
		k.Write(func(tx *gorm.DB) error {
			return tx.Exec("UPDATE mails SET tries = 7, next_try_at = ?", db.Now().Add(time.Hour)).Error
		})
		models.OutboxDeliverAll(outbox, t.Context(), list, time.Now().Add(-models.MessageLease))
		if n := k.Count("SELECT count(*) FROM mails WHERE tries = 7 AND next_try_at > ?", db.Now().Add(time.Minute)); n != 3 {
			t.Errorf("%d mails are still the other instance's, want 3", n)
		}
	})
}
