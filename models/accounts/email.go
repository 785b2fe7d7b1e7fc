package accounts

import (
	"regexp"
	"strings"
)

// maxEmail is the longest address that can be delivered to (RFC 5321, section
// 4.5.3.1.3, less the angle brackets).
const maxEmail = 254

// The form that HTML gives a valid email address, with a dot required in the
// domain: no comments, no quotes, ASCII only.
var emailForm = regexp.MustCompile("^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@" +
	`[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$`)

// ParseEmail brings an address into the one form that accounts are known by.
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
