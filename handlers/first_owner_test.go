package handlers_test

import (
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
)

// An admin invites the first owner of a company that a back end made. From then on, the
// owners invite others.
func TestFirstOwnerOfAReferredCompany(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam, ada := a.staff("Sam", accounts.Support), a.staff("Ada", accounts.Admin)
		a.sends(connect.NewSession{Reference: "acme-4711"})
		company := a.lookup("SELECT id FROM companies WHERE reference = 'acme-4711'")
		path := "/staff/companies/" + company
		if page := sam.get(path).want(a, 200, "Nobody yet", "acme-4711"); strings.Contains(page.body, "Invite the first owner") {
			t.Error("support staff get the form, too")
		}
		sam.post(path+"/invitations", "email", "dana@northgate.example").want(a, 403)
		ada.get(path).want(a, 200, "Invite the first owner")
		ada.post(path+"/invitations", "email", "dana").want(a, 422, "Enter an email address")
		ada.post(path+"/invitations", "email", "dana@northgate.example").want(a, 303, path)
		ada.get(path).want(a, 200, "dana@northgate.example", "Invited")
		first := a.link("dana@northgate.example")
		ada.post(path+"/invitations", "email", "dana@northgate.example").want(a, 303, path) // again
		link := a.link("dana@northgate.example")
		if mail := a.letter("dana@northgate.example"); !strings.Contains(mail.Plain, "Fieldbridge support invites you to a company, as an owner.") || strings.Contains(mail.Plain, "Northgate Heating") {
			t.Errorf("the mail is %s", mail.Plain)
		}
		a.newBrowser().dead(first)
		dana := &member{browser: a.newBrowser(), email: "dana@northgate.example"}
		at := dana.get(link).want(a, 303).location
		dana.get(at).want(a, 200, "Join Northgate Heating", "Fieldbridge support", "Owner")
		dana.post(at, "name", "Dana", "password", password).want(a, 303, "/connections")
		dana.get("/connections").want(a, 200, "Northgate Heating")
		if n := a.count("SELECT count(*) FROM memberships WHERE company_id = ? AND role = 'owner'", company); n != 1 {
			t.Errorf("%d owners", n)
		}
		ada.get(path).want(a, 200, "Dana")
		ada.post(path+"/invitations", "email", "eve@northgate.example").want(a, 303, path)
		if n := a.count("SELECT count(*) FROM invitations WHERE email = 'eve@northgate.example'"); n != 0 {
			t.Error("staff added an owner to a company that has people")
		}
		dana.post("/team/invitations", "email", "pat@northgate.example", "role", "member").want(a, 303)
	})
}
