package handlers_test

import "testing"

// A page that says why connecting did not work has one support code, however often it is
// loaded. The next attempt has another one, and so has another browser with the same
// address.
func TestAttemptHasOneSupportCode(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, other := a.signUp("Northgate", "Amy"), a.signUp("Harbor", "Luis")
		sam := a.staff("Sam", "support")
		denied := func() string { return amy.atServiceTitan(amy.begin("sandbox", south), south, "Deny") }
		first := denied()
		code := a.codeOn(amy.get(first).want(a, 200, "Access was not given"))
		if again := a.codeOn(amy.get(first).want(a, 200, "Access was not given")); again != code {
			t.Errorf("the code was %s, and is %s after a reload", code, again)
		}
		sam.pasted(code).want(a, 200, "Access was not given", "On timelines")
		if next := a.codeOn(amy.get(denied()).want(a, 200, "Access was not given")); next == code {
			t.Errorf("two attempts have the code %s", code)
		}
		if theirs := a.codeOn(other.get(first)); theirs == code {
			t.Errorf("another company sees the code %s", code)
		}
	})
}
