package handlers_test

import (
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// A locked company's people and programs are kept out from their next request on.
// Unlocking lets them in again.
func TestLockedCompany(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al, bob := a.signUp("Northgate", "Al Owner"), a.signUp("South", "Bob")
		amy := al.colleague("Amy", accounts.Member)
		sam, ada := a.staff("Sam", accounts.Support), a.staff("Ada", accounts.Admin)
		path, other, company := al.connect("sandbox", northgate), bob.connect("sandbox", south), al.company()
		own, all, his := a.backEnd(al), a.backEnd(nil), a.backEnd(bob)
		token := own.ask(path+"/token").want(a, 200).json(t)["access_token"] // it is in memory from now on
		all.ask(path+"/token").want(a, 200)
		begun := al.begin("sandbox", harbor)

		sam.saysNot(company, "Lock the company")
		ada.says(company+"/lock", "Lock Northgate?", "They can still sign out", "renewed as before", "They wait until it is unlocked")
		ada.get(company+"/unlock").want(a, 303, company)
		ada.post(company+"/lock", "text", "").want(a, 422, "Write something first")
		al.says(path, "Connected")
		sam.says("/staff/connections", "Northgate 842193311")
		ada.post(company+"/lock", "text", "Their owner reports a stolen laptop.", "company_id", bob.company()).want(a, 303, company)
		ada.says(company, "Locked", "The company is locked · since today", "by Ada", "stolen laptop", "Unlock the company")
		sam.says("/staff/connections", "Northgate Locked 842193311", "South 905118274")
		sam.says("/staff"+path, "The company is locked · since today", "stolen laptop", "Tell them: “Your account is locked for now")

		for _, m := range []*member{al, amy} {
			for _, page := range []string{
				"/connections", "/connect", "/connect/review", "/connect/credentials", "/connect/guided", path, path + "/disconnect",
				"/callback?code=x&state=" + parse(t, begun).Query().Get("state"),
			} {
				got := m.get(page).want(a, 403, "This account is locked", "Call Fieldbridge support", "Sign out")
				for _, word := range []string{"Ada", "stolen", "842193311"} {
					if strings.Contains(text(got.body), word) {
						t.Errorf("%s tells %q", page, word)
					}
				}
			}
			for _, button := range []string{"/connect", "/connect/authorize", "/connect/credentials", "/connect/guided", path + "/test", path + "/reconnect", path + "/disconnect", path + "/withdraw"} {
				m.post(button).want(a, 403, "This account is locked")
			}
		}
		al.get("/").want(a, 303, "/connections")
		al.post("/signout").want(a, 303, "/signin")
		al.get(path).want(a, 303, "/signin")
		al.post("/signin", "email", al.email, "password", password).want(a, 303, "/connections")
		al.get("/connections").want(a, 403, "This account is locked")

		for _, b := range []*backEnd{own, all} {
			for _, suffix := range []string{"", "/token"} {
				if body := b.ask(path+suffix).problem(t, 403); body["title"] != "Company locked" || body["access_token"] != nil {
					t.Errorf("got %v", body)
				}
			}
		}
		if body := own.ask("/connections").problem(t, 403); body["title"] != "Company locked" {
			t.Errorf("got %v", body)
		}
		if list := all.ask("/connections").want(a, 200).json(t)["data"].([]any); len(list) != 1 || list[0].(map[string]any)["tenant_id"] != float64(south) {
			t.Errorf("the key for all lists %v", list)
		}
		all.ask(other+"/token").want(a, 200)
		his.ask(other+"/token").want(a, 200)
		bob.says(other, "Connected")

		ada.post(company+"/unlock", "text", " ").want(a, 422)
		ada.post(company+"/unlock", "text", "It is found.").want(a, 303, company)
		ada.says(company, "Lock the company", "It is found.", "stolen laptop", "Account locked", "Account unlocked", "By Ada")
		al.says(path, "Connected", "Fieldbridge support locked the account", "Fieldbridge support unlocked the account")
		al.saysNot(path, "Ada", "stolen", "found")
		bob.saysNot(other, "locked")
		if again := own.ask(path+"/token").want(a, 200).json(t)["access_token"]; again != token {
			t.Error("the token is another one")
		}
		all.ask(path+"/token").want(a, 200)
		if n := a.count("SELECT count(*) FROM authorizations WHERE claimed_at IS NOT NULL"); n != 2 {
			t.Errorf("%d authorizations ended, want the two before the lock", n)
		}
	})
}
