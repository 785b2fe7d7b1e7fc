package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// nextSecret makes a secret in the client's second slot.
func (a *app) nextSecret(tenant int64) string {
	a.Helper()
	_, value, err := a.sandbox.Generate(tenant, 2)
	if err != nil {
		a.Fatal(err)
	}
	return value
}

// ownConnection connects with a client of the tenant's own, and returns the path of the
// connection.
func (m *member) ownConnection(tenant int) string {
	m.Helper()
	id, secret := m.ownClient(tenant)
	path, _, _ := strings.Cut(m.connectWith(tenant, id, secret).want(m, 303, "/connections/").location, "?")
	m.clock.Add(time.Minute)
	return path
}

// A company replaces the secret of its client, step by step, with mistakes at first.
func TestReplaceClientSecret(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		path := amy.ownConnection(south)
		fresh := a.nextSecret(south)
		amy.says(path, "Client secret", "Replace it")
		page := amy.says(path+"/secret", "Generate next to Client Secret", "The old secret keeps working", "Fieldbridge uses the one that begins with cs1.", "Check and replace")
		instead := hidden(t, page, "instead")
		enter := func(secret string) answer { return amy.post(path+"/secret", "instead", instead, "secret", secret) }

		enter("").want(a, 422, "Enter the new client secret")
		enter("cid.sandboxabc").want(a, 422, "This looks like the client ID")
		enter("ak1.an_app_key").want(a, 422, "This looks like an app key")
		wrong := enter("cs2.stc_wrong_one").want(a, 422, "did not accept this secret for this client ID")
		a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status429, RetryAfter: time.Minute, Times: 1})
		later := enter(fresh).want(a, 503, "The old one stays in use")
		if later.header.Get("Retry-After") == "" {
			t.Error("there is no Retry-After")
		}
		a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status403, Times: 1})
		disabled := enter(fresh).want(a, 409, "does not allow Fieldbridge for this tenant")
		amy.says(path, "Connected", "New client secret did not work", "Nothing was changed")

		done := enter("  "+fresh+"\r\n").want(a, 303, path+"/secret?done=replaced").location
		after := amy.says(done, "The new secret works", "One step is left", "delete the old secret, which begins with cs1", "Fieldbridge uses the one that begins with cs2.")
		enter(fresh).want(a, 303, path+"/secret?done=replaced") // sent twice
		if same := amy.post(path+"/secret", "instead", hidden(t, after, "instead"), "secret", fresh).want(a, 422, "in use already"); strings.Contains(same.body, fresh) {
			t.Error("the secret is shown again")
		}
		amy.says(path, "Client secret replaced", "Delete the old secret")
		for _, body := range []string{wrong.body, later.body, disabled.body, after, a.log.String()} {
			if strings.Contains(body, fresh) || strings.Contains(body, "stc_wrong_one") {
				t.Error("a secret is on a page or in the log")
			}
		}

		if err := a.sandbox.DeleteSecret(south, 1); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			amy.post(path+"/secret/deleted").want(a, 303, path)
		}
		amy.says(path, "Client secret deleted", "Replace it")
		if n := a.count("SELECT count(*) FROM events WHERE kind = 'secret_deleted'"); n != 1 {
			t.Errorf("%d deletions are recorded", n)
		}
		amy.lapse()
		amy.post(path+"/test").want(a, 303)
		amy.says(path, "Last test: passed")
	})
}

// Nobody replaces the secret of another company, or one that our staff enter. No other
// person's form does either.
func TestReplaceClientSecretOfOthers(t *testing.T) {
	a := newApp(t)
	amy, eve := a.signUp("Northgate", "Amy"), a.signUp("Elsewhere", "Eve")
	path := amy.ownConnection(south)
	signIn := amy.connect("sandbox", northgate)
	fresh := a.nextSecret(south)
	sam := a.staff("Sam", accounts.Support)
	asked := a.tokenRequests()
	for who, at := range map[string]struct {
		by   *member
		path string
	}{
		"another company": {eve, path}, "a sign-in": {amy, signIn}, "staff, of the company": {sam, "/staff" + path}, "staff, of a sign-in": {sam, "/staff" + signIn},
	} {
		t.Log(who)
		if at.path != "/staff"+path { // staff may see how old it is, and whom to tell
			at.by.get(at.path+"/secret").want(a, 404)
		}
		at.by.post(at.path+"/secret", "instead", "1", "secret", fresh).want(a, 404)
	}
	eve.post(path+"/secret/deleted").want(a, 404)
	if n := a.tokenRequests(); n != asked {
		t.Errorf("%d secrets were tried", n-asked)
	}
	if n := a.count("SELECT count(*) FROM events WHERE kind IN ('secret_replaced', 'secret_failed', 'secret_deleted')"); n != 0 {
		t.Errorf("%d events", n)
	}
	sam.says("/staff"+path+"/secret", "The company replaces it", "Tell them:")
}

// Staff find an old secret, set a reminder, replace the secret when it is due, and check
// off the old one.
func TestStaffReplaceClientSecret(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, sam := a.signUp("Harbor Line", "Amy"), a.staff("Sam", accounts.Support)
		path := amy.guided(harbor)
		if err := a.sandbox.AddTenant(harbor); err != nil {
			t.Fatal(err)
		}
		id, secret := a.ownClient(harbor)
		desk := "/staff" + path
		sam.post(desk+"/tenant-added").want(a, 303)
		amy.post(path+"/allowed").want(a, 303)
		sam.confirm(desk).want(a, 303)
		sam.post(desk+"/credentials", "client", id, "secret", secret).want(a, 303, desk)
		fresh := a.nextSecret(harbor)

		sam.says(desk, "Secret since", "Replace the secret, or set a reminder")
		sam.says("/staff/secrets", "Harbor Line", "Entered by us", "No reminder")
		sam.says("/staff/secrets?way=own_credentials", "No connection that fits")
		sam.says("/staff/secrets?way=guided&env=sandbox", "Harbor Line")
		sam.says(desk+"/secret", "View Connections", "In three months, unless you choose another day")
		today := a.clock.Now().UTC()
		for day, says := range map[string]string{
			"": "Enter a day", "tomorrow": "Enter a day", today.Format(time.DateOnly): "Choose a day after today", today.AddDate(6, 0, 0).Format(time.DateOnly): "Choose a day within five years",
		} {
			sam.post(desk+"/reminder", "on", day, "action", "set").want(a, 422, says)
		}
		first, due := today.AddDate(0, 6, 0), today.AddDate(0, 3, 0)
		for _, day := range []time.Time{first, due} { // the second one changes it
			sam.post(desk+"/reminder", "on", day.Format(time.DateOnly), "action", "set").want(a, 303, desk+"/secret")
		}
		sam.says(desk+"/secret", "Set for "+due.Format("Jan 2, 2006"))
		sam.says(desk, "Reminder set")
		amy.saysNot(path, "Reminder")
		sam.saysNot("/staff/queue", "Secrets to replace")

		a.clock.Add(due.Sub(today))
		sam.signInAgain()
		sam.says("/staff/queue", "Secrets to replace", "1 reminder", "Harbor Line", "Replace the client secret")
		sam.says("/staff", "1")

		page := sam.get(desk+"/secret").want(a, 200).body
		instead := hidden(t, page, "instead")
		sam.post(desk+"/secret", "instead", instead, "secret", "").want(a, 422, "Enter the new client secret")
		if refused := sam.post(desk+"/secret", "instead", instead, "secret", "cs2.stc_wrong").want(a, 422, "did not accept this secret"); strings.Contains(refused.body, "stc_wrong") {
			t.Error("a secret is shown to staff")
		}
		done := sam.post(desk+"/secret", "instead", instead, "secret", fresh).want(a, 303, desk+"/secret?done=replaced").location
		sam.says(done, "The new secret works", "delete the old secret of this tenant, which begins with cs1", "Keep the one that begins with cs2.")
		sam.saysNot("/staff/queue", "Secrets to replace")
		queue := sam.says("/staff/queue", "Delete the old client secret, which begins with cs1, in the developer portal")
		sam.says("/staff/secrets", "The old one is not deleted yet")
		sam.post("/staff/tasks/"+between(t, queue, `action="/staff/tasks/`, `/done"`)+"/done").want(a, 303)
		sam.saysNot("/staff/secrets", "The old one is not deleted yet")
		amy.post("/signin", "email", amy.email, "password", password).want(a, 303)
		amy.says(path, "Fieldbridge support entered a new client secret", "Fieldbridge support deleted the client secret")
		if strings.Contains(a.log.String(), fresh) || leaks(a.stored(), []string{fresh, secret}) != nil {
			t.Error("the secret is in the log or in the database")
		}

		// A reminder can be checked off, too.
		sam.post(desk+"/reminder", "on", a.clock.Now().UTC().AddDate(0, 1, 0).Format(time.DateOnly), "action", "set").want(a, 303)
		a.clock.Add(32 * 24 * time.Hour)
		sam.signInAgain()
		sam.says("/staff/queue", "Secrets to replace")
		for range 2 {
			sam.post(desk+"/reminder", "action", "end", "back", "queue").want(a, 303, "/staff/queue")
		}
		sam.saysNot("/staff/queue", "Secrets to replace")
		if n := a.count("SELECT count(*) FROM events WHERE kind = 'reminder_ended'"); n != 1 {
			t.Errorf("%d ends are recorded", n)
		}
	})
}

// People replace secrets at a browser, with a mistake, on a phone, and without scripts.
func TestBrowserReplaceClientSecret(t *testing.T) {
	a := newApp(t)
	for _, scripts := range []bool{true, false} {
		tenant := map[bool]int{true: south, false: northgate}[scripts]
		owner := a.signUp(fmt.Sprintf("Northgate %d", tenant), "Dana Whitfield")
		path := owner.ownConnection(tenant)
		fresh := a.nextSecret(int64(tenant))
		c := a.contractor(t)
		if !scripts {
			c.WithoutScripts()
		}
		c.Goto(a.url + "/signin")
		c.signsIn(owner.email, password, "Connections")
		c.Goto(a.url + path)
		c.Click("Replace it", "Your connection keeps working all the time")
		if scripts {
			c.inspect("secret")
		}
		c.Expect("422")
		c.Type("secret", "cs2.stc_wrong")
		c.Click("Check and replace", "did not accept this secret")
		if scripts {
			c.inspect("secret-refused")
			c.Focuses("#secret")
		}
		if value := c.Value(`document.querySelector("#secret").value`); scripts && value != "" {
			t.Errorf("the field shows %q", value)
		}
		c.Type("secret", fresh)
		c.Click("Check and replace", "One step is left")
		if scripts {
			c.inspect("secret-replaced")
		}
		c.Click("I have deleted the old secret", "Client secret deleted")
	}

	sam := a.staffAt(t, "Sam Okafor", accounts.Support)
	sam.Goto(a.url + "/staff/secrets")
	sam.See("2 secrets shown")
	sam.inspect("staff-secrets")
	sam.keepsWhole()
	sam.Click("Northgate 842193311", "The company replaces it")
	sam.inspect("staff-secret-theirs")
	sam.Click("Set reminder", "From that day on, it is in the queue")
	a.exec("UPDATE connections SET way = 'guided'")
	a.exec("UPDATE connections SET old_secret = 'cs1', secret_reminder_at = ? WHERE tenant_id = ?", a.clock.Now().UTC().Add(-time.Hour), northgate)
	sam.Reload()
	sam.See("Check and replace")
	sam.inspect("staff-secret")
	sam.Goto(a.url + "/staff/queue")
	sam.See("Secrets to replace")
	sam.inspect("staff-queue-reminder")
	sam.keepsWhole()
	sam.Click("Done", "There is nothing to do by hand")
}
