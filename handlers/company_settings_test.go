package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// Owners change the company's name, its time zone, and who gets mails. Members see
// the settings. Everyone in the company sees times in its zone, and staff see both.
func TestCompanySettings(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al := a.signUp("Northgate", "Al")
		amy := al.colleague("Amy", accounts.Member)
		sam := a.staff("Sam", accounts.Admin)
		path := al.connect("sandbox", northgate)
		al.get("/settings").want(a, 200, "Company name", "Emails about problems", "Delete the company")
		al.post("/settings", "name", "www.evil.example", "zone", "Mars/Olympus").want(a, 422, "Leave web addresses", "Choose one of the time zones")
		al.post("/settings", "name", "  Southgate  & Sons ", "zone", "America/New_York").want(a, 303, "/settings?done=saved")
		al.get("/settings?done=saved").want(a, 200, "The settings are saved.", `value="Southgate & Sons"`)
		seen := amy.get("/settings").want(a, 200, "Southgate & Sons", "Eastern (New York)", "Only owners can change these settings")
		if strings.Contains(seen.body, "<select") || strings.Contains(seen.body, "/settings/delete") {
			t.Error("a member sees a form of owners")
		}
		zone := a.clock.Now().In(accounts.Location("America/New_York")).Format("MST")
		amy.get("/connections").want(a, 200, "Times are shown in "+zone)
		sam.get("/staff/connections?q=southgate").want(a, 200, "Southgate & Sons")
		sam.get("/staff/companies/"+a.companyOf(al).String()).want(a, 200, "in brackets in America/New_York. Their time is ", " "+zone+".")
		sam.get("/staff"+path).want(a, 200, "in brackets in America/New_York", "Their time <b>", " "+zone+"</b>")
		sam.get("/staff/connections").want(a, 200, " UTC</time>")

		id := func(m *member) string { return a.lookup("SELECT id FROM users WHERE email = ?", m.email) }
		al.post("/settings/mails", "listed-"+id(al), "yes", "listed-"+id(amy), "yes").want(a, 422, "Choose at least one person")
		al.post("/settings/mails", "listed-"+id(al), "yes", "listed-"+id(amy), "yes", "mails-"+id(amy), "yes").want(a, 303, "/settings?done=mails")
		if shown := text(amy.get("/settings").want(a, 200).body); !strings.Contains(shown, "Told about problems Amy Only owners") {
			t.Errorf("the recipients are not shown: %s", shown)
		}

		al.get("/activity").want(a, 200, "Renamed the company", "Northgate → Southgate & Sons", "Eastern (New York)", "Turned on emails about problems", "Amy", "Connected", zone)
		al.get("/activity?about=connections").want(a, 200, "Connected")
		if page := al.get("/activity?about=company").want(a, 200, "Renamed"); strings.Contains(page.body, path) {
			t.Error("a connection is among the settings")
		}
	})
}

// The activity as CSV has times in the company's zone, and no formulas.
func TestActivityCSV(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al := a.signUp("Northgate", "Al")
		al.connect("sandbox", northgate)
		al.post("/settings", "name", "=HYPERLINK(1)", "zone", "America/New_York").want(a, 303)
		got := al.get("/activity.csv").want(a, 200)
		if kind := got.header.Get("Content-Type"); kind != "text/csv; charset=utf-8" || !strings.Contains(got.header.Get("Content-Disposition"), "activity-") {
			t.Errorf("headers %v", got.header)
		}
		lines := strings.Split(strings.TrimSpace(got.body), "\r\n")
		offset := a.clock.Now().In(accounts.Location("America/New_York")).Format("-07:00")
		if len(lines) != 4 || lines[0] != `"time","who","action","about","tenant_id","support_code"` || !strings.Contains(lines[1], offset) ||
			!strings.Contains(lines[2], "Renamed the company") || !strings.Contains(lines[3], `"Al","Connected","`) || !strings.Contains(lines[3], `"842193311"`) {
			t.Errorf("%q", lines)
		}
		if strings.Contains(got.body, `"=`) {
			t.Errorf("a formula: %s", got.body)
		}
		limited := 0
		for range 22 {
			if al.get("/activity.csv").status == 429 {
				limited++
			}
		}
		if limited != 3 {
			t.Errorf("%d of 22 were refused", limited)
		}
	})
}

// An owner deletes the company with its name and their password. All owners get a
// mail and any of them can keep it. Until its time everything works.
func TestDeleteCompany(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al := a.signUp("Northgate", "Al")
		otto, amy := al.colleague("Otto", accounts.Owner), al.colleague("Amy", accounts.Member)
		path := al.connect("sandbox", northgate)
		al.get("/settings/delete").want(a, 200, "Delete Northgate?", "Then the connection ends")
		al.post("/settings/delete", "name", "North", "password", password).want(a, 422, "This is not the company’s name")
		al.post("/settings/delete", "name", "Northgate", "password", "wrong").want(a, 422, "This is not your password")
		if n := a.count("SELECT count(*) FROM companies WHERE deletion_at IS NOT NULL"); n != 0 {
			t.Fatal("it will be deleted")
		}
		al.post("/settings/delete", "name", "northgate", "password", password).want(a, 303, "/settings?done=deleted")
		date := a.clock.Now().UTC().Add(accounts.DeletionWait).Format("Jan 2, 2006")
		for _, m := range []*member{al, otto} {
			letter := a.letter(m.email)
			if !strings.Contains(letter.Subject, "will be deleted on "+date) || !strings.Contains(letter.Plain, "842193311") || !strings.Contains(letter.Plain, "Asked by: "+al.email) || strings.Contains(letter.Plain+letter.HTML, "Northgate") {
				t.Errorf("the mail to %s: %+v", m.email, letter)
			}
		}
		if len(a.letters(amy.email)) != 0 {
			t.Error("a member got a mail")
		}
		amy.get(path).want(a, 200, "This company will be deleted on", date, "ask an owner")
		amy.post("/settings/keep").want(a, 403)
		al.get("/settings/delete").want(a, 303, "/settings")
		al.post(path+"/test").want(a, 303)
		sam := a.staff("Sam", accounts.Support)
		sam.get("/staff/companies/"+a.companyOf(al).String()).want(a, 200, "This company will be deleted on "+date)
		sam.get("/staff"+path).want(a, 200, "This company will be deleted on "+date)
		otto.get("/connections").want(a, 200, "Keep this company")
		otto.post("/settings/keep").want(a, 303, "/settings?done=kept")
		if page := otto.get("/settings?done=kept").want(a, 200, "The company is kept"); strings.Contains(page.body, "will be deleted") {
			t.Error("it is still to be deleted")
		}
		al.get("/activity").want(a, 200, "Asked to delete the company", "Kept the company", "Otto")
	})
}

// Wrong passwords are limited before a deletion, too.
func TestDeletionLimitsPasswords(t *testing.T) {
	a := newApp(t)
	al := a.signUp("Northgate", "Al")
	for range 10 {
		al.post("/settings/delete", "name", "Northgate", "password", "wrong").want(a, 422)
	}
	al.post("/settings/delete", "name", "Northgate", "password", password).want(a, 429)
	a.clock.Add(20 * time.Minute)
	al.post("/settings/delete", "name", "Northgate", "password", password).want(a, 303)
}
