package handlers_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// harbor is a tenant that has not been added to the app yet.
const harbor = 738846120

// addStaff makes a staff account, and returns the one-time link's secret.
func (a *app) addStaff(email string, role accounts.StaffRole) string {
	a.Helper()
	link, err := a.accounts().AddStaff(a.Context(), accounts.CommandLine("root"), email, role)
	if err != nil {
		a.Fatal(err)
	}
	return link.Reveal()
}

// accounts opens the accounts in the way that the command line does.
func (a *app) accounts() *accounts.Accounts {
	a.Helper()
	keys, err := seal.Load(a.instance.Keyset)
	if err != nil {
		a.Fatal(err)
	}
	return accounts.New(a.db, keys, 1, accounts.QuickHashes)
}

// staff returns a signed-in staff member.
func (a *app) staff(name string, role accounts.StaffRole) *member {
	a.Helper()
	email := strings.ToLower(name) + "@fieldbridge.example"
	b := a.newBrowser()
	b.choosePassword(a.addStaff(email, role), name, password).want(a, 303, "/staff")
	m := &member{browser: b, email: email}
	m.enrol()
	return m
}

// guided requests a setup, and returns the connection's path.
func (m *member) guided(tenant int) string {
	m.Helper()
	form := m.post("/connect", "env", "sandbox", "how", "guided", "tenant", fmt.Sprint(tenant)).want(m, 303, "/connect/guided").location
	return m.post("/connect/guided", "choice", hidden(m, m.get(form).want(m, 200).body, "choice")).want(m, 303, "/connections/").location
}

// says stops the test unless the page has every word.
func (m *member) says(path string, words ...string) string {
	m.Helper()
	page := m.get(path).want(m, 200)
	for _, part := range words {
		if !strings.Contains(text(page.body), part) {
			m.Fatalf("%s does not say %q:\n%s", path, part, text(page.body))
		}
	}
	return page.body
}

func (m *member) saysNot(path string, words ...string) {
	m.Helper()
	page := text(m.get(path).want(m, 200).body)
	for _, part := range words {
		if strings.Contains(page, part) {
			m.Errorf("%s says %q:\n%s", path, part, page)
		}
	}
}

// The whole setup, from both sides.
func TestGuidedSetup(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, sam := a.signUp("Harbor Line", "Amy"), a.staff("Sam", accounts.Support)
		sam.says("/staff/queue", "No setup is waiting for us")
		path := amy.guided(harbor)
		amy.says(path, "Being set up", "Our turn", "We add your tenant ID", "Setup requested")
		amy.says("/connections", "Being set up", "A setup is under way")
		desk := "/staff" + path
		sam.says("/staff/queue", "Harbor Line", "738846120", "Add the tenant ID to the app")

		// Our step: the tenant ID.
		if err := a.sandbox.AddTenant(harbor); err != nil {
			t.Fatal(err)
		}
		sam.post(desk+"/tenant-added").want(a, 303, desk)
		sam.says("/staff/queue", "No setup is waiting for us", "Their admin allows access")
		if page := amy.says(path, "Your turn", "Connect New App", "Tenant ID added"); !strings.Contains(page, a.url+"/guide/sandbox") {
			t.Error("there is no link to pass on")
		}

		// Their step: allowing the app. If they report it too early, staff send it
		// back.
		amy.post(path+"/allowed").want(a, 303, path)
		sam.post(desk+"/send-back", "problem", "not_allowed").want(a, 303, desk)
		amy.says(path, "still shows Fieldbridge as not connected", "Your turn")
		id, secret := a.ownClient(harbor)
		amy.post(path+"/allowed").want(a, 303, path)
		amy.says(path, "Access allowed", "There is nothing you need to do")
		sam.says(desk, "Amy says that access is allowed")

		// Our step: the confirmation, and the client, with mistakes at first.
		sam.confirm(desk).want(a, 303, desk)
		sam.post(desk+"/credentials", "client", id, "secret", "").want(a, 422, "Enter the client secret")
		refused := sam.post(desk+"/credentials", "client", id, "secret", "cs1.stc_wrong_one").want(a, 422, "did not accept this client ID and secret")
		if strings.Contains(refused.body, "cs1.stc_wrong_one") {
			t.Error("a secret is shown to staff")
		}
		amy.says(path, "Being set up", "Setup not finished yet")
		sam.post(desk+"/credentials", "client", id, "secret", secret).want(a, 303, desk)
		sam.says(desk, "Connected", "By Sam")
		sam.says("/staff/queue", "No setup is waiting for us", "No company has a step to do")
		amy.says(path, "Connected", "Access renews automatically", "Fieldbridge support connected ServiceTitan", "Set up with us")
		amy.saysNot(path, "Sam", "Viewed by staff", "Your turn")
		if n := a.count("SELECT sum(repeats + 1) FROM events WHERE kind = 'staff_viewed' AND staff_name = 'Sam'"); n < 3 {
			t.Errorf("%d views by staff are recorded", n)
		}
		for _, page := range []string{sam.says(desk), sam.says("/staff/queue"), amy.says(path), a.log.String()} {
			if strings.Contains(page, secret) {
				t.Error("the secret is on a page or in the log")
			}
		}

		// It renews automatically. When it ends, we have a task.
		a.clock.Add(16 * time.Minute)
		amy.post(path+"/test").want(a, 303)
		amy.says(path, "Last test: passed")
		sam.get("/staff").want(a, 303, "/signin") // the session was idle for 15 minutes
		sam.signInAgain()
		amy.post(path+"/disconnect").want(a, 303)
		queue := sam.says("/staff/queue", "Delete the client secret in the developer portal", "Did you delete the client secret in the developer portal?", "Not yet")
		task := between(t, queue, `action="/staff/tasks/`, `/done"`)
		sam.post("/staff/tasks/"+task+"/done", "back", "view=late").want(a, 303, "/staff/queue?done=delete_secret&of="+strings.TrimPrefix(path, "/connections/")+"&view=late")
		sam.says("/staff/queue?done=delete_secret", "The client secret is recorded as deleted.")
		sam.post("/staff/tasks/"+task+"/done").want(a, 303, "/staff/queue")
		sam.says("/staff/queue", "There is nothing to do by hand")
		amy.says(path, "Client secret deleted", "Fieldbridge support deleted the client secret")
		if n := a.count("SELECT count(*) FROM events WHERE kind = 'secret_deleted' AND staff_name = 'Sam'"); n != 1 {
			t.Errorf("%d tasks done are recorded, want 1", n)
		}

		// A new request is for the same connection, and the tenant ID is already
		// added.
		if again := amy.guided(harbor); again != path {
			t.Errorf("a new connection %s, want %s", again, path)
		}
		amy.says(path, "Being set up", "Your turn")
	})
}

func between(t testing.TB, s, before, after string) string {
	t.Helper()
	_, rest, ok := strings.Cut(s, before)
	middle, _, ended := strings.Cut(rest, after)
	if !ok || !ended {
		t.Fatalf("no %s…%s in:\n%s", before, after, text(s))
	}
	return middle
}

func TestGuidedSetupWithdrawn(t *testing.T) {
	a := newApp(t)
	amy, sam := a.signUp("Harbor Line", "Amy"), a.staff("Sam", accounts.Support)
	path := amy.guided(harbor)
	if again := amy.guided(harbor); again != path || a.count("SELECT count(*) FROM setups") != 1 {
		t.Error("asked twice, it is not one setup")
	}
	sam.post("/staff"+path+"/send-back", "problem", "tenant_unknown").want(a, 303)
	amy.says(path, "does not know this tenant ID", "Your turn")
	amy.post(path+"/withdraw").want(a, 303, path)
	amy.post(path+"/withdraw").want(a, 303, path)
	amy.says(path, "Disconnected", "was canceled before it was finished", "Amy canceled")
	sam.saysNot("/staff/queue", "Harbor Line")

	path = amy.guided(harbor)
	sam.post("/staff"+path+"/tenant-added").want(a, 303)
	amy.post(path+"/withdraw").want(a, 303)
	sam.says("/staff/queue", "Remove the tenant ID from the app")
	// Buttons of a page that is out of date do no harm.
	for _, button := range []string{"/tenant-added", "/send-back", "/credentials"} {
		sam.post("/staff"+path+button, "problem", "not_allowed", "client", "cid.a", "secret", "cs1.b").want(a, 303)
	}
	amy.post(path+"/allowed").want(a, 303)
	if a.tokenRequests() != 0 {
		t.Error("a withdrawn setup was tried")
	}
}

// The other ways end a setup that is under way.
func TestGuidedSetupOvertaken(t *testing.T) {
	a := newApp(t)
	amy, sam := a.signUp("Northgate", "Amy"), a.staff("Sam", accounts.Support)
	path := amy.guided(northgate)
	if got := amy.connect("sandbox", northgate); got != path {
		t.Errorf("a new connection %s, want %s", got, path)
	}
	amy.says(path, "Connected")
	amy.saysNot(path, "Our turn")
	sam.says("/staff/queue", "No setup is waiting for us")

	// A connection that works keeps working while it is set up again.
	form := amy.post(path+"/reconnect", "how", "guided").want(a, 303, "/connect/guided").location
	amy.post("/connect/guided", "choice", hidden(t, amy.get(form).body, "choice")).want(a, 303, path)
	amy.says(path, "Connected", "Our turn")
	amy.post(path+"/test").want(a, 303)
	amy.says(path, "Last test: passed")
	id, secret := a.ownClient(northgate)
	sam.post("/staff"+path+"/tenant-added").want(a, 303)
	sam.confirm("/staff"+path).want(a, 303)
	sam.post("/staff"+path+"/credentials", "client", id, "secret", secret).want(a, 303)
	amy.says(path, "Set up with us", "Earlier sign-in cleaned up")
	if n := a.sandbox.Count(sandbox.PathRevocation); n != 1 {
		t.Errorf("%d revocations of the old access, want 1", n)
	}
}

// A setup does not reserve a tenant, and does not reveal whose it is.
func TestGuidedSetupOfAnotherCompanysTenant(t *testing.T) {
	a := newApp(t)
	amy, bob, sam := a.signUp("Northgate", "Amy"), a.signUp("Stranger", "Bob"), a.staff("Sam", accounts.Support)
	held := bob.guided(northgate)
	bob.saysNot(held, "another company")
	amy.connect("sandbox", northgate)
	sam.says("/staff/queue", "Tenant belongs to another company")
	id, secret := a.ownClient(northgate)
	desk := "/staff" + held
	sam.post(desk+"/tenant-added").want(a, 303)
	sam.confirm(desk, "despite", "yes").want(a, 303)
	sam.post(desk+"/credentials", "client", id, "secret", secret).want(a, 409, "connected to another company")
	sam.says("/staff/queue", "Another company tried to connect this tenant")
	sam.post(desk+"/send-back", "problem", "tenant_taken").want(a, 303)
	bob.says(held, "another company in Fieldbridge uses it")
	bob.saysNot(held, "Northgate Heating", "Amy")
}

// Staff learn why the client that they entered does not work.
func TestStaffCredentialsRefused(t *testing.T) {
	tests := []struct {
		name   string
		fault  sandbox.Fault
		status int
		says   string
	}{
		{"403", sandbox.Fault{Path: sandbox.PathBusinessUnits, Kind: sandbox.Status403}, 409, "has not allowed Fieldbridge, or has disabled it"},
		{"404", sandbox.Fault{Path: sandbox.PathBusinessUnits, Kind: sandbox.Status404}, 409, "no such tenant in this environment"},
		{"401", sandbox.Fault{Path: sandbox.PathBusinessUnits, Kind: sandbox.Status401}, 409, "check the app key"},
		{"429", sandbox.Fault{Kind: sandbox.Status429, RetryAfter: time.Minute}, 503, "Wait a few minutes"},
		{"503", sandbox.Fault{Kind: sandbox.Status503}, 503, "Wait a minute"},
		{"invalid_scope", sandbox.Fault{Kind: sandbox.CustomToken, Status: 400, ContentType: "application/json", Body: `{"error":"invalid_scope"}`}, 503, "run fieldbridge doctor"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t)
			amy, sam := a.signUp("Northgate", "Amy"), a.staff("Sam", accounts.Support)
			desk := "/staff" + amy.guided(northgate)
			id, secret := a.ownClient(northgate)
			sam.post(desk+"/tenant-added").want(a, 303)
			sam.confirm(desk).want(a, 303)
			a.sandbox.SetFault(tt.fault)
			page := sam.post(desk+"/credentials", "client", id, "secret", secret).want(a, tt.status)
			if !strings.Contains(text(page.body), tt.says) || strings.Contains(page.body, secret) {
				t.Errorf("the page does not say %q, or says the secret: %s", tt.says, text(page.body))
			}
			a.sandbox.ClearFaults()
			sam.post(desk+"/credentials", "client", id, "secret", secret).want(a, 303)
		})
	}
}

// A double click, or two tabs, request one setup.
func TestGuidedSetupAskedForAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Harbor Line", "Amy")
		form := amy.post("/connect", "env", "sandbox", "how", "guided", "tenant", fmt.Sprint(harbor)).want(a, 303).location
		choice := hidden(t, amy.get(form).body, "choice")
		var all sync.WaitGroup
		answers := make([]answer, 8)
		for i := range answers {
			all.Go(func() { answers[i] = amy.post("/connect/guided", "choice", choice) })
		}
		all.Wait()
		for _, got := range answers {
			if got.status != 303 || got.location != answers[0].location {
				t.Errorf("status %d to %s, want %s", got.status, got.location, answers[0].location)
			}
		}
		if n := a.count("SELECT count(*) FROM setups") + a.count("SELECT count(*) FROM connections"); n != 2 {
			t.Errorf("%d setups and connections, want one each", n)
		}
	})
}
