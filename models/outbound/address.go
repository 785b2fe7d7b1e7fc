package outbound

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// longestURL is the longest URL that is accepted, in bytes.
const longestURL = 500

// AddressError says what is wrong with a URL that somebody typed.
type AddressError struct {
	// Problem completes a sentence that begins with “The address”.
	Problem string
}

// Error names the problem.
func (e *AddressError) Error() string { return "the address " + e.Problem }

// Check returns the URL that somebody typed, or an AddressError. What a name resolves
// to is checked only when it is dialed.
func (r Rules) Check(text string) (*url.URL, error) {
	u, problem := r.parse(text)
	if problem != "" {
		return nil, &AddressError{problem}
	}
	return u, nil
}

func (r Rules) parse(text string) (u *url.URL, problem string) {
	if len(text) > longestURL {
		return nil, "is longer than " + strconv.Itoa(longestURL) + " characters"
	}
	if strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return nil, "has a space or a letter that does not belong in it"
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return nil, "is not a complete one, such as https://example.com/webhooks"
	}
	switch {
	case u.User != nil:
		return nil, "must not have a name or password in it"
	case strings.Contains(text, "#"):
		return nil, "must not have a part after #"
	case r.Only != "" && u.Host != r.Only:
		return nil, "has to be at " + r.Only + ", because anybody can sign in to this demo"
	}
	ip, err := netip.ParseAddr(u.Hostname())
	literal := err == nil
	switch here := u.Hostname() == "localhost" || literal && ip.Unmap().IsLoopback(); {
	case u.Scheme == "http" && here && r.allowsLoopback():
	case u.Scheme != "https":
		return nil, "must begin with https://"
	case here && !r.allowsLoopback(), literal && !r.allows(ip):
		return nil, "is not on the public internet"
	}
	return u, portProblem(u)
}

// allowsLoopback says whether this machine may be reached.
func (r Rules) allowsLoopback() bool { return r.allows(netip.MustParseAddr("127.0.0.1")) }

// portProblem refuses the ports of other services.
func portProblem(u *url.URL) string {
	if u.Port() == "" {
		return ""
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil || port > 65535 || port < 1024 && port != 443 && port != 80 {
		return "has a port that is neither 443 nor one from 1024 to 65535"
	}
	return ""
}
