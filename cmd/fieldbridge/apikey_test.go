package main

import (
	"regexp"
	"testing"
	"time"
)

func TestExpiryOfKeys(t *testing.T) {
	now := time.Date(2026, 11, 30, 9, 30, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"never":      "",
		"90d":        "2027-02-28T09:30:00Z",
		"1d":         "2026-12-01T09:30:00Z",
		"2027-01-31": "2027-02-01T00:00:00Z", // when that day is over
	} {
		at, err := parseExpiry(text, now)
		switch {
		case err != nil:
			t.Errorf("%q: %v", text, err)
		case at == nil && want != "", at != nil && at.Format(time.RFC3339) != want:
			t.Errorf("%q: expires at %v, want %q", text, at, want)
		}
	}
	for _, text := range []string{"", "soon", "0d", "-1d", "1.5d", "99999d", "31.1.2027", "2027-02-30"} {
		if at, err := parseExpiry(text, now); err == nil {
			t.Errorf("%q: expires at %v", text, at)
		}
	}
}

// The commands make a key with all that it can have, roll it, list it, and end it.
func TestAPIKeyCommands(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"FIELDBRIDGE_DATABASE_URL": dir + "/app.db", "FIELDBRIDGE_KEYSET_FILE": dir + "/keyset.json"}
	run := func(code int, arguments ...string) string {
		t.Helper()
		got := end(t, command(t, env, arguments...))
		if got.code != code {
			t.Fatalf("%q ends with %d: %s%s", arguments, got.code, got.out, got.err)
		}
		return got.out + got.err
	}
	run(0, "keys", "new")
	run(0, "migrate", "up")
	made := run(0, "apikey", "create", "Scheduler", "--all", "--scopes", "connections:read,connect:write", "--expires", "90d",
		"--caller", "Acme Scheduling", "--return-url", "https://app.example.com/connected", "--return-url", "http://localhost:3000/?a=1,2")
	parts := regexp.MustCompile(`key ([0-9a-f-]{36}), shown only once:\n(fbk_[a-z2-7]{59})\n`).FindStringSubmatch(made)
	if parts == nil {
		t.Fatalf("create prints %q", made)
	}
	rolled := run(0, "apikey", "roll", parts[1], "--overlap", "1h", "--expires", "never")
	if !regexp.MustCompile(`shown only once:\nfbk_[a-z2-7]{59}\nThe old secret works until `).MatchString(rolled) {
		t.Errorf("roll prints %q", rolled)
	}
	if list := run(0, "apikey", "list"); !regexp.MustCompile(`Scheduler +all companies +connections:read connect:write +never used`).MatchString(list) {
		t.Errorf("list prints %q", list)
	}
	run(1, "apikey", "create", "x", "--all", "--scopes", "everything")
	run(1, "apikey", "create", "x", "--all", "--return-url", "http://app.example.com/")
	run(1, "apikey", "roll", parts[1], "--overlap", "721h")
	run(0, "apikey", "revoke", parts[1])
	run(1, "apikey", "roll", parts[1])
}
