package models

// What tests in the package's own folder need besides its API.
const CompanyAndStaff = companyAndStaff
const DeliverLimit = deliverLimit
const MailDay = mailDay
const MailsADay = mailsADay
const MessageLease = messageLease
const SentShown = sentShown

func (x *Outbox) TransportsField() *map[Channel]transport { return &x.transports }

type Change = change

var AddMails = addMails
var Audiences = audiences
var BelowMailLimit = belowMailLimit
var OutboxDeliver = (*Outbox).deliver
var OutboxDeliverAll = (*Outbox).deliverAll
var OutboxDue = (*Outbox).due
var OutboxDueToAccounts = (*Outbox).dueToAccounts
var QueueMails = queueMails
var QueueWorksAgain = queueWorksAgain
