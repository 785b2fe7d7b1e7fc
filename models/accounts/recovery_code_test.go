package accounts_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/pquerna/otp/totp"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// A recovery code has 60 random bits, and the key of a second factor has 160. No two
// people have the same, and every character occurs.
func TestRecoveryCodesAreRandom(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		const people = 20
		form, keyForm := regexp.MustCompile(`^[A-Z2-7]{4}(-?[A-Z2-7]{4}){2}$`), regexp.MustCompile(`^[A-Z2-7]{32}$`)
		seen, characters := map[string]bool{}, map[rune]bool{}
		for i := range people {
			email := fmt.Sprintf("person%d", i)
			who := accounts.Person{UserID: d.Person(email, accounts.Owner), Email: email + "@northgate.example"}
			enrollment, err := d.Accounts.Enroll(t.Context(), who, "")
			d.Must(err)
			if key := enrollment.Key.Reveal(); !keyForm.MatchString(key) {
				t.Errorf("a key is %s", key)
			}
			seen[enrollment.Key.Reveal()] = true
			code, err := totp.GenerateCode(enrollment.Key.Reveal(), d.DB.Now())
			d.Must(err)
			done, err := d.Accounts.ConfirmFactor(t.Context(), who, enrollment.Kept, code)
			d.Must(err)
			if len(done.Codes) != 10 {
				t.Fatalf("%d codes", len(done.Codes))
			}
			for _, c := range done.Codes {
				text := c.Reveal()
				if !form.MatchString(text) {
					t.Errorf("a recovery code is %s", text)
				}
				seen[text] = true
				for _, letter := range strings.ReplaceAll(text, "-", "") {
					characters[letter] = true
				}
			}
		}
		if len(seen) != people*11 || len(characters) != 32 {
			t.Errorf("%d different keys and codes of %d characters", len(seen), len(characters))
		}
	})
}
