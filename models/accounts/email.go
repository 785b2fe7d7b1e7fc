package accounts

import (
	"regexp"
	"strings"
)

// maxEmail is the length of the longest address that can receive mail (RFC 5321,
// section 4.5.3.1.3, without the angle brackets).
const maxEmail = 254

// emailForm is the HTML standard's definition of a valid email address, with at
// least one dot in the domain. It allows no comments, quotes, or characters outside
// ASCII.
var emailForm = regexp.MustCompile("^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@" +
	`[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$`)

// ParseEmail returns an address in the form that identifies an account: trimmed and
// in lower case. It returns false if the address is not valid.
func ParseEmail(s string) (string, bool) {
	if len(s) > 4*maxEmail {
		return "", false
	}
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) > maxEmail || !emailForm.MatchString(s) {
		return "", false
	}
	return s, true
}
