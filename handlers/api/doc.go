// Package api serves the API for back ends: programs that have an API key and no
// session. Each resource has a file, and Routes lists every address.
//
// It may not import models/support, so that no key reaches a query of staff. Only
// handlers imports it, and the command line for the paths that back ends may call.
package api
