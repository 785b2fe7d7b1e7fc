package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// page returns the address of a person's page for staff.
func (m *member) page() string {
	m.Helper()
	return m.company() + "/people/" + m.lookup("SELECT id FROM users WHERE email = ?", m.email)
}

// Staff help a person of a company. The company sees that support did it. Staff see
// who did it.
func TestStaffHelpAPerson(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al, bob := a.signUp("Northgate", "Al Owner"), a.signUp("South", "Bob")
		amy := al.colleague("Amy", accounts.Member)
		sam, ada := a.staff("Sam", accounts.Support), a.staff("Ada", accounts.Admin)
		a.exec("UPDATE users SET proven_at = ?, last_sign_in_at = ? WHERE email = ?", a.clock.Now().UTC(), time.Date(2026, time.March, 5, 10, 0, 0, 0, time.UTC), al.email)
		a.exec("UPDATE users SET proven_at = NULL, last_sign_in_at = NULL WHERE email = ?", amy.email)

		sam.says(al.company(), "Al Owner "+al.email, "Owner Active Mar 5", "Amy "+amy.email, "Member Not confirmed Not known None")
		sam.says(al.page(), "Confirmed", "Mar 5", "They are the only owner with access", "Nobody else can manage Northgate", "Second step None")
		sam.says(amy.page(), "Not confirmed", "make sure that it is really theirs")
		sam.saysNot(amy.page(), "Disable", "only owner")

		// Signing out ends all sessions, and the person can sign in again.
		amy.get("/connections").want(a, 200)
		sam.post(amy.page()+"/sign-out").want(a, 303, amy.page()+"?did=signed-out")
		sam.says(amy.page()+"?did=signed-out", "Signed out.", "Signed out everywhere by Sam")
		amy.get("/connections").want(a, 303, "/signin")
		al.get("/connections").want(a, 200)
		amy.post("/signin", "email", amy.email, "password", password).want(a, 303, "/connections")

		// A reset is a mail to the person, and nothing that staff see.
		reset := sam.post(al.page()+"/reset").want(a, 303, al.page()+"?did=reset")
		page := sam.get(reset.location).want(a, 200, "A link is on its way", "Password reset started")
		if strings.Contains(page.body, "token") {
			t.Error("the page has a link")
		}
		if n := a.count("SELECT count(*) FROM account_mails WHERE kind = 'reset' AND recipient = ?", al.email); n != 1 {
			t.Errorf("%d mails", n)
		}
		al.get("/connections").want(a, 200)

		// Only admins disable an account. It takes effect at once and can be undone.
		sam.post(amy.page()+"/disable", "text", "x").want(a, 403)
		ada.says(amy.page()+"/disable", "Disable the account of Amy?", "signed out everywhere", "Connections keep working")
		ada.says(al.page()+"/disable", "They are the only owner with access", "nobody can manage Northgate")
		ada.post(amy.page()+"/disable", "text", " ").want(a, 422, "Write something first")
		amy.get("/connections").want(a, 200)
		ada.get(amy.page()+"/enable").want(a, 303, amy.page())
		ada.post(amy.page()+"/disable", "text", "Her laptop is stolen.").want(a, 303, amy.page())
		amy.get("/connections").want(a, 303, "/signin")
		amy.post("/signin", "email", amy.email, "password", password).want(a, 422)
		ada.says(amy.page(), "Amy Disabled", "Enable the account", "Account disabled by Ada")
		ada.saysNot(amy.page(), "Email a link", "Sign out everywhere")
		ada.says(amy.company(), "Member Disabled", "Her laptop is stolen.")
		sam.says(amy.page(), "An admin of Fieldbridge can enable it")
		sam.post(amy.page()+"/reset").want(a, 404)
		ada.get(amy.page()+"/disable").want(a, 303, amy.page())
		ada.says(amy.page()+"/enable", "Enable the account of Amy?")
		sam.post(amy.page()+"/enable", "text", "x").want(a, 403)
		ada.post(amy.page()+"/enable", "text", "Found again.").want(a, 303, amy.page())
		amy.post("/signin", "email", amy.email, "password", password).want(a, 303, "/connections")

		// What the company sees does not name staff, or say why.
		if n := a.count("SELECT count(*) FROM audit_records WHERE company_id IS NOT NULL AND (actor_name <> 'Fieldbridge support' OR detail <> '')"); n != 0 {
			t.Errorf("%d records name somebody", n)
		}
		if n := a.count("SELECT count(*) FROM audit_records WHERE actor_name = 'Fieldbridge support' AND support_code <> ''"); n != 4 {
			t.Errorf("%d records, want 4", n)
		}

		// A person has a page only below their own company, and staff have none.
		for _, path := range []string{
			strings.Replace(amy.page(), al.company(), bob.company(), 1), al.company() + "/people/" + a.lookup("SELECT id FROM users WHERE email = ?", sam.email), al.company() + "/people/x",
		} {
			ada.get(path).want(a, 404)
			ada.get(path+"/disable").want(a, 404)
			ada.post(path+"/sign-out").want(a, 404)
			ada.post(path+"/reset").want(a, 404)
			ada.post(path+"/disable", "text", "x").want(a, 404)
			ada.post(path+"/enable", "text", "x").want(a, 404)
		}
		sam.get("/staff").want(a, 200)

		// An invitation is sent again for the company that it belongs to, as the owner's.
		al.post("/team/invitations", "email", "ivy@trades.example", "role", "member").want(a, 303)
		invitation := a.lookup("SELECT id FROM invitations WHERE email = 'ivy@trades.example'")
		sam.says(al.company(), "ivy@trades.example Member today at", "Invited Send again")
		sam.post(bob.company()+"/invitations/"+invitation+"/resend").want(a, 404)
		sam.post(al.company()+"/invitations/"+invitation+"/resend").want(a, 303, al.company()+"#invited")
		if n := a.count("SELECT count(*) FROM account_mails WHERE kind = 'invitation' AND recipient = 'ivy@trades.example'"); n != 2 {
			t.Errorf("%d mails", n)
		}
		if n := a.count("SELECT count(*) FROM audit_records WHERE action = 'invitation_resent' AND actor_name = 'Fieldbridge support'"); n != 1 {
			t.Errorf("%d records", n)
		}
		a.clock.Add(8 * 24 * time.Hour)
		sam.signInAgain()
		sam.says(al.company(), "Expired Send again")

		// The search finds people by their address.
		sam.says("/staff/connections?q="+amy.email, "Northgate")
	})
}

func TestBrowserStaffHelpAPerson(t *testing.T) {
	a := newApp(t)
	al := a.signUp("Northgate Heating & Plumbing", "Dana Whitfield")
	amy := al.colleague("Amy Reyes", accounts.Member)
	a.exec("UPDATE users SET proven_at = ?, last_sign_in_at = ?", a.clock.Now().UTC(), a.clock.Now().UTC())
	ada := a.staffAt(t, "Ada Moreno", accounts.Admin)
	ada.Goto(a.url + al.company())
	ada.See("People")
	ada.inspect("staff-company-people")
	ada.Goto(a.url + al.page())
	ada.See("They are the only owner with access")
	ada.inspect("staff-person")
	ada.Click("Sign out everywhere", "All their sessions have ended")
	ada.inspect("staff-person-signed-out")
	ada.Goto(a.url + amy.page() + "/disable")
	ada.See("Disable the account of Amy Reyes?")
	ada.inspect("staff-person-disable")
	ada.Type("text", "Her laptop is stolen.")
	ada.Click("Disable the account", "Enable the account")
	ada.inspect("staff-person-disabled")
}
