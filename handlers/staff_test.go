package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// The staff pages do not exist for other people, nor members' pages for staff.
func TestStaffOnly(t *testing.T) {
	a := newApp(t)
	amy, sam := a.signUp("Northgate", "Amy"), a.staff("Sam", accounts.Support)
	path := amy.guided(northgate)
	before := a.count("SELECT count(*) FROM events")
	for _, page := range []string{"/staff", "/staff" + path} {
		amy.get(page).want(a, 404)
		a.newBrowser().get(page).want(a, 303, "/signin")
	}
	for _, button := range []string{path + "/tenant-added", path + "/send-back", path + "/credentials", "/tasks/" + strings.TrimPrefix(path, "/connections/") + "/done"} {
		amy.post("/staff"+button, "problem", "tenant_unknown", "client", "cid.a", "secret", "cs1.b").want(a, 404)
		a.newBrowser().post("/staff"+button).want(a, 303, "/signin")
	}
	if n := a.count("SELECT count(*) FROM events") - before; n != 0 || a.tokenRequests() != 0 {
		t.Errorf("%d events, %d token requests", n, a.tokenRequests())
	}
	for _, page := range []string{"/connections", "/connect", path, path + "/disconnect"} {
		sam.get(page).want(a, 404)
	}
	sam.post(path+"/disconnect").want(a, 404)
	sam.get("/").want(a, 303, "/staff")
	sam.get("/signin?next=connect").want(a, 303, "/staff")
	sam.get("/staff/connections/01999999-0000-7000-8000-000000000000").want(a, 404)
	sam.post("/staff/tasks/01999999-0000-7000-8000-000000000000/done").want(a, 404)
	for _, trick := range []string{"//staff", "/staff/", "/STAFF", "/staff%2f", "/./staff", "/x/../staff", "/staff;a", "/staff%23"} {
		if got := amy.get(trick); got.status != 404 && got.status != 400 {
			t.Errorf("%s: %d", trick, got.status)
		}
	}
}

// A link works once within two days, and does not sign anybody in by itself.
func TestStaffLink(t *testing.T) {
	a := newApp(t)
	b := a.newBrowser()
	link := a.addStaff("priya@fieldbridge.example", accounts.Admin)
	b.openLink(link)
	b.get("/staff").want(a, 303, "/signin")
	b.post("/signin", "email", "priya@fieldbridge.example", "password", "").want(a, 422)
	b.choosePassword(link, "Priya", "short").want(a, 422, "at least 12")
	b.choosePassword(link, "", password).want(a, 422, "Enter your name")
	b.choosePassword(link, "Priya", password).want(a, 303, "/staff")
	(&member{browser: b, email: "priya@fieldbridge.example"}).enrol()
	b.get("/staff").want(a, 200, "Admin")
	for _, spent := range []string{link, "", "x"} {
		a.newBrowser().get("/password/reset?token="+spent).want(a, 404, "no longer valid")
		a.newBrowser().withLink(spent).post("/password/reset", "link", anyLink, "name", "Eve", "password", password).want(a, 404, "no longer valid")
	}
	if strings.Contains(a.log.String(), link) {
		t.Error("the link is in the log")
	}

	// A new link ends the old sessions and the old password.
	again := a.addStaff("priya@fieldbridge.example", accounts.Support)
	b.get("/staff").want(a, 303, "/signin")
	b.post("/signin", "email", "priya@fieldbridge.example", "password", password).want(a, 422)
	a.clock.Add(49 * time.Hour)
	b.get("/password/reset?token="+again).want(a, 404)
}

// Staff are signed out sooner than members.
func TestStaffSession(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam := a.staff("Sam", accounts.Support)
		for range 47 { // never idle for long
			a.clock.Add(10 * time.Minute)
			sam.get("/staff").want(a, 200)
		}
		a.clock.Add(11 * time.Minute)
		sam.get("/staff").want(a, 303, "/signin") // 8 hours
		sam.signInAgain()
		a.clock.Add(16 * time.Minute)
		sam.get("/staff").want(a, 303, "/signin")
	})
}

// The guide shows the steps and nothing about anybody.
func TestGuideIsPublic(t *testing.T) {
	a := newApp(t)
	b := a.newBrowser()
	for _, env := range []string{"sandbox", "production", "integration"} {
		b.get("/guide/"+env).want(a, 200, "Connect New App")
	}
	b.get("/guide/production").want(a, 200, "https://go.servicetitan.com")
	b.get("/guide/nowhere").want(a, 404)
}
