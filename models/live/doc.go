// Package live tells the pages that people keep open when a connection has changed.
//
// It has no tables. It reads those of connections, and asks package accounts whether
// the people may still look. Only handlers and cmd import it.
package live
