package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/demo"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// deployment is serve with its variables, before it starts.
type deployment struct{ addr, admin, sandbox string }

func newDeployment(t *testing.T, dir string, more map[string]string) deployment {
	t.Helper()
	var d deployment
	d.addr, d.admin, d.sandbox = freeAddrs(t)
	variables := map[string]string{
		"FIELDBRIDGE_ADDR": d.addr, "FIELDBRIDGE_ADMIN_ADDR": d.admin, "FIELDBRIDGE_BASE_URL": "http://" + d.addr, "FIELDBRIDGE_LOG_LEVEL": "error",
		"FIELDBRIDGE_DATABASE_URL": filepath.Join(dir, "app.db"), "FIELDBRIDGE_KEYSET_FILE": filepath.Join(dir, "keyset.json"),
		"FIELDBRIDGE_SANDBOX_ADDR": "", "FIELDBRIDGE_SANDBOX_URL": "", "FIELDBRIDGE_DEMO_RESET": "",
	}
	for name, value := range more {
		variables[name] = strings.ReplaceAll(value, "{sandbox}", d.sandbox)
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
	if _, err := os.Stat(filepath.Join(dir, "keyset.json")); err != nil {
		if _, err := seal.Create(filepath.Join(dir, "keyset.json")); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// asDemo returns the variables that make serve a demo.
func asDemo() map[string]string {
	return map[string]string{"FIELDBRIDGE_SANDBOX_ADDR": "{sandbox}", "FIELDBRIDGE_SANDBOX_URL": "http://{sandbox}"}
}

// fetch returns what an address answers.
func fetch(t *testing.T, method, address string, form url.Values) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// Without the demo's variables, serve has no account, page, environment, or listener of
// a demo.
func TestServeIsNoDemo(t *testing.T) {
	d := newDeployment(t, t.TempDir(), map[string]string{"SERVICETITAN_PRODUCTION_APP_KEY": "ak1.real"})
	running(t, serveCommand{}.Run, d.admin)
	for _, path := range []string{"/", "/signin", "/signup", "/nowhere"} {
		if _, body := fetch(t, http.MethodGet, "http://"+d.addr+path, nil); strings.Contains(strings.ToLower(body), "demo") || strings.Contains(strings.ToLower(body), "sandbox") {
			t.Errorf("%s speaks of a demo", path)
		}
	}
	for _, path := range []string{"/demo", "/connect/token", "/mailbox", "/portal", "/control/", "/requests", "/guide/sandbox"} {
		if status, _ := fetch(t, http.MethodGet, "http://"+d.addr+path, nil); status != http.StatusNotFound {
			t.Errorf("%s is answered %d", path, status)
		}
	}
	for _, account := range demoAccounts() {
		form := url.Values{"email": {account.Email}, "password": {account.Password}}
		if status, _ := fetch(t, http.MethodPost, "http://"+d.addr+"/signin", form); status != http.StatusUnprocessableEntity {
			t.Errorf("%s is answered %d", account.Who, status)
		}
	}
}

// With the variables, serve is a demo. Neither its data nor its environment is ever
// used together with real ones.
func TestServeAsDemo(t *testing.T) {
	dir := t.TempDir()
	t.Run("serves", func(t *testing.T) {
		d := newDeployment(t, dir, asDemo())
		running(t, serveCommand{}.Run, d.admin)
		if status, _ := afterPassword(t, "http://"+d.addr, "priya@fieldbridge.example", demoPassword); status != http.StatusOK {
			t.Errorf("its staff are answered %d", status)
		}
		if status, _ := fetch(t, http.MethodGet, "http://"+d.sandbox+sandboxHealth, nil); status != http.StatusOK {
			t.Errorf("its sandbox answers %d", status)
		}
		if status, body := fetch(t, http.MethodGet, "http://"+d.addr+"/guide/sandbox", nil); status != http.StatusOK || !strings.Contains(body, "Sandbox") {
			t.Errorf("the guide for its environment is answered %d", status)
		}
		if status, _ := fetch(t, http.MethodGet, "http://"+d.addr+"/guide/production", nil); status != http.StatusNotFound {
			t.Errorf("the guide for production is answered %d", status)
		}
	})
	for name, tt := range map[string]struct {
		more map[string]string
		want string
	}{
		"beside production":            {with(asDemo(), "SERVICETITAN_PRODUCTION_APP_KEY", "ak1.real"), "connects only to its sandbox"},
		"without its sandbox":          {nil, demo.ErrDemoData.Error()},
		"with its address alone":       {map[string]string{"FIELDBRIDGE_SANDBOX_ADDR": "{sandbox}"}, "FIELDBRIDGE_SANDBOX_URL is missing"},
		"with its URL alone":           {map[string]string{"FIELDBRIDGE_SANDBOX_URL": "http://{sandbox}"}, "FIELDBRIDGE_SANDBOX_ADDR is missing"},
		"with a reset alone":           {map[string]string{"FIELDBRIDGE_DEMO_RESET": "03:30"}, "FIELDBRIDGE_DEMO_RESET is for demos"},
		"with a reset at noon o’clock": {with(asDemo(), "FIELDBRIDGE_DEMO_RESET", "noon"), "is not a time of day"},
	} {
		t.Run("does not start "+name, func(t *testing.T) {
			newDeployment(t, dir, tt.more)
			if err := (serveCommand{}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// A database with real companies does not become a demo.
func TestServeAsDemoLeavesOthersAlone(t *testing.T) {
	dir := t.TempDir()
	newDeployment(t, dir, asDemo())
	if err := (migrateUp{}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := withAccounts(t.Context(), func(_ config, people *accounts.Accounts) error {
		_, err := people.AddStaff(t.Context(), accounts.CommandLine("root"), staffEmail, accounts.Support)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.json")
	if _, err := seal.Create(other); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FIELDBRIDGE_KEYSET_FILE", other)
	for name, run := range map[string]func(context.Context) error{"serve": serveCommand{}.Run, "demo": demoCommand{}.Run} {
		if err := run(t.Context()); !errors.Is(err, demo.ErrNotDemo) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The database is not marked with the demo's keys either.
	d := newDeployment(t, dir, nil)
	running(t, serveCommand{}.Run, d.admin)
}

// sandboxHealth is an address that every sandbox answers.
const sandboxHealth = "/.well-known/openid-configuration"

func with(m map[string]string, name, value string) map[string]string {
	m[name] = value
	return m
}

// Sent mails appear in the mailbox at once, and again after a restart, with the times
// at which they were sent.
func TestDemoShowsMailsAgain(t *testing.T) {
	dir := t.TempDir()
	type mail struct {
		At                 time.Time
		To, Subject, Plain string
	}
	sent := func(t *testing.T) []mail {
		t.Helper()
		d := newDeployment(t, dir, asDemo())
		running(t, serveCommand{}.Run, d.admin)
		status, body := fetch(t, http.MethodGet, "http://"+d.sandbox+"/control/mailbox", nil)
		var list struct{ Letters []mail }
		if err := json.Unmarshal([]byte(body), &list); err != nil || status != http.StatusOK {
			t.Fatalf("answer %d, %v", status, err)
		}
		for i := range list.Letters {
			if i > 0 && list.Letters[i].At.After(list.Letters[i-1].At) {
				t.Error("the newest is not first")
			}
			// After the restart, the port is different.
			list.Letters[i].Plain = strings.ReplaceAll(list.Letters[i].Plain, d.addr, "")
		}
		return list.Letters
	}
	var first []mail
	t.Run("begins", func(t *testing.T) { first = sent(t) })
	if len(first) == 0 {
		t.Fatal("there is no mail")
	}
	t.Run("goes on", func(t *testing.T) {
		again := sent(t)
		for _, m := range first {
			if !slices.Contains(again, m) {
				t.Errorf("%s to %s is gone", m.Subject, m.To)
			}
		}
	})
}
