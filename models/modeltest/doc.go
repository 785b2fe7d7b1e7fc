// Package modeltest has what tests of several packages share: databases of both
// kinds, a keeper with a sandbox, people, virtual time, processes to kill, and
// checks of invariants. Only tests import it.
package modeltest
