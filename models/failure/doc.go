// Package failure keeps requests that failed or were refused, so that the support code
// that a person reads out leads to what happened to them.
//
// A row has what the request's log line has, without addresses, without anything that
// was typed, and without secrets: the route, and never the address that was called. Rows
// are written a moment later, in batches, so that no request waits for them.
//
// Tables: failures.
//
// It also reads to which company a connection belongs.
//
// It imports retry and database.
package failure
