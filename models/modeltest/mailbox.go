package modeltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// Person adds somebody to the company.
func (k *Kept) Person(name string, role accounts.Role) uuid.UUID {
	k.Helper()
	id, now := database.NewID(), k.DB.Now()
	k.Write(func(tx *gorm.DB) error {
		return errors.Join(
			tx.Create(&accounts.User{ID: id, Email: strings.ToLower(name) + "@northgate.example", Name: name, ProvenAt: &now, CreatedAt: now}).Error,
			tx.Create(&accounts.Membership{CompanyID: k.CompanyID, UserID: id, Role: role, CreatedAt: k.DB.Now()}).Error,
		)
	})
	return id
}

// Mailbox receives mails, unless it is out of order.
type Mailbox struct {
	mu     sync.Mutex
	Broken bool
	mails  []string
}

// Send receives a mail, or returns an error while the mailbox is out of order.
func (m *Mailbox) Send(_ context.Context, mail models.OutgoingMail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Broken {
		return errors.New("no mail server")
	}
	m.mails = append(m.mails, fmt.Sprintf("%s %s %s", mail.Kind, mail.RecipientName, mail.Reason))
	return nil
}

// Take empties the mailbox, and returns the kind, recipient, and reason of each mail,
// sorted.
func (m *Mailbox) Take() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	mails := m.mails
	m.mails = nil
	slices.Sort(mails)
	return mails
}

// MailTo returns a mail about a connection that waits to be sent.
func MailTo(recipient string, c models.Connection, kind models.MailKind, now time.Time) *models.Mail {
	return &models.Mail{
		ID: database.NewID(), Channel: models.MailChannel, CompanyID: c.CompanyID, ConnectionID: c.ID, Kind: kind, Recipient: recipient,
		NextTryAt: &now, CreatedAt: now,
	}
}
