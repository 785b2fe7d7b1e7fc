package accounts_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// deviceOf returns the cookie of a device on which the account with an email has
// signed in.
func deviceOf(t *testing.T, a *accounts.Accounts, email string) string {
	t.Helper()
	var user accounts.User
	if err := a.DB().Read(t.Context()).Where("email = ?", email).Take(&user).Error; err != nil {
		t.Fatal(err)
	}
	cookie, known, err := a.DeviceCookie(user.ID, "")
	if err != nil || known {
		t.Fatal(known, err)
	}
	return cookie
}

// recognized returns by what an account's attempts on the device are counted.
func recognized(t *testing.T, a *accounts.Accounts, email, cookie string) string {
	t.Helper()
	name, err := accounts.AccountsDeviceName(a, t.Context(), email, cookie)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// Several people can use one device. It stays known for the last four of them, and
// counts their attempts separately.
func TestDeviceOfSeveralPeople(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		a := newAccounts(t, db)
		cookie := ""
		emails := []string{"a@a.example", "b@a.example", "c@a.example", "d@a.example"}
		ids := map[string]uuid.UUID{}
		use := func(email string, known bool) {
			t.Helper()
			value, was, err := a.DeviceCookie(ids[email], cookie)
			if err != nil || was != known {
				t.Fatalf("%s: known %v, %v", email, was, err)
			}
			cookie = value
		}
		for _, email := range append(emails, "e@a.example") {
			user, _ := signUp(t, a, email)
			ids[email] = user.ID
		}
		for _, email := range emails {
			use(email, false)
		}
		for _, email := range emails {
			use(email, true)
		}
		seen := map[string]bool{"": true}
		for _, email := range emails {
			if name := recognized(t, a, email, cookie); seen[name] {
				t.Errorf("%s counts as %q", email, name)
			} else {
				seen[name] = true
			}
		}
		use("a@a.example", true)
		use("e@a.example", false) // the fifth: the one who signed in longest ago is forgotten
		if recognized(t, a, "b@a.example", cookie) != "" || recognized(t, a, "a@a.example", cookie) == "" || recognized(t, a, "e@a.example", cookie) == "" {
			t.Error("the wrong person is forgotten")
		}
		if n := strings.Count(cookie, "."); n != 3 || len(cookie) > 1000 {
			t.Errorf("the cookie has %d dots and %d characters", n, len(cookie))
		}
		if recognized(t, a, "", cookie) != "" || recognized(t, a, "nobody@a.example", cookie) != "" {
			t.Error("the device is known for nobody's account")
		}
		for _, made := range []string{strings.ReplaceAll(cookie, ".", "-"), strings.Repeat("x.", 5) + cookie, cookie[:len(cookie)/8]} {
			if recognized(t, a, "a@a.example", made) != "" {
				t.Errorf("a made-up cookie of %d characters is recognized", len(made))
			}
		}

		// The device belongs to the person and not to the address: it stays known
		// when they change it, and is not known for who has the address next.
		if err := db.Write(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&accounts.User{}).Where("id = ?", ids["a@a.example"]).Update("email", "new@a.example").Error
		}); err != nil {
			t.Fatal(err)
		}
		signUp(t, a, "a@a.example")
		if recognized(t, a, "a@a.example", cookie) != "" || recognized(t, a, "new@a.example", cookie) == "" {
			t.Error("the device does not go with the person")
		}
	})
}
