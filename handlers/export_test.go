package handlers

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
	ForBackEnds             = forBackEnds
)

// Routes returns the table of routes.
func Routes() []Route { return tableOf(Options{}) }

// DemoRoutes returns the table of a demo's routes.
func DemoRoutes() []Route { return tableOf(Options{Demo: new(Demo)}) }

func tableOf(o Options) []Route {
	var table []Route
	for _, r := range (&staffSite{site: &site{Options: o}}).routes() {
		table = append(table, Route{Method: r.method, Path: r.path, Who: r.who})
	}
	return table
}
