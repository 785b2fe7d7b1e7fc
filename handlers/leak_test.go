package handlers_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// traces returns the forms in which a secret might appear.
func traces(secret string) []string {
	found := []string{secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret)))}
	for shift := range 3 {
		// Base64 depends on where in a group of three bytes the secret begins.
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		found = append(found, strings.TrimRight(text[(shift*4+2)/3+1:len(text)-4], "="))
	}
	var utf16 strings.Builder
	for _, r := range secret {
		utf16.WriteRune(r)
		utf16.WriteByte(0)
	}
	return append(found, utf16.String())
}

// leaks returns the first letters of the secrets that a text contains.
func leaks(where string, secrets []string) []string {
	var found []string
	for _, secret := range secrets {
		for _, trace := range traces(secret) {
			if len(trace) >= 8 && strings.Contains(where, trace) {
				found = append(found, secret[:6]+"…")
				break
			}
		}
	}
	return found
}

// stored returns everything that the database holds, as bytes.
func (a *app) stored() string {
	a.Helper()
	if err := a.failures.Flush(a.Context()); err != nil {
		a.Fatal(err)
	}
	var all strings.Builder
	if !strings.HasPrefix(a.database, "postgres") {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			b, err := os.ReadFile(a.database + suffix)
			if err != nil {
				a.Fatal(err)
			}
			all.Write(b)
		}
		return all.String()
	}
	var tables []string
	db := a.db.Read(a.Context())
	if err := db.Raw("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").Scan(&tables).Error; err != nil {
		a.Fatal(err)
	}
	for _, table := range tables {
		var rows []string
		if err := db.Raw("SELECT t::text FROM " + table + " t").Scan(&rows).Error; err != nil {
			a.Fatal(err)
		}
		all.WriteString(strings.Join(rows, "\n"))
	}
	return all.String()
}

// accessToken returns the token that the key reads.
func (a *app) accessToken(key *backEnd, path string) string {
	a.Helper()
	return fmt.Sprint(key.ask(path+"/token").want(a, 200).json(a.T)["access_token"])
}

// The whole life of a connection, with failures on the way, leaves none of its
// secrets in the database, the log, or a page.
func TestNoSecretIsLeftInTheClear(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		var pages strings.Builder
		a.watch = func(page answer) {
			if !strings.Contains(page.request, " /api/") { // the API is there to hand out tokens
				pages.WriteString(page.body)
			}
		}
		amy := a.signUp("A", "Amy")
		secrets := []string{password, amy.cookie(sessionCookie)}
		path := amy.connect("sandbox", northgate)
		amy.lapse()
		amy.post(path+"/test").want(a, 303)
		for _, kind := range []sandbox.FaultKind{sandbox.Status500, sandbox.Garbage, sandbox.ResetBefore, sandbox.Status429} {
			amy.lapse()
			a.sandbox.SetFault(sandbox.Fault{Kind: kind})
			amy.post(path+"/test").want(a, 303)
			a.sandbox.ClearFaults()
		}
		amy.get(amy.atServiceTitan(amy.begin("sandbox", south), south, "Deny")).want(a, 200, "Access was not given")
		amy.get(amy.atServiceTitan(amy.begin("sandbox", south), northgate, "Allow")).want(a, 409)
		back := parse(t, amy.trip("sandbox", south))
		secrets = append(secrets, back.Query().Get("state"))
		forged := back.Query()
		forged.Set("code", "stc_forged_code")
		secrets = append(secrets, "stc_forged_code")
		amy.get("/callback?"+forged.Encode()).want(a, 400)
		a.newBrowser().post("/signin", "email", amy.email, "password", "a wrong but secret try").want(a, 422)
		secrets = append(secrets, "a wrong but secret try")
		amy.get(path).want(a, 200)

		// Client IDs and secrets are entered by the company and by our staff, with
		// and without mistakes.
		id, secret := a.ownClient(south)
		for _, wrong := range []string{"cs1.stc_typed_wrong", "ak1.stc_an_app_key"} {
			amy.connectWith(south, id, wrong).want(a, 422)
			amy.connectWith(south, wrong, secret).want(a, 422)
			secrets = append(secrets, wrong)
		}
		a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503})
		amy.connectWith(south, id, secret).want(a, 503)
		a.sandbox.ClearFaults()
		amy.get(amy.connectWith(south, id, secret).want(a, 303).location).want(a, 200)
		sam, pending := a.staff("Sam", accounts.Support), amy.guided(harbor)
		if err := a.sandbox.AddTenant(harbor); err != nil {
			t.Fatal(err)
		}
		id, secret = a.ownClient(harbor)
		sam.post("/staff"+pending+"/tenant-added").want(a, 303)
		sam.confirm("/staff"+pending).want(a, 303)
		sam.post("/staff"+pending+"/credentials", "client", secret, "secret", id).want(a, 422)
		sam.post("/staff"+pending+"/credentials", "client", id, "secret", "cs1.stc_staff_wrong").want(a, 422)
		sam.post("/staff"+pending+"/credentials", "client", id, "secret", secret).want(a, 303)
		secrets = append(secrets, "cs1.stc_staff_wrong", sam.cookie(sessionCookie))
		sam.get("/staff"+pending).want(a, 200)
		amy.get(pending).want(a, 200)

		// Both secrets are replaced, again with a mistake.
		own := "/connections/" + strings.TrimSpace(a.lookup("SELECT id FROM connections WHERE tenant_id = ?", south))
		for form, by := range map[string]*member{own: amy, "/staff" + pending: sam} {
			tenant := map[*member]int64{amy: south, sam: harbor}[by]
			by.get(form+"/secret").want(a, 200)
			by.post(form+"/secret", "instead", "1", "secret", "cs2.stc_new_but_wrong").want(a, 422)
			by.post(form+"/secret", "instead", "1", "secret", a.nextSecret(tenant)).want(a, 303)
			by.get(form+"/secret?done=replaced").want(a, 200)
		}
		secrets = append(secrets, "cs2.stc_new_but_wrong")
		sam.get("/staff/secrets").want(a, 200)
		sam.get("/staff/queue").want(a, 200)

		// Staff use every support page, and write secrets into notes.
		ada, key := a.staff("Ada", accounts.Admin), a.backEnd(amy)
		a.clock.Add(2 * time.Minute) // ServiceTitan may be asked again
		ada.post("/staff"+path+"/refresh").want(a, 303)
		secrets = append(secrets, ada.cookie(sessionCookie), key.secret)
		for _, typed := range []string{secret, a.instance.ClientSecret, a.instance.AppKey, key.secret, a.accessToken(key, path)} {
			for _, form := range []string{path + "/notes", path + "/disconnect"} {
				ada.post("/staff"+form, "text", "They read out "+typed+" on the phone.").want(a, 422, "They read out [taken out] on the phone.")
			}
			ada.post(amy.company()+"/lock", "text", typed).want(a, 422)
		}
		for _, act := range []string{"/refresh", "/reconnect-link", "/notes"} {
			ada.post("/staff"+path+act, "text", "Called.").want(a, 303)
		}
		a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Garbage})
		ada.post("/staff"+path+"/refresh").want(a, 303)
		a.sandbox.ClearFaults()
		for _, act := range []string{"/lock", "/unlock"} {
			ada.get(amy.company()+act).want(a, 200)
			ada.post(amy.company()+act, "text", "To look into it.").want(a, 303)
		}
		for _, page := range []string{
			"/staff", "/staff" + path, "/staff" + path + "?did=refreshed", "/staff" + path + "?did=link", "/staff" + pending, "/staff" + path + "/disconnect", amy.company(), "/staff/team", sam.teammate() + "/remove",
		} {
			ada.get(page).want(a, 200)
		}

		secrets = append(secrets, a.sandbox.Secrets()...)
		secrets = append(secrets, a.instance.ClientSecret, a.instance.AppKey)
		slices.Sort(secrets)
		secrets = slices.DeleteFunc(slices.Compact(secrets), func(s string) bool { return s == id }) // the client ID was typed as a secret, but is not one
		if len(secrets) < 15 {
			t.Fatalf("only %d secrets were used", len(secrets))
		}
		for where, text := range map[string]string{"database": a.stored(), "log": a.log.String(), "pages": pages.String()} {
			if text == "" {
				t.Errorf("%s: nothing to look through", where)
			}
			if found := leaks(text, secrets); len(found) > 0 {
				t.Errorf("%s holds %q", where, found)
			}
		}

		// Deleted secrets are gone from the database, and the scan finds the ones
		// that are there.
		amy.post(path+"/disconnect").want(a, 303)
		a.exec("INSERT INTO throttles (key, n, reset_at) VALUES (?, 1, ?)", "planted:"+secrets[len(secrets)-1], time.Now().UTC())
		if found := leaks(a.stored(), secrets); len(found) != 1 {
			t.Errorf("the scan found %q, want the one that was planted", found)
		}
		for _, form := range traces("planted secret") {
			if len(leaks("before "+form+" after", []string{"planted secret"})) != 1 {
				t.Errorf("the scan does not find the form %q", form)
			}
		}
	})
}

// After the callback, neither the address nor the next page's referrer contains the
// code.
func TestCodeLeavesNoTrace(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	back := amy.trip("sandbox", northgate)
	code := parse(t, back).Query().Get("code")
	got := amy.get(back).want(a, 303)
	for name, where := range map[string]string{"location": got.location, "page": amy.get(got.location).body, "log": a.log.String()} {
		if strings.Contains(where, code) {
			t.Errorf("the code is in the %s", name)
		}
	}
	if got.header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(strings.Join(got.header.Values("Cache-Control"), ","), "no-store") {
		t.Errorf("headers: %v", got.header)
	}
	for _, line := range strings.Split(a.log.String(), "\n") {
		if strings.Contains(line, "route=/callback") && strings.Contains(line, "?") {
			t.Errorf("the log has the query: %s", line)
		}
	}
}
