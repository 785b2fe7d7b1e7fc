package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// An ID has one spelling in paths. On every route with an ID, people who may enter
// get 404 for any other spelling of their own ID, and nothing happens.
func TestRoutesTakeOneSpellingOfAnID(t *testing.T) {
	a := newApp(t)
	al, ada := a.signUp("Northgate", "Al"), a.staff("Ada", accounts.Admin)
	half := a.newBrowser()
	half.choosePassword(a.addStaff("half@fieldbridge.example", accounts.Admin), "Half", password).want(a, 303)
	company, path := a.companyOf(al).String(), al.connect("sandbox", northgate)
	connection := strings.TrimPrefix(path, "/connections/")
	a.addStaff("tess@fieldbridge.example", accounts.Support)
	teammate := a.lookup("SELECT id FROM users WHERE email = 'tess@fieldbridge.example'")
	task := uuid.Must(uuid.NewV7()).String()
	a.exec("INSERT INTO staff_tasks (id, kind, company_id, connection_id, created_at) VALUES (?, 'tenant_conflict', ?, ?, ?)", task, company, connection, a.clock.Now().UTC())
	key := a.keyOf(a.companyOf(al))
	asked := 0
	for _, r := range handlers.Routes() {
		if !strings.Contains(r.Path, ":id") {
			continue
		}
		b := map[handlers.Audience]*browser{
			handlers.ForAnyone: a.newBrowser(), handlers.ForMembers: al.browser, handlers.ForOwners: al.browser,
			handlers.ForStaff: ada.browser, handlers.ForStaffAdmins: ada.browser, handlers.ForStaffWithoutFactor: half,
			handlers.ForBackEnds: a.newBrowser(),
		}[r.Who]
		if b == nil {
			t.Fatalf("%s: nobody is of the audience %q", r, r.Who)
		}
		own := idsFor(r.Path, path, "", company, teammate, task)[0].value
		for name, id := range map[string]string{
			"no ID":           "x",
			"a number":        "1",
			"too short":       own[1:],
			"too long":        own + "0",
			"upper case":      strings.ToUpper(own),
			"braces":          "{" + own + "}",
			"URN":             "urn:uuid:" + own,
			"upper-case URN":  "URN:UUID:" + own,
			"without hyphens": strings.ReplaceAll(own, "-", ""),
			"a space":         own + " ",
		} {
			before := a.traces()
			var form url.Values
			if r.Method == http.MethodPost {
				form, _ = url.ParseQuery(filled[r.String()])
			}
			request := b.request(r.Method, strings.Replace(r.Path, ":id", url.PathEscape(id), 1), form)
			if r.Who == handlers.ForBackEnds {
				request.Header.Set("Authorization", "Bearer "+key)
			}
			if got := b.send(request); got.status != http.StatusNotFound {
				t.Errorf("%s, %s: %d, want 404", r, name, got.status)
			}
			if a.traces() != before {
				t.Errorf("%s, %s: something happened", r, name)
			}
			asked++
		}
	}
	if asked == 0 {
		t.Error("no route has an ID")
	}
}
