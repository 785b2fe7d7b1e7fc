//go:build !linux

package database

import "syscall"

// limitUnanswered does nothing, because the option exists only on Linux. Elsewhere the
// deadlines of queries close the connection.
func limitUnanswered(string, string, syscall.RawConn) error { return nil }
