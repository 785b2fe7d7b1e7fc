package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// patient is a deployment that the doctor checks.
type patient struct {
	*testing.T
	env   map[string]string
	clock time.Time
}

const secretAppKey, secretClient = "ak1.stc_doctor_key", "cs1.stc_doctor_secret"

// newPatient returns a healthy deployment: a keyset, a database that was used with it,
// and the sandbox as ServiceTitan.
func newPatient(t *testing.T) *patient {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	url := "http://" + server.Listener.Addr().String()
	server.Config.Handler = sandbox.New(sandbox.Options{
		URL: url, ClientID: "cid.sandbox", ClientSecret: secretClient, AppKey: secretAppKey,
		RedirectURIs: []string{"https://connect.example.com/callback"}, Scopes: strings.Fields(defaultScopes),
	})
	server.Start()
	t.Cleanup(server.Close)
	p := &patient{T: t, clock: time.Now(), env: map[string]string{
		"FIELDBRIDGE_BASE_URL":                  "https://connect.example.com",
		"FIELDBRIDGE_TRUSTED_PROXIES":           "10.0.0.0/8",
		"FIELDBRIDGE_SMTP_URL":                  "smtp://mail.example.com:587",
		"FIELDBRIDGE_MAIL_FROM":                 "fieldbridge@example.com",
		"FIELDBRIDGE_DATABASE_URL":              testdb.SQLite(t),
		"FIELDBRIDGE_KEYSET_FILE":               filepath.Join(t.TempDir(), "keyset.json"),
		"SERVICETITAN_PRODUCTION_APP_KEY":       secretAppKey,
		"SERVICETITAN_PRODUCTION_CLIENT_ID":     "cid.sandbox",
		"SERVICETITAN_PRODUCTION_WAYS":          "sign_in",
		"SERVICETITAN_PRODUCTION_AUTH_URL":      url,
		"SERVICETITAN_PRODUCTION_API_URL":       url,
		"SERVICETITAN_PRODUCTION_CLIENT_SECRET": secretClient,
	}}
	keys, err := seal.Create(p.env["FIELDBRIDGE_KEYSET_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	p.withDB(func(db *database.DB) error { return keyring.Check(t.Context(), db, keys) })
	return p
}

func (p *patient) withDB(do func(*database.DB) error) {
	p.Helper()
	db, err := database.Open(p.Context(), p.env["FIELDBRIDGE_DATABASE_URL"], time.Now)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := do(db); err != nil {
		p.Fatal(err)
	}
}

// examined returns every finding as a line.
func (p *patient) examined(ctx context.Context) []string {
	d := doctor{now: func() time.Time { return p.clock }, lookup: func(name string) (string, bool) { v, ok := p.env[name]; return v, ok }}
	d.examine(ctx)
	var lines []string
	for _, f := range d.findings {
		lines = append(lines, fmt.Sprintf("%s %s: %s; %s", f.level, f.about, f.says, f.todo))
	}
	return lines
}

// lying replaces the issuer with one that answers with the test's own metadata.
func (p *patient) lying(answer func(w http.ResponseWriter, self string)) {
	var url string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/settings/") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer(w, url)
	}))
	p.Cleanup(server.Close)
	url = server.URL
	p.env["SERVICETITAN_PRODUCTION_AUTH_URL"], p.env["SERVICETITAN_PRODUCTION_API_URL"] = url, url
}

// staffIssuer makes staff sign in at another issuer.
func (p *patient) staffIssuer(issuer string) {
	p.env["FIELDBRIDGE_STAFF_OIDC_ISSUER"], p.env["FIELDBRIDGE_STAFF_OIDC_CLIENT_ID"], p.env["FIELDBRIDGE_STAFF_OIDC_CLIENT_SECRET"] = issuer, "fieldbridge", secretClient
}

// otherIssuer makes staff sign in at an issuer that answers with the test's own
// metadata.
func (p *patient) otherIssuer(answer func(w http.ResponseWriter, self string)) {
	var url string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, url) }))
	p.Cleanup(server.Close)
	url = server.URL
	p.staffIssuer(url)
}

func TestDoctor(t *testing.T) {
	tests := []struct {
		name    string
		harm    func(p *patient)
		finding string // one line must contain it; empty means that nothing is wrong
	}{
		{"health", func(*patient) {}, ""},
		{"wrong variables", func(p *patient) { p.env["FIELDBRIDGE_ADDR"], p.env["FIELDBRIDGE_LOG"] = "nowhere", "xml" }, "PROBLEM configuration: FIELDBRIDGE_LOG"},
		{"no environment", func(p *patient) {
			for name := range p.env {
				if strings.HasPrefix(name, "SERVICETITAN") {
					delete(p.env, name)
				}
			}
		}, "warning configuration: no environment"},
		{"no mail server", func(p *patient) { delete(p.env, "FIELDBRIDGE_SMTP_URL") }, "warning mail: no mail server is configured, so sign-up is closed"},
		{"no proxies", func(p *patient) { delete(p.env, "FIELDBRIDGE_TRUSTED_PROXIES") }, "set FIELDBRIDGE_TRUSTED_PROXIES to the networks of the proxies in front, or to none"},
		{"a demo's data alone", func(p *patient) {
			for name := range p.env {
				if strings.HasPrefix(name, "SERVICETITAN") {
					delete(p.env, name)
				}
			}
			p.withDB(func(db *database.DB) error { return markDemo(p.Context(), db) })
		}, "note database: it belongs to a demo"},
		{"a demo's data beside ServiceTitan", func(p *patient) {
			p.withDB(func(db *database.DB) error { return markDemo(p.Context(), db) })
		}, "PROBLEM database: it belongs to a demo"},
		{"http base URL", func(p *patient) { p.env["FIELDBRIDGE_BASE_URL"] = "http://localhost:8080" }, "note configuration: the base URL is http"},
		{"no keyset", func(p *patient) { p.harmFile(os.Remove(p.env["FIELDBRIDGE_KEYSET_FILE"])) }, "PROBLEM keyset: load keyset"},
		{"open keyset", func(p *patient) { p.harmFile(os.Chmod(p.env["FIELDBRIDGE_KEYSET_FILE"], 0o644)) }, "chmod 600"},
		{"another keyset", func(p *patient) {
			p.env["FIELDBRIDGE_KEYSET_FILE"] += ".other"
			_, err := seal.Create(p.env["FIELDBRIDGE_KEYSET_FILE"])
			p.harmFile(err)
		}, "PROBLEM keyset: the keyset is not the one"},
		{"a key that another host seals with", func(p *patient) {
			other, err := seal.Create(filepath.Join(p.TempDir(), "other.json"))
			p.harmFile(err)
			p.withDB(func(db *database.DB) error { return keyring.NoteKey(p.Context(), db, other) })
		}, "PROBLEM keyset: it lacks key"},
		{"read-only database", func(p *patient) {
			p.env["FIELDBRIDGE_DATABASE_URL"] = testdb.Postgres(p.T)
			keys, err := seal.Load(p.env["FIELDBRIDGE_KEYSET_FILE"])
			p.harmFile(err)
			p.withDB(func(db *database.DB) error { return keyring.Check(p.Context(), db, keys) })
			p.env["FIELDBRIDGE_DATABASE_URL"] += "?default_transaction_read_only=on"
		}, "PROBLEM database: nothing can be saved"},
		{"never started", func(p *patient) {
			p.withDB(func(db *database.DB) error {
				return db.Write(p.Context(), func(tx *gorm.DB) error { return tx.Exec("DELETE FROM key_canary").Error })
			})
		}, "note keyset: the database has not been used"},
		{"no database", func(p *patient) { p.env["FIELDBRIDGE_DATABASE_URL"] += ".none" }, "note database:"},
		{"database away", func(p *patient) {
			p.env["FIELDBRIDGE_DATABASE_URL"] = "postgres://fieldbridge:stc_password@127.0.0.1:1/x"
		}, "PROBLEM database: open database"},
		{"empty database", func(p *patient) {
			p.env["FIELDBRIDGE_DATABASE_URL"] += ".empty"
			p.withDB(func(*database.DB) error { return nil })
		}, "note database: it is new"},
		{"newer database that this program can work with", func(p *patient) {
			p.withDB(func(db *database.DB) error {
				return db.Write(p.Context(), func(tx *gorm.DB) error {
					return errors.Join(tx.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)").Error,
						tx.Exec("INSERT INTO schema_compatibility (version, oldest) VALUES (9999, 1)").Error)
				})
			})
		}, "note database: the schema is newer"},
		{"newer database", func(p *patient) {
			p.withDB(func(db *database.DB) error {
				return db.Write(p.Context(), func(tx *gorm.DB) error {
					return tx.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)").Error
				})
			})
		}, "PROBLEM database: the schema is at version 9999"},
		{"issuer away", func(p *patient) { p.env["SERVICETITAN_PRODUCTION_AUTH_URL"] = "http://127.0.0.1:1" }, "PROBLEM production: http://127.0.0.1:1: discover"},
		{"API away", func(p *patient) { p.env["SERVICETITAN_PRODUCTION_API_URL"] = "http://127.0.0.1:1" }, "PROBLEM production: http://127.0.0.1:1: probe"},
		{"API at the wrong path", func(p *patient) { p.env["SERVICETITAN_PRODUCTION_API_URL"] += "/nowhere" }, "PROBLEM production: http"},
		{"another issuer", func(p *patient) {
			p.lying(func(w http.ResponseWriter, _ string) { _, _ = fmt.Fprint(w, `{"issuer":"https://other.example"}`) })
		}, "metadata names another issuer"},
		{"token endpoint elsewhere", func(p *patient) {
			p.lying(func(w http.ResponseWriter, self string) {
				_, _ = fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":"%s/a","token_endpoint":"https://other.example/t"}`, self, self)
			})
		}, "metadata names an endpoint on another host"},
		{"metadata without S256", func(p *patient) {
			p.lying(func(w http.ResponseWriter, self string) {
				_, _ = fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":"%s/a","token_endpoint":"%s/t"}`, self, self, self)
			})
		}, "note production: the metadata does not announce S256"},
		{"huge metadata", func(p *patient) {
			p.lying(func(w http.ResponseWriter, _ string) { _, _ = fmt.Fprint(w, strings.Repeat("x", 5<<20)) })
		}, "PROBLEM production:"},
		{"metadata elsewhere", func(p *patient) {
			p.lying(func(w http.ResponseWriter, _ string) {
				w.Header().Set("Location", "https://other.example/")
				w.WriteHeader(http.StatusFound)
			})
		}, "PROBLEM production:"},
		{"staff issuer away", func(p *patient) { p.staffIssuer("http://127.0.0.1:1") }, "PROBLEM staff sign-in: http://127.0.0.1:1: staff issuer does not answer"},
		{"staff issuer's other name", func(p *patient) { p.staffIssuer(p.env["SERVICETITAN_PRODUCTION_AUTH_URL"] + "/") }, "PROBLEM staff sign-in: http"},
		{"staff issuer elsewhere", func(p *patient) {
			p.otherIssuer(func(w http.ResponseWriter, self string) {
				_, _ = fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":"%s/a","token_endpoint":"http://tokens.example/t","jwks_uri":"%s/k"}`, self, self, self)
			})
		}, "the address of the token endpoint is not https"},
		{"staff issuer in health", func(p *patient) {
			p.otherIssuer(func(w http.ResponseWriter, self string) {
				_, _ = fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":"%s/a","token_endpoint":"%s/t","jwks_uri":"%s/k"}`, self, self, self, self)
			})
		}, "ok staff sign-in: http"},
		// Half a minute more than the finding names, so that a slow answer changes only
		// the seconds.
		{"clock ahead", func(p *patient) { p.clock = p.clock.Add(2*time.Minute + 30*time.Second) }, "PROBLEM production: this machine's clock is 2m"},
		{"clock behind", func(p *patient) { p.clock = p.clock.Add(-time.Hour - 30*time.Second) }, "PROBLEM production: this machine's clock is 1h0m"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPatient(t)
			tt.harm(p)
			lines := p.examined(t.Context())
			all, found := strings.Join(lines, "\n"), 0
			for _, line := range lines {
				if tt.finding != "" && strings.Contains(line, tt.finding) {
					found++
				} else if tt.finding == "" && !strings.HasPrefix(line, "ok") {
					t.Errorf("in health it says: %s", line)
				}
			}
			if tt.finding != "" && found != 1 {
				t.Errorf("%d lines say %q:\n%s", found, tt.finding, all)
			}
			if problems := strings.Count("\n"+all, "\nPROBLEM"); strings.HasPrefix(tt.finding, "note") && problems > 0 {
				t.Errorf("%d problems beside a note:\n%s", problems, all)
			}
			for _, secret := range []string{secretAppKey, secretClient, "stc_password"} {
				if strings.Contains(all, secret) {
					t.Errorf("a secret is printed:\n%s", all)
				}
			}
			if path := p.env["FIELDBRIDGE_DATABASE_URL"]; strings.HasSuffix(path, ".none") {
				if _, err := os.Stat(path); err == nil {
					t.Error("the doctor has made a database")
				}
			}
		})
	}
}

func markDemo(ctx context.Context, db *database.DB) error {
	return db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec("INSERT INTO demo (id, begun_at) VALUES (1, ?)", db.Now()).Error
	})
}

func (p *patient) harmFile(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}
