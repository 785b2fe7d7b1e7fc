package support

// What tests in the package's own folder need besides its API.
const CandidatesRead = candidatesRead
const EventsViewed = eventsViewed
const NoAge = noAge

var DeskBrowse = (*Desk).browse
var DeskLook = (*Desk).look
var DeskLookAtCompany = (*Desk).lookAtCompany
var Refreshes = refreshes
var SecretForms = secretForms
