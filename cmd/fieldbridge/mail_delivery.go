package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"
)

// handOver gives a message to the mail server within the mailer's limit. Once the
// server has accepted a message, it counts as sent even if the connection then fails.
// Sent again, it would arrive twice.
func (m *mailer) handOver(ctx context.Context, message *mail.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, m.within())
	defer cancel()
	client, err := m.client()
	if err != nil {
		return err
	}
	connection, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return withoutNames("connect", err)
	}
	// Each of the library's deadlines is for one step. This one is for all of them.
	overdue := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer overdue()
	err = client.SendWithSMTPClient(connection, message)
	if message.IsDelivered() {
		_ = client.CloseWithSMTPClient(connection)
		return nil
	}
	_ = connection.Close()
	return withoutNames("send", err)
}

// deliveryError says at which step a delivery failed. It contains no text from the
// server or the library, because that text quotes addresses.
type deliveryError struct {
	step string
	code int // the server's code (RFC 5321, section 4.2), or 0 without an answer
	why  string
}

func (e *deliveryError) Error() string {
	text := "deliver mail: " + e.step + " failed"
	if e.code != 0 {
		text += ": SMTP " + strconv.Itoa(e.code)
	}
	if e.why != "" {
		text += ": " + e.why
	}
	return text
}

// withoutNames reduces a delivery error to the step, the server's code, and the kind of
// error.
func withoutNames(step string, err error) error {
	e := &deliveryError{step: step}
	if sent, ok := errors.AsType[*mail.SendError](err); ok {
		e.step, e.code = sent.Reason.String(), sent.ErrorCode()
	}
	if answer, ok := errors.AsType[*textproto.Error](err); ok && e.code == 0 {
		e.code = answer.Code
	}
	if e.code != 0 {
		return e
	}
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		e.why = "no answer in time"
	default:
		if broken, ok := errors.AsType[*net.OpError](err); ok && broken.Err != nil {
			e.why = broken.Op + ": " + broken.Err.Error()
		} else {
			e.why = fmt.Sprintf("%T", err)
		}
	}
	return e
}

// dialUntil connects to a server without TLS. The connection ends at the context's
// deadline.
func dialUntil(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	until, ok := ctx.Deadline()
	if !ok {
		return c, nil
	}
	return untilConn{Conn: c, until: until}, nil
}

// untilConn is a connection whose deadlines cannot be later than a given time.
type untilConn struct {
	net.Conn
	until time.Time
}

func (c untilConn) cap(t time.Time) time.Time {
	if t.IsZero() || t.After(c.until) {
		return c.until
	}
	return t
}

// SetDeadline implements net.Conn.
func (c untilConn) SetDeadline(t time.Time) error { return c.Conn.SetDeadline(c.cap(t)) }

// SetReadDeadline implements net.Conn.
func (c untilConn) SetReadDeadline(t time.Time) error { return c.Conn.SetReadDeadline(c.cap(t)) }

// SetWriteDeadline implements net.Conn.
func (c untilConn) SetWriteDeadline(t time.Time) error { return c.Conn.SetWriteDeadline(c.cap(t)) }
