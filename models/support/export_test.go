package support

// What tests in the package's own folder need besides its API.
const (
	CandidatesRead = candidatesRead
	EventsViewed   = eventsViewed
	NoAge          = noAge
)

var (
	DeskBrowse        = (*Support).browse
	DeskLook          = (*Support).look
	DeskLookAtCompany = (*Support).lookAtCompany
	Refreshes         = refreshes
	SecretForms       = secretForms
)
