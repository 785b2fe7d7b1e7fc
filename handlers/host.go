package handlers

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/views"
)

// hostKind says how the host of a request relates to the base URL.
type hostKind int

const (
	foreignHost hostKind = iota
	// ownHost is the host of the base URL.
	ownHost
	// otherName is another name of the same address: one with a final dot, or
	// another name of the local machine.
	otherName
)

// hostOf returns the host and port of a Host header or of a URL. The host is in
// lower case. It is empty if the text names no host.
func hostOf(text, scheme string) (host, port string) {
	u, err := url.Parse(scheme + "://" + text)
	if err != nil || u.Host != text || u.Hostname() == "" {
		return "", ""
	}
	host, port = strings.ToLower(u.Hostname()), u.Port()
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.String() // an IPv6 address has several spellings
	}
	if port == "" && scheme == "https" {
		port = "443"
	} else if port == "" {
		port = "80"
	}
	return host, port
}

// kindOfHost compares the Host header of a request with the base URL. It may omit a
// port that the scheme implies, as browsers do.
func kindOfHost(base *url.URL, text string) hostKind {
	ours, ourPort := hostOf(base.Host, base.Scheme)
	host, port := hostOf(text, base.Scheme)
	switch {
	case host == "" || port != ourPort:
		return foreignHost
	case host == ours:
		return ownHost
	}
	host = strings.TrimSuffix(host, ".")
	if host == ours || (isLoopback(host) && isLoopback(ours)) {
		return otherName
	}
	return foreignHost
}

// isLoopback says whether a host is a name of the local machine.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// refuseForeignHosts refuses requests whose Host is not the base URL's. Without it,
// a page elsewhere could reach us through a name of its own that resolves to our
// address (DNS rebinding), and comparing Origin with Host would protect nothing. A
// page that is requested by another name of ours is answered with its proper
// address.
func (s *site) refuseForeignHosts(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.Host == s.BaseURL.Host { // as almost every request has it
			return next(c)
		}
		switch kind := kindOfHost(s.BaseURL, r.Host); {
		case kind == ownHost:
			r.Host = s.BaseURL.Host // in the spelling that browsers use in Origin
			return next(c)
		case kind == otherName && (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.HasPrefix(r.URL.Path, "/"):
			return c.Redirect(http.StatusTemporaryRedirect, s.BaseURL.String()+r.URL.RequestURI())
		}
		return request.ErrForeignHost
	}
}

// notOurAddress answers a request for another host in plain text. It does not
// repeat that host.
func notOurAddress(w http.ResponseWriter, what, address string) {
	say(w, http.StatusMisdirectedRequest, "This is not the address of "+what+". Use "+address+".")
}

// onlyOwnHost refuses requests to the admin listener unless their Host is
// localhost, the host of the listener's configured address, or the IP address at
// which the connection arrived. It does not compare the port, which may be
// forwarded from another one.
func onlyOwnHost(configured string, next http.Handler) http.Handler {
	own, _, _ := net.SplitHostPort(configured)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _ := hostOf(r.Host, "http")
		host = strings.TrimSuffix(host, ".")
		arrived := arrivedAt(r)
		ip, err := netip.ParseAddr(host)
		if host != "" && (isLoopback(host) || strings.EqualFold(host, own) || (err == nil && ip.Unmap() == arrived)) {
			next.ServeHTTP(w, r)
			return
		}
		address := "localhost or the address of FIELDBRIDGE_ADMIN_ADDR"
		if arrived.IsValid() {
			address = "localhost or " + arrived.String()
		}
		notOurAddress(w, "Fieldbridge's health checks and metrics", address)
	})
}

// arrivedAt returns our own IP address of the connection. It is invalid if the
// connection has none.
func arrivedAt(r *http.Request) netip.Addr {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return netip.Addr{}
	}
	at, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// showAddress answers a request for another host with the address to use.
func (s *site) showAddress(c echo.Context) {
	if err := fieldbridge.Render(c, http.StatusMisdirectedRequest, views.Address(s.BaseURL.String(), request.SupportCode(c))); err != nil {
		request.NoteError(c.Request().Context(), slog.LevelError, fmt.Errorf("show address: %w", err))
	}
}
