package models

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// Recipient is a person who gets the mails about a connection.
type Recipient struct {
	UserID      uuid.UUID
	Name, Email string
}

// reachable is a person of a company whom mails reach.
type reachable struct {
	Recipient
	CompanyID     uuid.UUID
	Role          accounts.Role
	IncidentMails *bool
}

// chosen reports whether the person gets the mails about a connection. As long as the
// company has chosen nothing, these are its owners and the member who connected.
func (r reachable) chosen(c Connection) bool {
	if r.IncidentMails != nil {
		return *r.IncidentMails
	}
	return r.Role == accounts.Owner || c.ConnectedByID != nil && *c.ConnectedByID == r.UserID
}

// RecipientsFor returns the people whom the companies have chosen to get mails about their
// connections, by connection. If nobody who was chosen can receive a mail, the owners do.
func RecipientsFor(db *gorm.DB, connections []Connection) (map[uuid.UUID][]Recipient, error) {
	companies := make([]uuid.UUID, len(connections))
	for i, c := range connections {
		companies[i] = c.CompanyID
	}
	var people []reachable
	err := db.Raw(`SELECT u.id AS user_id, u.name, u.email, m.company_id, m.role, m.incident_mails
		FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.company_id IN ? AND u.disabled_at IS NULL AND u.proven_at IS NOT NULL AND u.staff_role = '' ORDER BY u.email`, companies).Scan(&people).Error
	if err != nil {
		return nil, fmt.Errorf("find mail recipients: %w", err)
	}
	of := map[uuid.UUID][]reachable{}
	for _, p := range people {
		of[p.CompanyID] = append(of[p.CompanyID], p)
	}
	recipients := make(map[uuid.UUID][]Recipient, len(connections))
	for _, c := range connections {
		var chosen, owners []Recipient
		for _, p := range of[c.CompanyID] {
			if p.chosen(c) {
				chosen = append(chosen, p.Recipient)
			}
			if p.Role == accounts.Owner {
				owners = append(owners, p.Recipient)
			}
		}
		if len(chosen) == 0 {
			chosen = owners
		}
		recipients[c.ID] = chosen
	}
	return recipients, nil
}

// MailRecipients returns the people to whom a mail about an incident of a connection would
// go now.
func MailRecipients(db *gorm.DB, c Connection, now time.Time) ([]Recipient, error) {
	people, err := RecipientsFor(db, []Connection{c})
	if err != nil {
		return nil, err
	}
	to := people[c.ID]
	room, err := InboxRoom(db, emailsOf(to), now)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(to, func(r Recipient) bool { return room[r.Email] == 0 }), nil
}

// emailsOf returns the addresses of people.
func emailsOf(people []Recipient) []string {
	emails := make([]string, len(people))
	for i, p := range people {
		emails[i] = p.Email
	}
	return emails
}

// ReminderOf returns the mail that reminds a company of what it has to do for a
// connection. Setup is the connection's open one, or nil. ok is false if there is nothing
// to do for the company.
func ReminderOf(c Connection, setup *Setup) (kind MailKind, reason Reason, ok bool) {
	switch {
	case c.State == ReconnectNeeded:
		return MailReconnectNeeded, c.Reason, true
	case setup != nil && setup.WaitsFor == TheCompany && setup.Step == StepAddTenant:
		return MailSetupTenant, ReasonNone, true
	case setup != nil && setup.WaitsFor == TheCompany:
		return MailSetupAllow, ReasonNone, true
	case c.UpgradeNeeded && (c.State == Connected || c.State == Degraded):
		return MailUpgradeNeeded, ReasonNone, true
	}
	return "", ReasonNone, false
}

// QueueReminder queues a mail that a person asked for. Unlike the mail at the beginning of
// an incident, it goes out at once.
func QueueReminder(tx *gorm.DB, c Connection, kind MailKind, reason Reason, to []Recipient, now time.Time) error {
	return addMailsDue(tx, c, kind, reason, emailsOf(to), now, now)
}
