package models

// What tests in the package's own folder need besides its API.
const (
	CompanyAndStaff = companyAndStaff
	DeliverLimit    = deliverLimit
	MailDay         = mailDay
	MailsADay       = mailsADay
	MessageLease    = messageLease
	SentShown       = sentShown
)

func (x *Outbox) TransportsField() *map[Channel]transport { return &x.transports }

var (
	AddMails            = addMails
	Audiences           = audiences
	BelowMailLimit      = belowMailLimit
	OutboxDeliver       = (*Outbox).deliver
	OutboxDeliverAll    = (*Outbox).deliverAll
	OutboxDue           = (*Outbox).due
	OutboxDueToAccounts = (*Outbox).dueToAccounts
	QueueMails          = queueMails
	QueueWorksAgain     = queueWorksAgain
)
