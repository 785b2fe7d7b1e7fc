package accounts_test

import (
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// An account has one spelling of its email, and text that could deceive is no
// email.
func TestParseEmail(t *testing.T) {
	tests := map[string]string{
		"dana@northgate.example":                        "dana@northgate.example",
		"  Dana@NorthGate.Example ":                     "dana@northgate.example",
		"dana+test@northgate.example":                   "dana+test@northgate.example",
		"dana＠northgate.example":                        "",
		"dana@@northgate.example":                       "",
		"a@b@northgate.example":                         "",
		"dana(owner)@northgate.example":                 "",
		`"dana"@northgate.example`:                      "",
		"dana@[127.0.0.1]":                              "",
		"dana@northgate":                                "",
		"dana@-northgate.example":                       "",
		"dana@northgate.example\r\nBcc: a@b.example":    "",
		"dana\x00@northgate.example":                    "",
		"@northgate.example":                            "",
		"":                                              "",
		strings.Repeat("a", 65) + "@northgate.example":  "",
		"dana@" + strings.Repeat("a.", 130) + "example": "",
		"dana@" + strings.Repeat(strings.Repeat("a", 63)+".", 200_00): "",
	}
	for typed, want := range tests {
		got, ok := accounts.ParseEmail(typed)
		if got != want || ok != (want != "") {
			t.Errorf("%.60q: got %q, %t; want %q", typed, got, ok, want)
		}
	}
}
