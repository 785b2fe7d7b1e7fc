// Package connect has what a company does with its connections: the three ways to
// connect, reconnecting, testing, and disconnecting. It also has what the company's
// pages and the API read.
//
// An authorization is a row. It is found by the hash of its state together with a
// value from the session, and one UPDATE claims it. Other requests with the same
// state wait for the result of the request that claimed it. The code is exchanged
// once. A check call proves that the tokens work for the tenant. One transaction
// then saves the connection, the encrypted tokens, and the event.
//
// An owner can ask somebody without an account to connect, by a link. A back end can
// do the same with a connect session. The link belongs to the browser in which it is
// used first, and so do its authorizations.
//
// Tables: asks, authorizations, connect_sessions. It reads those of the packages below.
//
// It imports keeper and the packages below keeper. It cannot import support, so that
// code that serves one company cannot reach a query over all companies. Support,
// keyring, handlers, views, and the commands may import it.
package connect
