package handlers_test

import (
	"strings"
	"testing"
)

// A contractor signs up, connects, tests, reconnects and disconnects.
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

		// The same tenant again is the same connection with its history.
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
