package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Only a demo, whose sign-ins are no secret, lets staff in without a second
// factor; what serve builds never does (A46).
func TestSecondFactorIsAskedForByServe(t *testing.T) {
	const email, password = "sam@fieldbridge.example", "a short sentence works"
	for name, tt := range map[string]struct {
		demo   []handlers.DemoAccount
		status int
	}{
		"serve": {nil, http.StatusSeeOther},
		"demo":  {demoAccounts(), http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"FIELDBRIDGE_DATABASE_URL": filepath.Join(t.TempDir(), "app.db")}
			c, err := loadConfig(serveDefaults(), func(name string) (string, bool) { v, ok := env[name]; return v, ok })
			if err != nil {
				t.Fatal(err)
			}
			a, err := newApp(t.Context(), c, newKeyset(t), tt.demo, quiet())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = a.db.Close() })
			link, err := a.accounts.AddStaff(t.Context(), email, models.Admin)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := a.accounts.SetUp(t.Context(), link, "Sam", servicetitan.NewSecret(password)); err != nil {
				t.Fatal(err)
			}
			ask := func(method, path string, form url.Values, cookies []*http.Cookie) *http.Response {
				r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(form.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				for _, cookie := range cookies {
					r.AddCookie(cookie)
				}
				answer := httptest.NewRecorder()
				a.public.ServeHTTP(answer, r)
				return answer.Result()
			}
			signedIn := ask("POST", "/signin", url.Values{"email": {email}, "password": {password}}, nil)
			got := ask("GET", "/staff", nil, signedIn.Cookies())
			if got.StatusCode != tt.status {
				t.Errorf("/staff is answered %d, want %d", got.StatusCode, tt.status)
			}
			if tt.status == http.StatusSeeOther && got.Header.Get("Location") != "/staff/factor" {
				t.Errorf("it leads to %s", got.Header.Get("Location"))
			}
		})
	}
}
