package support

// This file exports what the tests of package support_test need besides the API.

// Limits and forms.
const (
	CandidatesRead = candidatesRead
	EventsViewed   = eventsViewed
	NoAge          = noAge
)

// ItemKinds is the table of the kinds of items in the queue.
var ItemKinds = itemKinds

// Rules of when items are due.
var (
	ItemDue     = ItemKind.due
	ItemLastDue = ItemKind.lastDue
)

var (
	Refreshes        = refreshes
	RemindersOfStaff = remindersOfStaff
	MailsOfStaff     = mailsOfStaff
	Finds            = finds
)

// Methods of Support.
var (
	QueueAt              = (*Support).queue
	SupportBrowse        = (*Support).browse
	SupportFind          = (*Support).find
	SecretsOf            = (*Support).secrets
	SupportLook          = (*Support).look
	SupportLookAtCompany = (*Support).lookAtCompany
)

// QueueKinds returns every kind of item in the queue.
func QueueKinds() []ItemKind {
	var kinds []ItemKind
	for _, k := range itemKinds {
		kinds = append(kinds, k.kind)
	}
	return kinds
}
