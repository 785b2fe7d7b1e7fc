// Package webhook tells back ends what happens to connections. It follows the
// Standard Webhooks specification.
//
// Queue writes a message in the transaction of the change that it tells of, and a
// delivery for each endpoint that gets it. A change that is rolled back therefore
// leaves no message, and a process that dies loses none. Messages about the same
// connection arrive in the order of its changes: a later one waits until the earlier
// one was delivered or given up. See sender.go for the rules of sending.
//
// Tables: webhook_endpoints, webhook_messages, webhook_deliveries, and
// webhook_attempts.
//
// It imports outbound, accounts, and the packages below them. It knows no connection:
// whoever queues a message says what is in it. The package models, the packages above
// models, views, handlers, and the commands may import it.
package webhook
