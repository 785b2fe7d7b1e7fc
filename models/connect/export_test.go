package connect

// What tests in the package's own folder need besides its API.
type (
	Authorization = authorization
	Proven        = grantedAccess
)

var (
	ConnectionsSave = (*Connections).save
	TestsOfCompany  = testsOfCompany
)
