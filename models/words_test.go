package models

import (
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

func TestParseTenantID(t *testing.T) {
	tests := []struct {
		typed string
		want  int64
		ok    bool
	}{
		{"842193311", 842193311, true},
		{" 842 193 311 ", 842193311, true},
		{"842-193-311", 842193311, true},
		{"842,193,311", 842193311, true},
		{"My Tenant ID: 842193311", 842193311, true},
		{"Tenant ID 842193311", 842193311, true},
		{"tenant #842193311", 842193311, true},
		{"#842193311", 842193311, true},
		{"Northgate", 0, false},
		{"842x193", 0, false},
		{"", 0, false},
		{"0", 0, false},
		{"-", 0, false},
		{"99999999999999999999", 0, false},
		{"905118274905118274", 0, false},
		{"9999999999", 9999999999, true},
		{"10000000000", 0, false},
		{"My Tenant ID: 9 999 999 999", 9999999999, true},
		{"٨٤٢", 0, false},
		{strings.Repeat("1", 101), 0, false},
	}
	for _, tt := range tests {
		if got, ok := ParseTenantID(tt.typed); got != tt.want || ok != tt.ok {
			t.Errorf("%q: got %d, %t; want %d, %t", tt.typed, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzParseTenantID(f *testing.F) {
	f.Add("Tenant ID: 1-2")
	f.Fuzz(func(t *testing.T, s string) {
		if id, ok := ParseTenantID(s); ok != (id > 0) {
			t.Errorf("%q: %d, %t", s, id, ok)
		}
	})
}

// One form for each account, and no tricks (A43).
func TestA43ParseEmail(t *testing.T) {
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
		got, ok := ParseEmail(typed)
		if got != want || ok != (want != "") {
			t.Errorf("%.60q: got %q, %t; want %q", typed, got, ok, want)
		}
	}
}

func TestA41CheckPassword(t *testing.T) {
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

func TestAreasSayEverything(t *testing.T) {
	areas := Areas(strings.Fields("tn.crm.customers:r tn.crm.bookings:rw tn.acc.payments:r tn.pay.payroll:r offline_access"))
	var names, scopes []string
	for _, a := range areas {
		names = append(names, a.Name)
		scopes = append(scopes, a.Scopes...)
		if a.Change != (a.Name == "Bookings") {
			t.Errorf("%s: change %t", a.Name, a.Change)
		}
	}
	if got := strings.Join(names, ", "); got != "Customers and locations, Invoices and payments, Bookings, tn.pay.payroll:r" {
		t.Errorf("areas: %s", got)
	}
	if len(scopes) != 4 {
		t.Errorf("scopes told of: %v", scopes)
	}
}

// Who has no account waits as long as who has one: the decoy is hashed as
// passwords are.
func TestA39DecoyIsHashedLikePasswords(t *testing.T) {
	params, _, _, err := argon2id.DecodeHash(decoy)
	if err != nil || *params != *hashParams() {
		t.Errorf("%+v, %v", params, err)
	}
}
