package models

import (
	"context"

	"gorm.io/gorm"
)

// This file exports what the tests of package models_test need besides the API.

// Limits and audiences.
const (
	CompanyAndStaff = companyAndStaff
	DeliverLimit    = deliverLimit
	MailDay         = mailDay
	MailsADay       = mailsADay
	MessageLease    = messageLease
	SentShown       = sentShown
)

// Audiences is the table that says who may see each kind of event.
var Audiences = audiences

// PartsOf is the table that says in which parts of a timeline each kind of event is.
var PartsOf = partsOf

// Functions that queue and limit mails.
var (
	AddMails        = addMails
	BelowMailLimit  = belowMailLimit
	QueueMails      = queueMails
	QueueWorksAgain = queueWorksAgain
)

// Methods of Outbox.
var (
	OutboxDeliver       = (*Outbox).deliver
	OutboxDeliverAll    = (*Outbox).deliverAll
	OutboxDue           = (*Outbox).due
	OutboxDueToAccounts = (*Outbox).dueToAccounts
)

// SetTransport makes the outbox send the messages of a channel with send.
func (o *Outbox) SetTransport(channel Channel, send func(context.Context, Mail) error) {
	o.transports[channel] = send
}

// RecipientsOf returns the addresses that get mails about a connection.
func RecipientsOf(tx *gorm.DB, c Connection) ([]string, error) {
	recipients, err := RecipientsFor(tx, []Connection{c})
	return emailsOf(recipients[c.ID]), err
}
