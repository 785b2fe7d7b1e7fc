package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

const staffEmail, staffPassword = "sam@fieldbridge.example", "a short sentence works"

// afterPassword signs in a staff member at the address, and returns where the console's
// page redirects to, if anywhere.
func afterPassword(t *testing.T, address, email, password string) (status int, location string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(method, path string, form url.Values) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, address+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	if resp := ask(http.MethodPost, "/signin", url.Values{"email": {email}, "password": {password}}); resp.StatusCode != 303 {
		t.Fatalf("the password is answered %d", resp.StatusCode)
	}
	resp := ask(http.MethodGet, "/staff", nil)
	return resp.StatusCode, resp.Header.Get("Location")
}

// freeAddrs returns addresses that nobody listens on.
func freeAddrs(t *testing.T) (addr, admin, sandbox string) {
	t.Helper()
	for _, free := range []*string{&addr, &admin, &sandbox} {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }() // closed at the end, so that the ports differ
		*free = l.Addr().String()
	}
	return addr, admin, sandbox
}

// Only a demo, whose passwords are public, lets staff in without a second factor. serve
// never does.
func TestServeHasNoWayAroundTheSecondFactor(t *testing.T) {
	dir := t.TempDir()
	addr, admin, _ := freeAddrs(t)
	database, keyset := filepath.Join(dir, "app.db"), filepath.Join(dir, "keyset.json")
	for name, value := range map[string]string{
		"FIELDBRIDGE_ADDR": addr, "FIELDBRIDGE_ADMIN_ADDR": admin, "FIELDBRIDGE_BASE_URL": "http://" + addr,
		"FIELDBRIDGE_DATABASE_URL": database, "FIELDBRIDGE_KEYSET_FILE": keyset, "FIELDBRIDGE_LOG_LEVEL": "error",
	} {
		t.Setenv(name, value)
	}
	if _, err := seal.Create(keyset); err != nil {
		t.Fatal(err)
	}
	running(t, serveCommand{}.Run, admin)
	if err := withAccounts(t.Context(), func(_ config, people *accounts.Accounts) error {
		link, err := people.AddStaff(t.Context(), accounts.CommandLine("root"), staffEmail, accounts.Admin)
		if err != nil {
			return err
		}
		_, err = people.SetPassword(t.Context(), link, "Sam", secret.New(staffPassword))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if status, location := afterPassword(t, "http://"+addr, staffEmail, staffPassword); status != 303 || location != "/staff/factor" {
		t.Errorf("serve lets the password alone in: %d to %q", status, location)
	}
}

// Only one process serves a SQLite file. A second one is refused. A command that renews
// nothing works beside the first.
func TestOneProcessServesAFile(t *testing.T) {
	dir := t.TempDir()
	addr, admin, another := freeAddrs(t)
	keyset := filepath.Join(dir, "keyset.json")
	for name, value := range map[string]string{
		"FIELDBRIDGE_ADDR": addr, "FIELDBRIDGE_ADMIN_ADDR": admin, "FIELDBRIDGE_BASE_URL": "http://" + addr,
		"FIELDBRIDGE_DATABASE_URL": filepath.Join(dir, "app.db"), "FIELDBRIDGE_KEYSET_FILE": keyset, "FIELDBRIDGE_LOG_LEVEL": "error",
	} {
		t.Setenv(name, value)
	}
	if _, err := seal.Create(keyset); err != nil {
		t.Fatal(err)
	}
	running(t, serveCommand{}.Run, admin)
	t.Setenv("FIELDBRIDGE_ADDR", another)
	t.Setenv("FIELDBRIDGE_ADMIN_ADDR", "127.0.0.1:0")
	if err := (serveCommand{}).Run(t.Context()); !errors.Is(err, database.ErrServed) {
		t.Errorf("a second process: %v", err)
	}
	if err := withAccounts(t.Context(), func(_ config, people *accounts.Accounts) error {
		_, err := people.AddStaff(t.Context(), accounts.CommandLine("test"), staffEmail, accounts.Admin)
		return err
	}); err != nil {
		t.Errorf("a command beside it: %v", err)
	}
}

// serve renews idle connections as often as a demo only if there is a sandbox. A
// variable that contains only spaces counts as not set.
func TestServeKeepsAliveAsADemoBesideASandboxAlone(t *testing.T) {
	for name, tt := range map[string]struct {
		addr, url string
		want      time.Duration
	}{
		"without":    {"", "", time.Hour},
		"of spaces":  {"  ", "", time.Hour},
		"with one":   {"127.0.0.1:9090", "http://127.0.0.1:9090", 90 * time.Second},
		"and spaces": {" 127.0.0.1:9090 ", "http://127.0.0.1:9090", 90 * time.Second},
	} {
		env := lookupIn(map[string]string{"FIELDBRIDGE_SANDBOX_ADDR": tt.addr, "FIELDBRIDGE_SANDBOX_URL": tt.url})
		c, err := loadConfig(servedDefaults(env), env)
		if err != nil || c.KeepAlive != tt.want || c.SandboxAddr != strings.TrimSpace(tt.addr) {
			t.Errorf("%s: every %s beside a sandbox at %q, want every %s; %v", name, c.KeepAlive, c.SandboxAddr, tt.want, err)
		}
	}
}

// A demo's staff sign in with the passwords that it prints, whatever is configured for
// serve.
func TestDemoSignsStaffIn(t *testing.T) {
	dir := t.TempDir()
	addr, admin, sandbox := freeAddrs(t)
	for name, value := range map[string]string{
		"FIELDBRIDGE_ADDR": addr, "FIELDBRIDGE_ADMIN_ADDR": admin, "FIELDBRIDGE_BASE_URL": "http://" + addr,
		"FIELDBRIDGE_SANDBOX_ADDR": sandbox, "FIELDBRIDGE_SANDBOX_URL": "http://" + sandbox,
		"FIELDBRIDGE_DATABASE_URL": filepath.Join(dir, "app.db"), "FIELDBRIDGE_KEYSET_FILE": filepath.Join(dir, "keyset.json"), "FIELDBRIDGE_LOG_LEVEL": "error",
		"FIELDBRIDGE_STAFF_OIDC_ISSUER": "http://127.0.0.1:1", "FIELDBRIDGE_STAFF_OIDC_CLIENT_ID": "fieldbridge", "FIELDBRIDGE_STAFF_OIDC_CLIENT_SECRET": "x",
	} {
		t.Setenv(name, value)
	}
	running(t, demoCommand{}.Run, admin)
	if status, location := afterPassword(t, "http://"+addr, "priya@fieldbridge.example", demoPassword); status != http.StatusOK {
		t.Errorf("the demo does not let its staff in: %d to %q", status, location)
	}
}

// running runs a command until the test ends, and waits until it is ready.
func running(t *testing.T, run func(context.Context) error, admin string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var failed error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		failed = run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		if <-ended; failed != nil {
			t.Error(failed)
		}
	})
	until(t, func() bool {
		select {
		case <-ended:
			t.Fatalf("it has ended: %v", failed)
		default:
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+admin+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode == http.StatusOK
	})
}

// until waits for something that happens soon.
func until(t testing.TB, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatal("it does not come")
		}
	}
}
