package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// invites invites somebody, and returns the path of the link in the mail.
func (m *member) invites(email, role string) string {
	m.Helper()
	m.post("/team/invitations", "email", email, "role", role).want(m, 303, "/team?done=invited")
	return m.link(strings.ToLower(strings.TrimSpace(email)))
}

// follow opens a mailed link and returns the path of its page.
func (b *browser) follow(link string) string {
	b.Helper()
	to := b.get(link).want(b, 303, "/invitations/").location
	if token := strings.TrimPrefix(link, "/invitations/"); strings.Contains(to, token) {
		b.Errorf("the address still has the secret: %s", to)
	}
	return to
}

// A new person opens an invitation, chooses a name and a password, and is a member
// with a proven address.
func TestInvitationPage(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana := a.signUp("Northgate", "Dana Whitfield")
		for _, tt := range []struct{ email, role, says string }{
			{"nobody", "member", "Enter an email address"},
			{"", "member", "Enter an email address"},
			{"jo@northgate.example", "admin", "Choose one"},
			{dana.email, "member", "already on the team"},
		} {
			dana.post("/team/invitations", "email", tt.email, "role", tt.role).want(a, 422, tt.says)
		}
		const jo = "jo@northgate.example"
		link := dana.invites(" JO@northgate.example ", "member")
		mail := a.letter(jo)
		for _, says := range []string{dana.email, "as a member", "only for your address"} {
			if !strings.Contains(mail.Plain, says) || !strings.Contains(mail.HTML, says) {
				t.Errorf("the mail does not say %q: %s", says, mail.Plain)
			}
		}
		if all := mail.Subject + mail.Plain + mail.HTML; strings.Contains(all, "Dana") || strings.Contains(all, "Northgate") {
			t.Errorf("the mail has what was typed: %s", mail.Plain)
		}
		dana.says("/team?done=invited", "The invitation is on its way", "1 person, 1 invitation", "jo@northgate.example", "Invited by Dana today")
		dana.post("/team/invitations", "email", jo, "role", "owner").want(a, 422, "already invited")

		b := &member{browser: a.newBrowser(), email: jo}
		page := b.follow(link)
		b.get(page).want(a, 200, "Join Northgate", "Dana Whitfield", dana.email, jo, "Member", "Create account and join")
		b.post(page, "name", "", "password", "short").want(a, 422, "Enter your name", "at least 12 characters")
		b.post(page, "name", "Jo Park", "password", "northgate northgate").want(a, 422, "easy to guess")
		a.newBrowser().get(page).want(a, 404, "Open the link again")
		b.post(page, "name", "Jo Park", "password", password).want(a, 303, "/connections")
		b.get("/connections").want(a, 200, "Northgate")
		b.get(link).want(a, 404, "no longer works")
		b.get(page).want(a, 404)
		b.says("/team", "Jo Park You", "Member", "Dana Whitfield")
		b.saysNot("/team", "Invite a teammate", "Last seen", "Actions for")
		if log := a.log.String(); strings.Contains(log, strings.TrimPrefix(link, "/invitations/")) || strings.Contains(log, jo) {
			t.Error("the log has the link or the address")
		}

		// Withdrawn, expired, and made-up ones look the same.
		other := dana.invites("kim@northgate.example", "member")
		id := a.lookup("SELECT id FROM invitations WHERE email = 'kim@northgate.example'")
		dana.post("/team/invitations/"+id+"/resend").want(a, 303, "done=resent")
		b.get(other).want(a, 404, "no longer works")
		again := a.link("kim@northgate.example")
		b2 := a.newBrowser()
		open := b2.follow(again)
		dana.post("/team/invitations/"+id+"/withdraw").want(a, 303, "done=withdrawn")
		b2.get(open).want(a, 404, "no longer works")
		b2.post(open, "name", "Kim", "password", password).want(a, 404, "no longer works")
		dana.post("/team/invitations/"+id+"/withdraw").want(a, 404)
		dana.post("/team/invitations/"+id+"/resend").want(a, 404)
		b2.get("/invitations/made-up").want(a, 404, "no longer works")
		b2.get("/invitations/ask").want(a, 404)
		dana.saysNot("/team", "kim@northgate.example")
		late := dana.invites("lee@northgate.example", "owner")
		a.clock.Add(7*24*time.Hour + time.Minute)
		b2.get(late).want(a, 404, "no longer works")
		dana.post("/signin", "email", dana.email, "password", password).want(a, 303)
		dana.says("/team", "Expired", "The link has expired")
	})
}

// A person who has an account joins with it. Nobody else can use the invitation.
func TestInvitationOfSomebodyKnown(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana, jo, eve := a.signUp("Northgate", "Dana"), a.signUp("Blue Sky", "Jo"), a.signUp("Elsewhere", "Eve")
		link := dana.invites(jo.email, "owner")
		if mail := a.letter(jo.email); !strings.Contains(mail.Plain, "You have an account") {
			t.Errorf("the mail says %s", mail.Plain)
		}
		// Somebody else is signed in.
		page := eve.follow(link)
		eve.get(page).want(a, 200, "This invitation is for another address", eve.email, jo.email)
		eve.post(page, "name", "Eve", "password", password).want(a, 303, page)
		name := strings.TrimPrefix(page, "/invitations/")
		eve.post("/signout?next=invitation-"+name).want(a, 303, page)
		// Signed out, the page leads to the sign-in and back.
		eve.get(page).want(a, 200, "You have an account with this address", "/signin?next=invitation-"+name)
		eve.post(page, "name", "Eve", "password", password).want(a, 303, page)
		eve.get("/signin?next=invitation-"+name).want(a, 200)
		eve.post("/signin", "email", jo.email, "password", password, "next", "invitation-"+name).want(a, 303, page)
		eve.get(page).want(a, 200, "Join the company")
		eve.post(page).want(a, 303, "/connections")
		eve.says("/connections", "Northgate")
		eve.says("/team", "Jo You", "Owner", "Dana")
		if n := a.count("SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = ?", eve.email); n != 1 {
			t.Errorf("Eve belongs to %d companies", n)
		}
		for _, next := range []string{"invitation-", "invitation-xyz", "invitation-//evil.example/", "//evil.example"} {
			if to := eve.post("/signout?next="+next).want(a, 303).location; to != "/signin" {
				t.Errorf("signing out leads to %s", to)
			}
		}
	})
}

// A person who has a second step accepts an invitation only after it: the password
// alone changes nothing, and shows nothing.
func TestInvitationAfterTheCode(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana, jo := a.signUp("Northgate", "Dana"), a.signUp("Blue Sky", "Jo")
		jo.turnOnCodes()
		half := &member{browser: a.newBrowser(), email: jo.email, factorKey: jo.factorKey}
		half.post("/signin", "email", jo.email, "password", password).want(a, 303)
		page := half.follow(dana.invites(jo.email, "owner"))
		code := "/signin/code?next=invitation-" + strings.TrimPrefix(page, "/invitations/")
		for _, got := range []answer{half.get(page), half.post(page), half.post(page, "name", "Eve", "password", password)} {
			got.want(a, 303, code)
		}
		if n := a.count("SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = ?", jo.email); n != 1 {
			t.Fatalf("the password alone joined: %d companies", n)
		}
		a.clock.Add(time.Minute)
		half.get(code).want(a, 200)
		half.post("/signin/code", "code", half.code(), "next", strings.TrimPrefix(code, "/signin/code?next=")).want(a, 303, page)
		half.get(page).want(a, 200, "Join the company")
		half.post(page).want(a, 303, "/connections")
		half.says("/team", "Jo You", "Owner")
	})
}

// The page of a company whose deletion has begun leads to another company, or says
// that there is none. It does not lead back to itself.
func TestPagesOfACompanyThatIsBeingDeleted(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana := a.signUp("Northgate", "Dana")
		a.exec("UPDATE companies SET deleted_at = created_at")
		if got := dana.get("/connections"); got.status == 303 {
			t.Errorf("led to %s", got.location)
		}
		if got := dana.post("/team/invitations", "email", "jo@x.example", "role", "owner"); got.status < 400 {
			t.Errorf("invited: status %d", got.status)
		}
	})
}

// Owners change roles and remove people, and everybody but the last owner can leave.
func TestTeamPage(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana := a.signUp("Northgate", "Dana")
		amy, bob := dana.colleague("Amy", accounts.Member), a.signUp("Blue Sky", "Bob")
		of := func(m *member) string {
			return "/team/" + a.lookup("SELECT id FROM users WHERE email = ?", m.email)
		}
		dana.says("/team", "2 people", "Dana You", "Now", "Actions for Amy", "Make owner", "Remove from the company")
		amy.get(of(dana)+"/remove").want(a, 403)
		dana.post(of(amy)+"/role", "role", "root").want(a, 400)
		dana.post(of(bob)+"/role", "role", "owner").want(a, 404)
		dana.get(of(bob)+"/remove").want(a, 404)
		dana.post(of(bob)+"/remove").want(a, 404)
		dana.post(of(dana)+"/role", "role", "member").want(a, 422, "You are the only owner")
		dana.post(of(dana)+"/remove").want(a, 422, "You are the only owner")
		dana.get(of(dana)+"/remove").want(a, 303, "/team/leave")
		dana.says("/team/leave", "You are the only owner")
		company := a.companyOf(dana).String()
		dana.post("/team/leave", "in_company", company).want(a, 422, "You are the only owner")
		dana.post("/team/leave").want(a, 409)

		// A new role ends the person's sessions.
		dana.post(of(amy)+"/role", "role", "owner").want(a, 303, "done=role")
		amy.get("/team").want(a, 303, "/signin")
		amy.post("/signin", "email", amy.email, "password", password).want(a, 303)
		amy.says("/team", "Invite a teammate")
		if mail := a.letter(amy.email); !strings.Contains(mail.Plain, "You are now an owner") || !strings.Contains(mail.Plain, dana.email) || strings.Contains(mail.Plain, "Northgate") {
			t.Errorf("the mail says %s", mail.Plain)
		}
		dana.post(of(dana)+"/role", "role", "member").want(a, 422, "Only another owner can change your role")
		dana.says("/team/leave", "Leave Northgate?")

		// A removed person sees a calm page, and can create a company.
		dana.says(of(amy)+"/remove", "Remove Amy?", "Connections that they made keep working")
		dana.post(of(amy)+"/remove").want(a, 303, "done=removed")
		if mail := a.letter(amy.email); !strings.Contains(mail.Plain, "An owner has removed you") {
			t.Errorf("the mail says %s", mail.Plain)
		}
		amy.get("/connections").want(a, 403, "You do not belong to a company now", "Create a company", "Sign out")
		amy.post("/team/invitations", "email", "x@y.example", "role", "member").want(a, 403)
		amy.get("/companies/new").want(a, 200, "Add a company")
		amy.post("/companies/new", "company", " ").want(a, 422, "Enter the company’s name")
		amy.post("/companies/new", "company", "Amy Air").want(a, 303, "/connections")
		amy.says("/team", "Amy You", "Owner")

		// Leaving leads to another company, if there is one.
		link := dana.invites(amy.email, "member")
		page := amy.follow(link)
		amy.post(page).want(a, 303, "/connections")
		amy.says("/connections", "Northgate")
		amy.post("/team/leave", "in_company", company).want(a, 303, "/connections")
		amy.get("/connections").want(a, 303, "/connections")
		amy.says("/connections", "Amy Air")
	})
}

// A person of two companies switches between them. What began in one company cannot
// end in the other.
func TestSwitchingCompanies(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana, jo := a.signUp("Northgate", "Dana"), a.signUp("Blue Sky", "Jo")
		sky, north := a.companyOf(jo).String(), a.companyOf(dana).String()
		jo.saysNot("/connections", "Switch company")
		jo.says("/connections", "Add a company")
		foreign := dana.connect("sandbox", south)
		jo.post("/company/switch", "to", north).want(a, 404)
		page := jo.follow(dana.invites(jo.email, "owner"))
		jo.post(page).want(a, 303)
		jo.says("/connections", "Switch company", "Blue Sky", "Northgate")
		jo.get(foreign).want(a, 200)

		jo.post("/company/switch", "to", sky).want(a, 303, "/connections")
		jo.get(foreign).want(a, 404)
		jo.post(foreign+"/test").want(a, 404)
		for _, to := range []string{"", "x", "00000000-0000-0000-0000-000000000000", strings.ToUpper(north)} {
			jo.post("/company/switch", "to", to).want(a, 404)
		}

		// An old tab of Blue Sky, in every step of the wizard.
		wizard := jo.get("/connect?how=sign_in&env=sandbox").want(a, 200)
		if hidden(t, wizard.body, "in_company") != sky {
			t.Error("the wizard does not name its company")
		}
		review := jo.post("/connect", "in_company", sky, "env", "sandbox", "how", "sign_in", "tenant", "842193311").want(a, 303, "/connect/review").location
		choice := hidden(t, jo.get(review).want(a, 200).body, "choice")
		authorize := jo.post("/connect/authorize", "in_company", sky, "choice", choice).want(a, 303).location
		back := jo.atServiceTitan(authorize, northgate, "Allow")
		settings := jo.get("/settings").body + jo.get("/settings/delete").body
		for _, action := range []string{"/settings", "/settings/mails", "/settings/delete"} {
			_, form, _ := strings.Cut(settings, `action="`+action+`"`)
			if form, _, _ = strings.Cut(form, "</form>"); !strings.Contains(form, `value="`+sky+`"`) {
				t.Errorf("the form for %s does not name its company", action)
			}
		}
		jo.post("/company/switch", "to", north).want(a, 303)
		before := a.standing()
		jo.post("/settings", "in_company", sky, "name", "Blue Sky Air", "zone", "America/New_York").want(a, 409)
		jo.post("/settings/mails", "in_company", sky).want(a, 409)
		jo.post("/settings/delete", "in_company", sky, "name", "Northgate", "password", password).want(a, 409)
		jo.post("/settings/keep", "in_company", sky).want(a, 409)
		jo.post("/connect/ask", "in_company", sky, "choice", choice).want(a, 409)
		if n := a.count("SELECT count(*) FROM companies WHERE name = 'Blue Sky Air' OR deletion_at IS NOT NULL"); n != 0 {
			t.Error("an old tab changed the settings of another company")
		}
		jo.post("/connect", "in_company", sky, "env", "sandbox", "how", "sign_in", "tenant", "842193311").want(a, 409, "You have switched to another company")
		jo.post("/connect/authorize", "in_company", sky, "choice", choice).want(a, 409)
		jo.post("/connect/authorize", "choice", choice).want(a, 303, "/connect") // the choice is gone
		jo.get(review).want(a, 303, "/connect")
		jo.get(back).want(a, 400, "This link is no longer valid")
		jo.post("/team/invitations", "in_company", sky, "email", "x@y.example", "role", "owner").want(a, 409)
		jo.post("/team/leave", "in_company", sky).want(a, 409)
		a.noEffect(before, "an old tab")
		if n := a.count("SELECT count(*) FROM connections"); n != 1 {
			t.Errorf("%d connections, want Dana's", n)
		}
		// Back in Blue Sky, the authorization is still lost.
		jo.post("/company/switch", "to", sky).want(a, 303)
		jo.get(back).want(a, 400)

		// The page in an old tab notices.
		user := a.lookup("SELECT id FROM users WHERE email = ?", jo.email)
		if got := jo.get("/session").want(a, 200).body; got != user+"/"+sky {
			t.Errorf("the session is %q", got)
		}
		jo.get("/connections").want(a, 200, `data-session="`+user+"/"+sky+`"`)

		// A sign-in leads to the company used last.
		jo.post("/company/switch", "to", north).want(a, 303)
		jo.post("/signout").want(a, 303)
		jo.post("/signin", "email", jo.email, "password", password).want(a, 303)
		jo.says("/team", "Dana")
		// A locked company is not the end of the others.
		a.exec("UPDATE companies SET locked_at = ? WHERE id = ?", a.clock.Now().UTC(), north)
		jo.get("/connections").want(a, 403, "This account is locked", "Your other companies", "Blue Sky")
		jo.post("/company/switch", "to", sky).want(a, 303)
		jo.says("/connections", "Blue Sky")
	})
}
