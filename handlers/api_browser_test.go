package handlers_test

import "testing"

// The page about the API, and those about its problems, look like the rest of the app on
// a desk, on a phone, and in the dark.
func TestBrowserAPI(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.Goto(a.url + "/api")
	c.inspect("api")
	c.Goto(a.url + "/api/problems/reconnect-needed")
	c.inspect("api-problem")
}
