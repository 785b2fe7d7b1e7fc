package views

import (
	"net/url"
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
