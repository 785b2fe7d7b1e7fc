package outbound

import (
	"net"
	"net/http"
	"net/netip"
)

// This file exports to the tests in package outbound_test what they need besides the
// package's API.

// AnswerKept is how much of an answer is read.
const AnswerKept = answerKept

// Allows says whether an address may be reached.
func (r Rules) Allows(ip netip.Addr) bool { return r.allows(ip) }

// ResolveWith makes a client resolve names with a resolver.
func (c *Client) ResolveWith(resolver *net.Resolver) {
	for plain, client := range map[bool]*http.Client{false: c.secure, true: c.plain} {
		dialer := &net.Dialer{Timeout: connectLimit, Control: c.rules.control(plain), Resolver: resolver}
		client.Transport.(*http.Transport).DialContext = dialer.DialContext
	}
}
