package handlers

import (
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
)

// sayUnknownProxy warns once when a request has X-Forwarded-For but its peer is not
// a trusted proxy. All people behind such a proxy count as one address.
func (s *site) sayUnknownProxy() echo.MiddlewareFunc {
	said := new(atomic.Bool) // Echo wraps handlers again for each request
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if r.Header.Get(echo.HeaderXForwardedFor) != "" && !said.Load() && !trusts(s.TrustedProxies, r.RemoteAddr) && said.CompareAndSwap(false, true) {
				s.Log.WarnContext(r.Context(), "a request has X-Forwarded-For, but its peer is not a trusted proxy, so the header is ignored; if the peer is your proxy, add it to FIELDBRIDGE_TRUSTED_PROXIES",
					"peer", request.ClientAddress(c))
			}
			return next(c)
		}
	}
}

// trusts says whether a peer is one of the trusted proxies.
func trusts(proxies []netip.Prefix, peer string) bool {
	at, err := netip.ParseAddrPort(peer)
	if err != nil {
		return false
	}
	ip := at.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}
