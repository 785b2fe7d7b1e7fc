package handlers_test

import (
	"strings"
	"testing"
)

// A contractor signs up, connects, tests, reconnects, and disconnects.
func TestJourney(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana := a.signUp("Northgate Heating", "Dana Whitfield")
		dana.get("/connections").want(a, 200, "Connect ServiceTitan")

		back := dana.trip("sandbox", northgate)
		done := dana.get(back).want(a, 303, "/connections/").location
		dana.get(done).want(a, 200, "ServiceTitan is connected", "842193311")
		path, _, _ := strings.Cut(done, "?")
		dana.get(path).want(a, 200, "Connected", "Dana Whitfield", "842193311", "Customers and locations")
		dana.get("/connections").want(a, 200, "Northgate", "Connected")

		tested := dana.post(path+"/test").want(a, 303, path).location
		dana.get(tested).want(a, 200, "Test passed")

		review := dana.post(path+"/reconnect").want(a, 303, "/connect/review").location
		page := dana.get(review).want(a, 200, "Reconnect")
		authorize := dana.post("/connect/authorize", "choice", hidden(a, page.body, "choice")).want(a, 303).location
		again := dana.get(dana.atServiceTitan(authorize, northgate, "Allow")).want(a, 303).location
		if !strings.HasPrefix(again, path) {
			t.Fatalf("reconnected to %s, want %s", again, path)
		}
		dana.get(path).want(a, 200, "Reconnected")
		if n := a.sandbox.Count("/connect/revocation"); n != 1 {
			t.Errorf("%d revocations after the reconnect, want 1: the old refresh token", n)
		}

		dana.get(path+"/disconnect").want(a, 200, "Disconnect")
		dana.post(path+"/disconnect").want(a, 303, path)
		dana.get(path).want(a, 200, "Disconnected")
		if n := a.count("SELECT count(*) FROM credentials"); n != 0 {
			t.Errorf("%d credentials are left", n)
		}
		if n := a.sandbox.Count("/connect/revocation"); n != 2 {
			t.Errorf("%d revocations after the disconnect, want 2", n)
		}

		// Connecting the same tenant again continues the same connection with its
		// history.
		if again := dana.connect("sandbox", northgate); again != path {
			t.Errorf("connected as %s, want %s", again, path)
		}
		if n := a.count("SELECT count(*) FROM connections"); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
		dana.post("/signout").want(a, 303, "/signin")
		dana.get(path).want(a, 303, "/signin")
	})
}

// The wizard offers the ways that the configuration lists, and recommends the first
// one. A way that is not offered does not exist.
func TestWaysOffered(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	page := amy.says("/connect", "Can you sign in to ServiceTitan as an admin?", "Yes, I can Recommended", "Someone else can", "Set it up with us", "I have a client ID and secret")
	if strings.Count(page, "Recommended") != 1 {
		t.Error("not one way is recommended")
	}
	if strings.Contains(strings.ToLower(text(page)), "app key") {
		t.Error("the app key is asked for")
	}
	for _, way := range []string{"", "password", "sign_in "} {
		amy.post("/connect", "env", "sandbox", "how", way+"x", "tenant", "842193311").want(a, 422)
	}
	// The forms of one way do not accept the choice of another.
	choice := hidden(t, amy.get(amy.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", "842193311").location).body, "choice")
	amy.get("/connect/credentials?choice="+choice).want(a, 303, "/connect")
	amy.get("/connect/guided?choice="+choice).want(a, 303, "/connect")
	amy.post("/connect/guided", "choice", choice).want(a, 303, "/connect")
	if n := a.count("SELECT count(*) FROM connections"); n != 0 {
		t.Errorf("%d connections", n)
	}
}
