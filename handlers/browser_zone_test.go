package handlers_test

import (
	"crypto/rand"
	"testing"
)

// A new company has the time zone of the browser that created it. A zone that nobody can
// choose, and text that is no zone, leave it in UTC.
func TestNewCompanyHasTheBrowsersZone(t *testing.T) {
	a := newApp(t)
	for _, tt := range []struct{ zone, label string }{
		{"America/Chicago", "Central (Chicago)"},
		{"Asia/Calcutta", "Kolkata"},
		{"Antarctica/Troll", "UTC"},
		{"<b>", "UTC"},
		{"", "UTC"},
	} {
		selected := " selected>" + tt.label
		b := a.newBrowser()
		b.post(b.verifyLink("dana@"+rand.Text()+".example"), "company", "Northgate", "name", "Dana", "password", password, "zone", tt.zone).want(t, 303, "/connections")
		b.get("/settings").want(t, 200, selected)
		b.post("/companies/new", "company", "Southgate", "zone", tt.zone).want(t, 303, "/connections")
		b.get("/settings").want(t, 200, "Southgate", selected)
	}
}
