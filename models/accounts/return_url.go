package accounts

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

const (
	// longestReturnURL is the length of the longest return URL, in bytes.
	longestReturnURL = 2048
	// returnURLsPerKey is how many return URLs a key may have.
	returnURLsPerKey = 20
)

// errReturnURL says what a return URL has to be.
var errReturnURL = errors.New("it has to be an exact https address without a fragment, or an http address on this computer (loopback)")

// checkReturnURL says what is wrong with an address to which a program may have people
// sent back. The address has to be spelled as browsers spell it, because it is compared
// as a text.
func checkReturnURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case len(text) > longestReturnURL:
		return fmt.Errorf("it is longer than %d characters", longestReturnURL)
	case err != nil, u.String() != text, u.Hostname() == "", u.User != nil, u.Opaque != "", strings.ContainsAny(text, "#\\*"), !isASCII(text):
		return errReturnURL
	case strings.ContainsFunc(u.Hostname(), oddInHost):
		return errReturnURL
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return errReturnURL
	}
	return nil
}

// oddInHost reports whether browsers would spell a character of a host differently, or
// refuse it. Some of these also separate the parts of a Content-Security-Policy.
func oddInHost(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_.:", r)
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// loopback reports whether a host is the computer itself.
func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// parseReturnURLs checks return URLs, and returns each of them once.
func parseReturnURLs(urls []string) ([]string, error) {
	var list []string
	for _, u := range urls {
		if u = strings.TrimSpace(u); u == "" || slices.Contains(list, u) {
			continue
		}
		if err := checkReturnURL(u); err != nil {
			return nil, &ReturnURLError{URL: u, Why: err}
		}
		list = append(list, u)
	}
	if len(list) > returnURLsPerKey {
		return nil, &ReturnURLError{Why: fmt.Errorf("a key may have at most %d return URLs", returnURLsPerKey)}
	}
	return list, nil
}

// ReturnURLError says why a return URL is refused. URL is empty if there are too many.
type ReturnURLError struct {
	URL string
	Why error
}

func (e *ReturnURLError) Error() string {
	if e.URL == "" {
		return e.Why.Error()
	}
	return fmt.Sprintf("%q is not a return URL: %v", e.URL, e.Why)
}

// Unwrap returns the reason.
func (e *ReturnURLError) Unwrap() error { return e.Why }

// ReturnURLList returns the addresses to which the key's program may have people sent
// back.
func (k APIKey) ReturnURLList() []string { return strings.Fields(k.ReturnURLs) }

// MayReturnTo reports whether an address is exactly one of the key's return URLs.
func (k APIKey) MayReturnTo(address string) bool { return slices.Contains(k.ReturnURLList(), address) }
