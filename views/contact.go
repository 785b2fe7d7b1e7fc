package views

import (
	"context"
	"net/url"
	"regexp"
	"strings"
)

// Contact is where people reach Fieldbridge support. Each field may be empty.
type Contact struct {
	Email, Phone string
	// URL is a page with a form, a chat, or other ways.
	URL string
}

// exists reports whether there is any way to reach support.
func (c Contact) exists() bool { return c != Contact{} }

// mailTo returns the link that writes a mail about a support code.
func (c Contact) mailTo(code string) string {
	link := "mailto:" + c.Email
	if code != "" {
		link += "?subject=" + url.PathEscape("Support code "+code)
	}
	return link
}

// letterTo returns the link that writes a mail about a support code with questions to
// answer.
func (c Contact) letterTo(code string) string {
	return c.mailTo(code) + "&body=" + url.PathEscape("Support code: "+code+"\r\n\r\nWhat were you doing?\r\n\r\n\r\nWhat did you expect?\r\n\r\n")
}

// supportCode matches a support code.
var supportCode = regexp.MustCompile(`^FB-[A-Z2-7]{4}-[A-Z2-7]{4}$`)

// IsSupportCode reports whether a text has the form of a support code.
func IsSupportCode(text string) bool { return supportCode.MatchString(text) }

// supportOf returns where people reach support: Fieldbridge's, or that of the
// integration if the configuration names only that. It is the zero Contact if the
// configuration names neither.
func supportOf(ctx context.Context) Contact {
	if c := contactOf(ctx); c.exists() {
		return c
	}
	return integrationOf(ctx).Support
}

// call returns the link that calls the phone number.
func (c Contact) call() string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '+' {
			return r
		}
		return -1
	}, c.Phone)
	return "tel:" + digits
}

// site returns the page's address without what everybody knows.
func (c Contact) site() string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(c.URL, "https://"), "http://"), "/")
}
