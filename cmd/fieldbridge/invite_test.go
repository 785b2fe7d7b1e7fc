package main

import (
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// An operator makes links for people whom no mail can reach: to create an account,
// and to choose another password.
func TestLinksFromTheCommandLine(t *testing.T) {
	for name, address := range map[string]func(testing.TB) string{"sqlite": testdb.SQLite, "postgres": testdb.Postgres} {
		t.Run(name, func(t *testing.T) {
			const amy, staff = "amy@northgate.example", "sam@fieldbridge.example"
			variables := healthy(t)
			variables["FIELDBRIDGE_DATABASE_URL"], variables["FIELDBRIDGE_BASE_URL"] = address(t), "https://connect.example.com"
			variables["FIELDBRIDGE_TRUSTED_PROXIES"] = "127.0.0.1/32"
			keys, err := seal.Load(variables["FIELDBRIDGE_KEYSET_FILE"])
			if err != nil {
				t.Fatal(err)
			}
			with := func(do func(*accounts.Accounts) error) {
				t.Helper()
				if err := inDB(t.Context(), config{DatabaseURL: variables["FIELDBRIDGE_DATABASE_URL"]}, database.OpenExisting, func(db *database.DB) error {
					return do(accounts.New(db, keys, 1, accounts.QuickHashes))
				}); err != nil {
					t.Fatal(err)
				}
			}
			link := func(begins string, args ...string) secret.Value {
				t.Helper()
				got := end(t, command(t, maps.Clone(variables), args...))
				found := regexp.MustCompile("(?m)^https://connect.example.com" + regexp.QuoteMeta(begins) + "([A-Z2-7]{26})$").FindStringSubmatch(got.out)
				if got.code != 0 || found == nil || strings.Count(got.out, "https://") != 1 || !strings.Contains(got.out, "works once") {
					t.Fatalf("%q ends with %d:\n%s%s", args, got.code, got.out, got.err)
				}
				if file := variables["FIELDBRIDGE_DATABASE_URL"]; name == "sqlite" {
					if b, err := os.ReadFile(file); err != nil || strings.Contains(string(b), found[1]) {
						t.Errorf("the database has the link's secret, or %v", err)
					}
				}
				return secret.New(found[1])
			}
			refuses := func(says string, args ...string) {
				t.Helper()
				if got := end(t, command(t, maps.Clone(variables), args...)); got.code != 1 || got.out != "" || !strings.Contains(got.err, says) {
					t.Errorf("%q ends with %d:\n%s%s", args, got.code, got.out, got.err)
				}
			}

			refuses("is not an email address", "invite", "amy", "--company", "Northgate")
			refuses("cannot be a company's name", "invite", amy, "--company", "\u202eNorthgate")
			refuses("belongs to nobody in a company", "reset-password", amy)
			refuses("belongs to nobody in a company", "reset-password", "")

			sign := secret.New("a short sentence works")
			invited := link("/verify/", "invite", " AMY@northgate.example ", "--company", "Northgate Heating")
			with(func(a *accounts.Accounts) error {
				found, err := a.SigningUp(t.Context(), invited)
				if found.Email != amy || found.CompanyName != "Northgate Heating" {
					t.Errorf("the link is for %q and %q", found.Email, found.CompanyName)
				}
				if err != nil {
					return err
				}
				if _, _, err = a.FinishSignUp(t.Context(), invited, accounts.SignUp{Company: "Northgate", Name: "Amy", Password: sign}); err != nil {
					return err
				}
				_, err = a.AddStaff(t.Context(), accounts.CommandLine("root"), staff, accounts.Support)
				return err
			})
			refuses("already has an account", "invite", amy, "--company", "Northgate")

			// A company that a back end made has no people until its first owner is invited.
			var referred accounts.Company
			if err := inDB(t.Context(), config{DatabaseURL: variables["FIELDBRIDGE_DATABASE_URL"]}, database.OpenExisting, func(db *database.DB) error {
				return db.Write(t.Context(), func(tx *gorm.DB) (err error) {
					referred, err = accounts.AddReferredCompany(tx, accounts.CommandLine("root"), "acme-4711", "Harbor Line", db.Now())
					return err
				})
			}); err != nil {
				t.Fatal(err)
			}
			refuses("no company has the reference", "invite", amy, "--to", "acme-4712")
			joins := link("/invitations/", "invite", amy, "--to", "acme-4711")
			with(func(a *accounts.Accounts) error {
				open, err := a.OpenedInvitation(t.Context(), joins)
				if open.CompanyID != referred.ID || open.Email != amy || open.Role != accounts.Owner {
					t.Errorf("the invitation is %+v", open)
				}
				if err == nil {
					_, err = a.Join(t.Context(), accounts.Visitor{UserID: open.HolderID}, joins)
				}
				return err
			})
			refuses("someone belongs to Harbor Line already", "invite", staff, "--to", "acme-4711")
			refuses("for staff, use fieldbridge staff add", "reset-password", staff)

			chosen := secret.New("another sentence that works")
			reset := link("/password/reset?token=", "reset-password", "Amy@northgate.example")
			with(func(a *accounts.Accounts) error {
				signIn := func(password secret.Value) error {
					_, err := a.SignIn(t.Context(), accounts.SignIn{Email: amy, Password: password, Address: "192.0.2.1"})
					return err
				}
				if err := signIn(sign); err != nil {
					t.Errorf("the old password stops working before the link is used: %v", err)
				}
				if _, err := a.SetPassword(t.Context(), reset, "", chosen); err != nil {
					return err
				}
				records, err := a.Audit(t.Context())
				if err != nil || len(records) == 0 || records[0].Action != accounts.AuditResetLink {
					t.Errorf("the records are %+v, %v", records, err)
				}
				if signIn(sign) == nil {
					t.Error("the old password still works")
				}
				return signIn(chosen)
			})
		})
	}
}
