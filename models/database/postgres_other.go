//go:build !linux

package database

import "syscall"

// limitUnanswered does nothing: the option exists on Linux alone, and elsewhere
// the deadlines of queries close the connection.
func limitUnanswered(string, string, syscall.RawConn) error { return nil }
