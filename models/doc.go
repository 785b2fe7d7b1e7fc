// Package models has the records of connections and the rules of their life.
//
// A connection changes its state in one place, Apply: it takes the next state
// from the table in life.go, saves the connection, records the event, and queues
// the messages, all in the caller's transaction. What an error of ServiceTitan's
// means is one table too, in failure.go. Who may see which event is a third, in
// event.go; a kind that is not in it is for staff alone.
//
// Messages leave through the outbox, whatever their channel.
//
// Tables: connections, connection_totals (kept by triggers), events, setups,
// staff_tasks, mails, and renewal_days.
//
// It imports accounts and database. It never opens a credential: that is
// models/keeper's. Every package above may import it, and so may views.
package models
