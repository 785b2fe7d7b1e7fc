package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// Behind a proxy that is not named, all people count as one address, so a few wrong
// sign-ins would lock everybody out. With https, the operator has to name the proxies,
// or say that there are none.
func TestProxiesMustBeNamedBehindHTTPS(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	commands := map[string]func(context.Context) error{"serve": serveCommand{}.Run, "demo": demoCommand{}.Run}
	for _, tt := range []struct {
		name, base, proxies string
		more                map[string]string
		refused             bool
	}{
		{"https", "https://connect.example.com", "", nil, true},
		{"https and spaces", "https://connect.example.com", "  ", nil, true},
		{"a deployed demo", "https://demo.example.com", "", asDemo(), true},
		{"https on loopback", "https://localhost:8443", "", nil, true},
		{"none", "https://connect.example.com", "none", nil, false},
		{"none in capitals", "https://connect.example.com", " None ", nil, false},
		{"a network", "https://connect.example.com", "10.0.0.0/8", nil, false},
		{"http", "http://localhost:8080", "", nil, false},
	} {
		newDeployment(t, t.TempDir(), tt.more)
		t.Setenv("FIELDBRIDGE_BASE_URL", tt.base)
		t.Setenv("FIELDBRIDGE_TRUSTED_PROXIES", tt.proxies)
		t.Setenv("FIELDBRIDGE_DATABASE_URL", filepath.Join(t.TempDir(), "app.db"))
		for name, run := range commands {
			err := run(stopped)
			if refused := err != nil && strings.Contains(err.Error(), "FIELDBRIDGE_TRUSTED_PROXIES"); refused != tt.refused {
				t.Errorf("%s, %s: %v", name, tt.name, err)
			} else if refused && !strings.Contains(err.Error(), "FIELDBRIDGE_TRUSTED_PROXIES=none") {
				t.Errorf("%s, %s: it does not say what to set: %v", name, tt.name, err)
			}
		}
	}
}

// Commands that serve nobody do not need the proxies.
func TestOtherCommandsNeedNoProxies(t *testing.T) {
	newDeployment(t, t.TempDir(), nil)
	t.Setenv("FIELDBRIDGE_BASE_URL", "https://connect.example.com")
	if err := (migrateUp{}).Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// Only networks, or the single word none, say which proxies are trusted.
func TestProxies(t *testing.T) {
	for value, networks := range map[string]int{
		"": 0, "none": 0, "10.0.0.0/8": 1, "10.0.0.0/8, 2001:db8::/32": 2, "none,10.0.0.0/8": -1, "10.0.0.1": -1, "nobody": -1,
	} {
		c, err := loadConfig(serveDefaults(), lookupIn(map[string]string{"FIELDBRIDGE_TRUSTED_PROXIES": value}))
		if (err != nil) != (networks < 0) || len(c.TrustedProxies) != max(0, networks) {
			t.Errorf("%q: %v, %v", value, c.TrustedProxies, err)
		}
	}
}

// With https, a proxy ends TLS. Plain HTTP therefore stays on this machine, unless an
// address is set.
func TestDefaultListener(t *testing.T) {
	for _, tt := range []struct{ base, addr, want string }{
		{"", "", ":8080"},
		{"http://localhost:8080", "", ":8080"},
		{"https://connect.example.com", "", "127.0.0.1:8080"},
		{"https://connect.example.com", "  ", "127.0.0.1:8080"},
		{"https://connect.example.com", ":8080", ":8080"},
		{"https://connect.example.com", "0.0.0.0:80", "0.0.0.0:80"},
	} {
		for _, d := range []kong.Vars{serveDefaults(), demoDefaults()} {
			c, err := loadConfig(d, lookupIn(map[string]string{"FIELDBRIDGE_BASE_URL": tt.base, "FIELDBRIDGE_ADDR": tt.addr}))
			if err != nil || c.Addr != tt.want {
				t.Errorf("base URL %q, address %q: listens on %q, %v; want %q", tt.base, tt.addr, c.Addr, err, tt.want)
			}
		}
	}
	for _, d := range []kong.Vars{serveDefaults(), demoDefaults()} {
		if help := variablesHelp(d); !strings.Contains(help, ":8080, or 127.0.0.1:8080 with an https base URL") {
			t.Errorf("the help does not say so:\n%s", help)
		}
	}
}
