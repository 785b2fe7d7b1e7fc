package models

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
)

// person adds somebody to the company.
func (k *kept) person(name string, role Role) uuid.UUID {
	k.Helper()
	id := newID()
	k.write(func(tx *gorm.DB) error {
		return errors.Join(
			tx.Create(&User{ID: id, Email: strings.ToLower(name) + "@northgate.example", Name: name, CreatedAt: k.db.Now()}).Error,
			tx.Create(&Membership{CompanyID: k.companyID, UserID: id, Role: role, CreatedAt: k.db.Now()}).Error,
		)
	})
	return id
}

// mailbox takes what is sent, unless it is out of order.
type mailbox struct {
	mu     sync.Mutex
	broken bool
	mails  []string
}

func (m *mailbox) send(_ context.Context, mail OutgoingMail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken {
		return errors.New("no mail server")
	}
	m.mails = append(m.mails, fmt.Sprintf("%s %s %s", mail.Kind, mail.RecipientName, mail.Reason))
	return nil
}

func (m *mailbox) take() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	mails := m.mails
	m.mails = nil
	slices.Sort(mails)
	return mails
}

// mailTo is a mail about a connection that waits to be sent.
func mailTo(recipient string, c Connection, kind MailKind, now time.Time) *Mail {
	return &Mail{
		ID: newID(), Channel: MailChannel, CompanyID: c.CompanyID, ConnectionID: c.ID, Kind: kind, Recipient: recipient,
		NextTryAt: &now, CreatedAt: now,
	}
}
