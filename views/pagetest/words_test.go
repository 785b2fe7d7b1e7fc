package pagetest

import (
	"slices"
	"strings"
	"testing"
)

// Each rule finds its example, for its readers and for nobody else.
func TestEachRuleCanFail(t *testing.T) {
	for _, r := range rules {
		says := func(found string) bool { return strings.Contains(found, "instead of "+r.say+",") }
		for _, readers := range []Readers{Contractors, Engineers, Staff, Audiences, Operators} {
			if got, want := slices.ContainsFunc(Misfits(readers, r.example), says), r.readers&readers != 0; got != want {
				t.Errorf("readers %d, %q: found %t, want %t", readers, r.example, got, want)
			}
		}
	}
}

// Texts that are as they should be pass, although they look like others.
func TestGoodTextsPass(t *testing.T) {
	for _, text := range []string{
		"Cancel setup", "You set up the connection. The setup is done.", "Sign in to see your sign-ins.", "An email is on its way. No mail server is configured.",
		"The license is gray, and centered.", "We look at the log in a moment.", "Read the API scopes, then choose Allow Access.", "ServiceTitan withdraws the access.",
	} {
		if found := Misfits(Everybody, text); len(found) > 0 {
			t.Errorf("%q: %q", text, found)
		}
	}
}

// A text is searched for letters that each of the words has, so no word is missed.
func TestLettersOfWords(t *testing.T) {
	for words, want := range map[string][]string{
		"grey|colour(?:ed|s)?":       {"grey", "colour"},
		"(?:to|we) setup|favour\\w+": {" setup", "favour"},
		"(?:a|an) mail(?:[.,])":      {" mail"},
	} {
		if got := whole(words).letters; !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}
