package accounts

import (
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

func TestCheckPassword(t *testing.T) {
	of := PasswordOf{Company: "Northgate Heating & Air", Name: "Dána O’Rourke", Email: "dana.w@ng-hvac.example"}
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
		strings.Repeat("hgfe ", 30) + "k7#Pq9!xZ2mLvT4w": PasswordTooEasy, // the beginning decides
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
