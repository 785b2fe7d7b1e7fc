package outbound

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// ErrForbidden says that an address is not on the public internet, and that the
// configuration does not allow it either.
var ErrForbidden = errors.New("the address is not a public one")

// Rules say which addresses may be reached besides the public ones.
type Rules struct {
	// Networks may be reached although they are private.
	Networks []netip.Prefix
	// Loopback allows this machine, for demos.
	Loopback bool
	// Only is the only host that may be reached, with its port. It is empty for all.
	Only string
}

// WithoutNetworks returns the rules for addresses of people who are not the operator.
// The operator's networks are not for them.
func (r Rules) WithoutNetworks() Rules {
	r.Networks = nil
	return r
}

// special are networks that are global unicast by their form, but not public: shared
// and translated addresses, documentation, benchmarks, and what clouds keep for their
// own services. IPv6 outside of 2000::/3 is not public at all.
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"168.63.129.16/32",           // Azure answers every machine's questions there
	"2001::/23", "2001:db8::/32", // among them Teredo, ORCHID, and benchmarks
	"3fff::/20",
)

var (
	publicIPv6 = netip.MustParsePrefix("2000::/3")
	// nat64 and sixToFour hold an IPv4 address, which counts.
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// allows says whether an address may be reached.
func (r Rules) allows(ip netip.Addr) bool {
	ip = ip.Unmap()
	if ip.Zone() != "" {
		return false
	}
	for _, network := range r.Networks {
		if network.Contains(ip) {
			return true
		}
	}
	if r.Loopback && ip.IsLoopback() {
		return true
	}
	return r.allowsPublic(ip)
}

// allowsPublic says whether an address is a public one. If it stands for an IPv4
// address, that one counts.
func (r Rules) allowsPublic(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, network := range special {
		if network.Contains(ip) {
			return false
		}
	}
	whole := ip.As16()
	switch {
	case ip.Is4():
		return true
	case nat64.Contains(ip):
		return r.allows(netip.AddrFrom4([4]byte(whole[12:16])))
	case sixToFour.Contains(ip):
		return r.allows(netip.AddrFrom4([4]byte(whole[2:6])))
	}
	return publicIPv6.Contains(ip)
}

// control refuses a connection to an address that is not allowed. The dialer calls it
// for each address that a name resolves to, just before it connects. plain says that
// the connection has no TLS, which only loopback may do without.
func (r Rules) control(plain bool) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		if network != "tcp4" && network != "tcp6" {
			return fmt.Errorf("%w: %s", ErrForbidden, network)
		}
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return fmt.Errorf("read the address: %w", err)
		}
		ip, err := netip.ParseAddr(host)
		if err != nil || !r.allows(ip) || plain && !ip.Unmap().IsLoopback() {
			return ErrForbidden
		}
		return nil
	}
}
