package support

// This file exports what the tests of package support_test need besides the API.

// Limits and forms.
const (
	CandidatesRead = candidatesRead
	EventsViewed   = eventsViewed
	NoAge          = noAge
)

var (
	Refreshes    = refreshes
	MailsOfStaff = mailsOfStaff
	SecretForms  = secretForms
)

// Methods of Support.
var (
	SupportBrowse        = (*Support).browse
	SecretsOf            = (*Support).secrets
	SupportLook          = (*Support).look
	SupportLookAtCompany = (*Support).lookAtCompany
)
