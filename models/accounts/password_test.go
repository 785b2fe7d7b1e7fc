package accounts

import (
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// sentence returns a password with a number of characters.
func sentence(characters int) string {
	return strings.Repeat("the quick brown fox jumps over my lazy dog ", 10)[:characters]
}

func TestCheckPassword(t *testing.T) {
	of := PasswordOf{Company: "Northgate Heating & Air\nB-L-U Plumbing", Name: "Dána O’Rourke", Email: "dana.w@ng-hvac.example"}
	tests := map[string]PasswordProblem{
		"correct horse":                     PasswordFine,
		"éçàôüñ éçà":                        PasswordTooShort,
		"éçàôüñ éçàs!":                      PasswordFine,
		"a short sentence works":            PasswordFine,
		"we heat Northgate homes":           PasswordFine, // a name in it does no harm
		"k7#Pq9!xZ2mL":                      PasswordFine,
		"739105826417":                      PasswordFine,
		"my 3 dogs bark":                    PasswordFine,
		"fieldbridge!":                      PasswordTooEasy, // the product
		"Fieldbridge2026":                   PasswordTooEasy,
		"ServiceTitan1!":                    PasswordTooEasy,
		"F1eldbr1dge!":                      PasswordTooEasy,
		"NorthgateHeating":                  PasswordTooEasy, // the company
		"Northgate-2026":                    PasswordTooEasy,
		"bluplumbing-22":                    PasswordTooEasy, // another company of the person
		"n0rthg4teh3ating":                  PasswordTooEasy,
		"DanaO'Rourke1":                     PasswordTooEasy, // the person
		"Dána O’Rourke":                     PasswordTooEasy,
		"dana.w@ng-hvac.example":            PasswordTooEasy, // the email
		"dana.w.ng.hvac":                    PasswordTooEasy,
		"NorthgatePassword":                 PasswordTooEasy,
		"aaaabbbbccccdddd":                  PasswordTooEasy, // repeated characters
		"zzzzzzzzzzzz1234":                  PasswordTooEasy,
		strings.Repeat("é", 6) + "abcd1234": PasswordTooEasy,
		"abcabcabcabc":                      PasswordTooEasy, // repeated units
		"hunterhunter":                      PasswordTooEasy,
		"hunt7rhunt7r2026":                  PasswordTooEasy,
		"blue42blue42blue":                  PasswordTooEasy,
		"abcdefghijklmn":                    PasswordTooEasy, // sequences
		"zyxwvutsrqpo99":                    PasswordTooEasy,
		"123456789012":                      PasswordTooEasy,
		"987654321098":                      PasswordTooEasy,
		"qwertzuiop12":                      PasswordTooEasy, // rows of keys
		"qwertyasdfgh1!":                    PasswordTooEasy,
		"poiuytrewq2026":                    PasswordTooEasy,
		"1qaz2wsx3edc$":                     PasswordTooEasy,
		"!@#$%^&*()_+":                      PasswordTooEasy,
		"elf chars 1":                       PasswordTooShort,
		"":                                  PasswordTooShort,
		"password1234":                      PasswordTooEasy,
		"PassWord1234":                      PasswordTooEasy,
		"aaaaaaaaaaaaaaa":                   PasswordTooEasy,
		"abababababab":                      PasswordTooEasy,
		strings.Repeat("abcdefgh", 129):     PasswordTooLong,
		"chickenwing101":                    PasswordTooEasy, // common passwords
		"Sunshine2026":                      PasswordTooEasy,
		"ContortionisT":                     PasswordTooEasy,
		"e\u0301c\u0327a\u0300o\u0302u\u0308n\u0303":                         PasswordTooShort, // six letters with accents
		"e\u0301c\u0327a\u0300o\u0302u\u0308n\u0303 e\u0301c\u0327a\u0300s!": PasswordFine,
		"日本語でも長い文は大丈夫":                                                       PasswordFine,
		"\u00a0 spaces anywhere work \t":                                     PasswordFine,
		sentence(maxPassword):                                                PasswordFine,
		sentence(maxPassword + 1):                                            PasswordTooLong,
		strings.Replace(sentence(maxPassword), "quick", "🦊🦊🦊🦊🦊", 1):          PasswordFine,    // characters, not bytes
		strings.Replace(sentence(maxPassword), "quick", "qui\u0302ck", 1):    PasswordFine,    // composed
		strings.Repeat("hgfe ", 30) + "k7#Pq9!xZ2mLvT4w":                     PasswordTooEasy, // the beginning decides
	}
	for password, want := range tests {
		if got := CheckPassword(secret.New(password), of); got != want {
			t.Errorf("%.30q: got %q, want %q", password, got, want)
		}
	}
}

// The decoy is hashed like passwords, so that an attempt without an account takes
// as long as one with an account.
func TestDecoyIsHashedLikePasswords(t *testing.T) {
	params, _, _, err := argon2id.DecodeHash(decoy)
	if err != nil || *params != *hashParams() {
		t.Errorf("%+v, %v", params, err)
	}
}

// Keyboards write the same letters in different ways.
func TestPasswordMatchesHoweverItsLettersAreComposed(t *testing.T) {
	const composed, decomposed = "caf\u00e9 na\u00efve \u00fcber", "cafe\u0301 nai\u0308ve u\u0308ber"
	h := &hasher{}
	QuickHashes(h)
	for _, chosen := range []string{composed, decomposed} {
		hash, err := h.hash(secret.New(chosen))
		if err != nil {
			t.Fatal(err)
		}
		for typed, want := range map[string]bool{composed: true, decomposed: true, "cafe naive uber": false, strings.ToUpper(composed): false, " " + composed: false} {
			if got, err := h.matches(secret.New(typed), hash); err != nil || got != want {
				t.Errorf("%+q for %+q: %t, %v", typed, chosen, got, err)
			}
		}
	}
	older, err := argon2id.CreateHash(decomposed, h.params) // before passwords were composed
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.matches(secret.New(decomposed), older); err != nil || !got {
		t.Errorf("an older hash: %t, %v", got, err)
	}
	for _, typed := range []string{composed, decomposed} {
		if got, err := h.matches(secret.New(typed), ""); err != nil || got {
			t.Errorf("%+q without an account: %t, %v", typed, got, err)
		}
	}
}

// Every character of the longest password counts.
func TestPasswordsAreNotTruncated(t *testing.T) {
	h := &hasher{}
	QuickHashes(h)
	longest := strings.Repeat("é", maxPassword-1) + "a"
	hash, err := h.hash(secret.New(longest))
	if err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]bool{longest: true, longest[:len(longest)-1] + "b": false, longest + "a": false, longest[:len(longest)-1]: false} {
		if got, err := h.matches(secret.New(typed), hash); err != nil || got != want {
			t.Errorf("%d bytes: %t, %v", len(typed), got, err)
		}
		if !hashable(secret.New(typed)) {
			t.Errorf("%d bytes are not compared", len(typed))
		}
	}
	if hashable(secret.New(strings.Repeat("a", 2000))) {
		t.Error("2000 bytes are compared")
	}
}
