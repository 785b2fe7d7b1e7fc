// Package connect has what a company does with its connections: the three ways to
// connect, reconnecting, testing, disconnecting, and what its pages and its back
// end read.
//
// An authorization is a row, found by the hash of its state together with a value
// from the session, and claimed by one UPDATE. Whoever comes second waits for the
// first one's result. The code is exchanged once. A check call proves that the
// tokens work for the tenant. Connection, encrypted tokens, and event are then
// saved in one transaction.
//
// Tables: authorizations.
//
// It imports keeper and what is below it. It cannot import support, so that code
// which serves one company cannot reach a query over all companies. Support,
// keyring, handlers, views, and the commands may import it.
package connect
