// Package outage tells an outage of ServiceTitan from a problem of one customer. It looks
// at the results of all connections of an environment together.
//
// Callers report each result with Note, which only writes to memory. Every ten seconds, an
// instance shares its new results with the other instances, counts the results of all, and
// compares the counts with a threshold. If too many connections began to fail, the
// environment has an outage. It ends when connections work again, and never because
// nothing was sent.
//
// An outage is about one of ServiceTitan's endpoints: tokens or the API. A row holds
// it, so that it outlasts a restart, and a unique index keeps two instances from beginning
// it twice.
//
// Tables: outages and outage_results.
//
// It imports servicetitan, retry, and database. Models and every package above may
// import it.
package outage
