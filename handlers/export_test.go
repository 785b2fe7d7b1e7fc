package handlers

import (
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/api"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/failure"
)

// Route is a row of the table of routes, for the tests that ask every one of them
// in every role.
type Route struct {
	Method, Path string
	Who          Audience
}

// String returns the method and the path, by which tests know a route.
func (r Route) String() string { return r.Method + " " + r.Path }

// Audience says who may enter a route.
type Audience = audience

// The audiences.
const (
	ForAnyone               = forAnyone
	ForPeople               = forPeople
	ForMembers              = forMembers
	ForOwners               = forOwners
	ForStaff                = forStaff
	ForMembersWithoutFactor = forMembersWithoutFactor
	ForStaffWithoutFactor   = forStaffWithoutFactor
	ForStaffAdmins          = forStaffAdmins
	ForReaders              = forReaders
	ForBackEnds             = forBackEnds
)

// Routes returns the table of routes.
func Routes() []Route { return tableOf(Options{Developers: true}) }

// RoutesWithoutDevelopers returns the table of routes if only our staff make keys.
func RoutesWithoutDevelopers() []Route { return tableOf(Options{}) }

// DemoRoutes returns the table of a demo's routes.
func DemoRoutes() []Route {
	return tableOf(Options{Developers: true, Demo: new(Demo), Director: new(Director)})
}

func tableOf(o Options) []Route {
	var table []Route
	for _, r := range (&staffSite{site: &site{Options: o, api: api.New(api.Options{})}}).routes() {
		table = append(table, Route{Method: r.method, Path: r.path, Who: r.who})
	}
	return table
}

// WaitsForServiceTitan says whether a route has more time, because it waits for several
// answers of ServiceTitan.
func WaitsForServiceTitan(r Route) bool { return waits[r.String()] }

// ErrSession says that data of a session cannot be decoded.
var ErrSession = errSession

// SessionCodec encodes what a session keeps.
type SessionCodec = sessionCodec

// KeptValues returns the values of a session whose fields all differ from zero, and
// the same as programs up to schema 26 keep them.
func KeptValues(user, company uuid.UUID, until time.Time) (now, before map[string]any) {
	k := &kept{
		user: user, company: company, epoch: 3, staff: true, factor: true, elsewhere: true, confirmed: until.Unix(),
		binding: "binding", enrolment: "enrolment", ceremony: `{"challenge":"x"}`,
		choices: encodeChoices([]storedChoice{
			{ID: "A", Choice: models.Choice{Environment: "production", Way: "sign_in", TenantID: 12}},
			{ID: "B", Choice: models.Choice{Environment: "sandbox", Way: "guided", TenantID: 9_999_999_999, ConnectionID: company}},
		}),
		staffTrips: encodeTrips([]keptTrip{{State: "state", Sealed: "sealed", Until: until}}),
	}
	return map[string]any{keyKept: k}, map[string]any{
		"user": user.String(), "company": company.String(), "epoch": 3, "staff": true, "factor": true, "elsewhere": true, "confirmed": until.Unix(),
		"binding": "binding", "enrolment": "enrolment", "ceremony": `{"challenge":"x"}`,
		"choices": `[{"ID":"A","Choice":{"Environment":"production","Way":"sign_in","TenantID":12,"ConnectionID":"00000000-0000-0000-0000-000000000000"}},` +
			`{"ID":"B","Choice":{"Environment":"sandbox","Way":"guided","TenantID":9999999999,"ConnectionID":"` + company.String() + `"}}]`,
		"staff trips": `[{"State":"state","Sealed":"sealed","Until":"` + until.Format(time.RFC3339Nano) + `"}]`,
	}
}

// ReadLists decodes the lists of a session, and returns how many entries they have.
func ReadLists(values map[string]any) int {
	k := keptIn(values)
	return len(decodeChoices(k.choices)) + len(decodeTrips(k.staffTrips))
}

// FailureKinds returns the kinds of failures that pages have.
func FailureKinds() (kinds []failure.Kind) {
	for _, a := range errorAnswers {
		kinds = append(kinds, a.kind)
	}
	for status := 400; status < 600; status++ {
		kinds = append(kinds, kindOfStatus(status))
	}
	return kinds
}
