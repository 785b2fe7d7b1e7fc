// Package check finds out whether connections work, by calling ServiceTitan's API as an
// integration would. With client credentials, ServiceTitan issues tokens for as long as
// the client exists, even after a tenant has disabled the app.
//
// Run checks every connection from time to time: often while it is in use, and less
// often while it is idle. Ask checks one for a person who waits. Instances share the work
// by leasing what is due, as the keeper does with renewals. Each check takes from the
// tenant's budget of calls, and all of them together keep to a limit of their own.
//
// One failure means little. The next check comes about a minute later, and only if it
// fails too, the connection changes: a permanent refusal ends it, and with a temporary
// failure it counts as retrying. While other tenants are refused in the same way,
// ServiceTitan has an outage, and a refusal counts as temporary.
//
// It writes the table checks, which belongs to models.
//
// It imports keeper and the packages below keeper. Connect, support, keyring, handlers,
// and the commands may import it. Views may not.
package check
