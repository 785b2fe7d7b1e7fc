package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// The error for an unknown kind of address, or for one that lets anybody impersonate
// the database, names the variable with an example, and not the password.
func TestConfigDatabase(t *testing.T) {
	for name, tt := range map[string]struct {
		address, insecure string
		problem           string // empty if the address is fine
	}{
		"a path":                        {address: "data/app.db"},
		"another database":              {address: "mysql://u:stc_password@x/y", problem: "neither a path"},
		"a mistyped scheme":             {address: "postgress://u:stc_password@x/y", problem: "neither a path"},
		"a scheme in capitals":          {address: "Postgres://u:stc_password@x/y", problem: "neither a path"},
		"a port that is none":           {address: "postgres://u:stc_password@x:port/y", problem: "cannot be read"},
		"this machine":                  {address: "postgres://u:stc_password@127.0.0.1/y"},
		"another host":                  {address: "postgres://u:stc_password@db.internal/y", problem: "without sslmode=verify-full"},
		"another host, require":         {address: "postgres://u:stc_password@db.internal/y?sslmode=require", problem: "without sslmode=verify-full"},
		"another host, verify-full":     {address: "postgres://u:stc_password@db.internal/y?sslmode=verify-full"},
		"another host, on purpose":      {address: "postgres://u:stc_password@db.internal/y", insecure: "true"},
		"another host, not on purpose":  {address: "postgres://u:stc_password@db.internal/y", insecure: "false", problem: "FIELDBRIDGE_DATABASE_INSECURE=true"},
		"neither true nor false":        {address: "data/app.db", insecure: "perhaps", problem: "FIELDBRIDGE_DATABASE_INSECURE "},
		"a mistyped scheme, on purpose": {address: "postgress://u:stc_password@x/y", insecure: "true", problem: "neither a path"},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"FIELDBRIDGE_DATABASE_URL": tt.address}
			if tt.insecure != "" {
				env["FIELDBRIDGE_DATABASE_INSECURE"] = tt.insecure
			}
			c, err := loadConfig(serveDefaults(), lookupIn(env))
			if tt.problem == "" {
				if err != nil || c.DatabaseURL != tt.address {
					t.Errorf("got %q, %v", c.DatabaseURL, err)
				}
				return
			}
			if err == nil {
				t.Fatal("it was taken")
			}
			says := err.Error()
			if !strings.Contains(says, tt.problem) || !strings.Contains(says, "for example FIELDBRIDGE_DATABASE_") {
				t.Errorf("got %s", says)
			}
			if strings.Contains(says, "stc_password") {
				t.Errorf("the password is in %s", says)
			}
		})
	}
}

// Commands that only read, or that need an existing database, do not create one.
func TestCommandsMakeNoDatabase(t *testing.T) {
	for name, tt := range map[string]struct {
		run func(context.Context) error
		// fine says that a missing database is not a failure.
		fine bool
	}{
		"migrate status":   {migrateStatus{}.Run, true},
		"export":           {exportCommand{To: "-"}.Run, false},
		"staff list":       {staffList{}.Run, false},
		"staff add":        {staffAdd{Email: "sam@fieldbridge.example", Role: "support"}.Run, false},
		"staff remove":     {staffRemove{Email: "sam@fieldbridge.example"}.Run, false},
		"staff reset":      {staffResetFactor{Email: "sam@fieldbridge.example"}.Run, false},
		"apikey list":      {apikeyList{}.Run, false},
		"apikey create":    {apikeyCreate{Name: "x", All: true}.Run, false},
		"apikey revoke":    {apikeyRevoke{}.Run, false},
		"keys reseal":      {keysReseal{}.Run, false},
		"keys reseal drop": {keysReseal{Drop: true, Yes: true}.Run, false},
	} {
		t.Run(name, func(t *testing.T) {
			keyset := filepath.Join(t.TempDir(), "keyset.json")
			if _, err := seal.Create(keyset); err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			t.Setenv("FIELDBRIDGE_KEYSET_FILE", keyset)
			for _, address := range []string{"data/app.db", "app.db", "mysql://x/y"} {
				t.Setenv("FIELDBRIDGE_DATABASE_URL", address)
				err := tt.run(t.Context())
				switch {
				case address == "mysql://x/y":
					if err == nil || !strings.Contains(err.Error(), "FIELDBRIDGE_DATABASE_URL") {
						t.Errorf("%s: %v", address, err)
					}
				case tt.fine && err != nil, !tt.fine && !errors.Is(err, database.ErrNoDatabase):
					t.Errorf("%s: %v", address, err)
				}
				if left, err := os.ReadDir("."); err != nil || len(left) != 0 {
					t.Errorf("%s: it made %v; %v", address, left, err)
				}
			}
		})
	}
}
