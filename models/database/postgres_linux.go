package database

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnanswered lets the kernel close a connection whose other side does not
// acknowledge what was sent (TCP_USER_TIMEOUT). Keepalive alone does not: it
// starts only when nothing is on its way.
func limitUnanswered(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unansweredLimit.Milliseconds())) // #nosec G115 -- a file descriptor fits
	})
	if err != nil {
		return err
	}
	return failed
}
