package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// teammate returns the address of a staff member's page.
func (m *member) teammate() string {
	m.Helper()
	return "/staff/team/" + m.lookup("SELECT id FROM users WHERE email = ?", m.email)
}

// An admin manages staff on the team's page.
func TestStaffTeam(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, ada := a.signUp("Northgate", "Amy"), a.staff("Ada", accounts.Admin)
		ada.says("/staff/team", "Ada You", "Admin", "ada@fieldbridge.example")
		for _, tt := range []struct{ email, role, says string }{
			{"nobody", "support", "Enter an email address"},
			{"", "support", "Enter an email address"},
			{"sam@fieldbridge.example", "owner", "Choose one"},
			{"ADA@fieldbridge.example", "support", "already on the team"},
			{amy.email, "support", "belongs to a member of a company"},
		} {
			ada.post("/staff/team?role=admin", "email", tt.email, "role", tt.role).want(a, 422, tt.says)
		}
		made := ada.post("/staff/team", "email", "Sam@fieldbridge.example", "role", "support", "staff_role", "admin", "id", uuid.NewString()).
			want(a, 200, "A link for sam@fieldbridge.example")
		if !strings.Contains(strings.Join(made.header.Values("Cache-Control"), ","), "no-store") {
			t.Error("the link's page may be kept")
		}
		link := parse(t, fieldValue(t, made.body, "link"))
		token := link.Query().Get("token")
		if link.Path != "/password/reset" || !strings.HasPrefix(link.String(), a.url) || token == "" {
			t.Fatalf("the link is %s", link)
		}
		ada.says("/staff/team", "sam@fieldbridge.example", "No password yet")
		if page := ada.get("/staff/team"); strings.Contains(page.body, token) {
			t.Error("the link is shown twice")
		}
		sam := &member{browser: a.newBrowser(), email: "sam@fieldbridge.example"}
		sam.choosePassword(token, "Sam", password).want(a, 303, "/staff")
		sam.enrol()

		// A new role takes effect at the next request.
		sam.get("/staff/team").want(a, 403)
		ada.post(sam.teammate()+"/role", "role", "admin").want(a, 303, "/staff/team")
		sam.get("/staff/team").want(a, 200)
		ada.post(sam.teammate()+"/role", "role", "support").want(a, 303)
		sam.get("/staff/team").want(a, 403)
		ada.post(sam.teammate()+"/role", "role", "root").want(a, 400)

		// Nobody can do it to themselves.
		for _, what := range []string{"/role", "/link", "/remove"} {
			ada.post(ada.teammate()+what, "role", "support").want(a, 422, "Only another admin can change")
		}
		ada.get(ada.teammate()+"/remove").want(a, 422)
		ada.get("/staff").want(a, 200, "Admin")

		// A new link ends the old sessions and the old password.
		again := ada.post(sam.teammate()+"/link").want(a, 200, "A link for sam@fieldbridge.example")
		second := parse(t, fieldValue(t, again.body, "link")).Query().Get("token")
		sam.get("/staff").want(a, 303, "/signin")
		sam.post("/signin", "email", sam.email, "password", password).want(a, 422)
		sam.choosePassword(second, "Sam", password).want(a, 303, "/staff")
		a.clock.Add(time.Minute)
		sam.post("/staff/factor", "code", sam.code()).want(a, 303, "/staff") // the second factor stays

		// A removed person is out at once, and the record of what they did stays.
		desk := "/staff" + amy.connect("sandbox", northgate)
		sam.post(desk+"/notes", "text", "Sam was here.").want(a, 303)
		ada.says(sam.teammate()+"/remove", "Remove Sam?", "signed out everywhere")
		sam.get("/staff").want(a, 200)
		ada.post(sam.teammate()+"/remove").want(a, 303, "/staff/team")
		sam.get("/staff").want(a, 303, "/signin")
		sam.post("/signin", "email", sam.email, "password", password).want(a, 422)
		ada.saysNot("/staff/team", "sam@fieldbridge.example")
		ada.says(desk, "Sam was here.")
		ada.post(sam.teammate()+"/role", "role", "admin").want(a, 404)
		// Only the command line can add a removed person again.
		ada.post("/staff/team", "email", sam.email, "role", "support").want(a, 422, "was removed from the team", "fieldbridge staff add")
		samID, adaID := strings.TrimPrefix(sam.teammate(), "/staff/team/"), strings.TrimPrefix(ada.teammate(), "/staff/team/")
		ada.says("/staff/team", "Changes to staff and API keys", "Removed from the team: Sam", "by Ada", "Role changed: Sam (admin)", "New link to choose a password: Sam", "by command line (root)")

		log := a.log.String()
		for _, line := range []string{
			`event="staff added" by=` + adaID + ` staff=` + samID + ` role=support`,
			`event="staff role changed" by=` + adaID + ` staff=` + samID + ` role=admin`,
			`event="staff link made" by=` + adaID, `event="staff removed" by=` + adaID,
		} {
			if !strings.Contains(log, line) {
				t.Errorf("the log does not say %s", line)
			}
		}
		if strings.Contains(log, "@fieldbridge.example") {
			t.Error("the log has an email address")
		}
		if strings.Contains(log, token) || strings.Contains(log, second) || strings.Contains(a.stored(), token) {
			t.Error("a link is in the log or the database")
		}
	})
}
