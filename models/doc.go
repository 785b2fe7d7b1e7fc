// Package models has the records of connections and the rules of their life
// cycle.
//
// A connection changes its state in one place, Apply. It takes the next state
// from the table in life.go, saves the connection, records the event, and queues
// the messages to back ends and people, all in the caller's transaction. The table in failure.go says
// what each ServiceTitan error means. The table in event.go says who may see each
// kind of event; only staff see a kind that is not in it.
//
// The outbox sends the messages of every channel.
//
// Tables: connections, connection_totals (kept by triggers), checks, events, setups,
// staff_tasks, mails, and renewal_days.
//
// It imports accounts, webhook, outage, and the packages below them. It never opens a credential: that is
// models/keeper's. Every package above may import it, and so may views.
package models
