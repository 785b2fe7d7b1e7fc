package handlers_test

import (
	"strings"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/connect"
)

// furnished knows an address of every page, each with something to show.
type furnished struct {
	*app
	// links holds the pages that a secret opens, with a link that works.
	links map[string]string
	made  map[bool]madeIDs // by whether staff made them
	// The rest are IDs.
	connection, company, person, teammate, ask, code string
}

// furnish makes what the pages show, in the company of an owner and a member that has a
// connection.
func (a *app) furnish(owner, member *member, connection string) *furnished {
	a.Helper()
	person, company := a.teamIDs(owner), a.companyOf(owner)
	return &furnished{
		app: a,
		links: map[string]string{
			"/ask/:token":         owner.asks("sign_in", south),
			"/c/:token":           a.sends(connect.NewSession{Reference: "customer-1"}),
			"/verify/:token":      a.verifyLink("new@northgate.example"),
			"/invitations/:token": owner.invites("jo@northgate.example", "member"),
		},
		made:       map[bool]madeIDs{false: a.madeIDs(&company), true: a.madeIDs(nil)},
		connection: strings.TrimPrefix(connection, "/connections/"),
		company:    company.String(),
		person:     person.member,
		teammate:   a.lookup("SELECT id FROM users WHERE email LIKE 'sam%'"),
		ask:        strings.TrimPrefix(a.askPath(), "/asks/"),
		code:       a.codeOn(member.get(connection + "/disconnect")), // of a failure with everything to name
	}
}

// address returns an address of the page.
func (f *furnished) address(page string) string {
	if link := f.links[page]; link != "" {
		return link
	}
	id := uuid.Max.String()
	switch {
	case strings.Contains(page, "/developers/"):
		below, ofStaff := strings.CutPrefix(page, "/staff")
		kind, _, _ := strings.Cut(strings.TrimPrefix(below, "/developers/"), "/")
		id = f.made[ofStaff][kind]
	case page == "/asks/:id":
		id = f.ask
	case strings.HasPrefix(page, "/connections/"), strings.HasPrefix(page, "/staff/connections/"), strings.HasPrefix(page, "/api/"):
		id = f.connection
	case strings.HasPrefix(page, "/staff/companies/"):
		id = f.company
	case strings.HasPrefix(page, "/team/"):
		id = f.person
	case strings.HasPrefix(page, "/staff/team/"):
		id = f.teammate
	}
	return strings.NewReplacer(":id", id, ":person", f.person, ":environment", "sandbox", ":token", "0123456789abcdef", ":code", f.code).Replace(page)
}

// become signs the person at the browser in as somebody who is signed in elsewhere.
func (c *contractor) become(who *browser) {
	c.Helper()
	c.Cookies(c.app.url, who.client.Jar.Cookies(parse(c.app.T, c.app.url)))
}
