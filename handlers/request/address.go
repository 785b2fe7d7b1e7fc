package request

import (
	"net/netip"

	"github.com/labstack/echo/v4"
)

// Address returns the value by which attempts are counted: the address, or for IPv6
// the network of one customer.
func Address(c echo.Context) string {
	text := c.RealIP()
	ip, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return "unknown"
	case ip.Is4():
		return text // it has only one spelling
	}
	if ip = ip.Unmap(); ip.Is6() {
		network, err := ip.WithZone("").Prefix(64)
		if err == nil {
			return network.String()
		}
	}
	return ip.String()
}

// ClientAddress returns the browser's full address.
func ClientAddress(c echo.Context) string {
	text := c.RealIP()
	ip, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return "unknown"
	case ip.Is4():
		return text // it has only one spelling
	}
	return ip.Unmap().WithZone("").String()
}
