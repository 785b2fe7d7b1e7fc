package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/seal"
)

// commandVariable makes a process of the tests run the command that its arguments name.
const commandVariable = "FIELDBRIDGE_TEST_COMMAND"

// ended is the result of a command.
type ended struct {
	out, err string
	code     int
}

// command prepares a command in a folder of its own, with more variables than a test's
// environment.
func command(t *testing.T, variables map[string]string, args ...string) *exec.Cmd {
	t.Helper()
	p := exec.CommandContext(t.Context(), os.Args[0], args...) // #nosec G204 -- this test itself
	p.Dir = t.TempDir()
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "FIELDBRIDGE_") && !strings.HasPrefix(v, "SERVICETITAN_") {
			p.Env = append(p.Env, v)
		}
	}
	p.Env = append(p.Env, commandVariable+"=1")
	for name, value := range variables {
		p.Env = append(p.Env, name+"="+value)
	}
	return p
}

// end runs a command until it ends.
func end(t *testing.T, p *exec.Cmd) ended {
	t.Helper()
	var out, screen bytes.Buffer
	p.Stdout, p.Stderr = &out, &screen
	err := p.Run()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(err)
	}
	return ended{out.String(), screen.String(), p.ProcessState.ExitCode()}
}

// Every command names a misspelled variable and the one that was probably meant, and
// never quotes the value.
func TestCommandsNameUnknownVariables(t *testing.T) {
	for _, args := range [][]string{{"serve"}, {"demo"}, {"migrate", "status"}, {"keys", "rotate"}, {"doctor"}} {
		p := command(t, map[string]string{"FIELDBRIDGE_BASEURL": "stc_value", "FIELDBRIDGE_KEYSET_FILE": "none/keyset.json", "FIELDBRIDGE_ADDR": "127.0.0.1"}, args...)
		if err := os.WriteFile(filepath.Join(p.Dir, ".env"), []byte("SERVICETITAN_PRODUCTION_APPKEY=stc_value\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		got := end(t, p)
		for _, says := range []string{"FIELDBRIDGE_BASEURL is not known; did you mean FIELDBRIDGE_BASE_URL?", "SERVICETITAN_PRODUCTION_APPKEY is not known; did you mean SERVICETITAN_PRODUCTION_APP_KEY?"} {
			if n := strings.Count(got.out+got.err, says); n != 1 {
				t.Errorf("%s: %q is said %d times:\n%s%s", args, says, n, got.out, got.err)
			}
		}
		if strings.Contains(got.out+got.err, "stc_value") || strings.Contains(got.err, commandVariable) || got.code != 1 {
			t.Errorf("%s: ends with %d:\n%s%s", args, got.code, got.out, got.err)
		}
	}
}

// healthy returns the variables of a deployment that lacks only an environment of
// ServiceTitan.
func healthy(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	keyset := filepath.Join(dir, "keyset.json")
	if _, err := seal.Create(keyset); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"FIELDBRIDGE_KEYSET_FILE": keyset, "FIELDBRIDGE_DATABASE_URL": filepath.Join(dir, "app.db"), "FIELDBRIDGE_BASE_URL": "http://localhost:8080"}
}

// The doctor's last line says in plain English whether something needs to be fixed, and
// its exit code agrees.
func TestDoctorsLastLine(t *testing.T) {
	for name, tt := range map[string]struct {
		more     map[string]string
		out, err string
		code     int
	}{
		"no environment": {map[string]string{"FIELDBRIDGE_SMTP_URL": "smtp://mail.example.com", "FIELDBRIDGE_MAIL_FROM": "app@example.com"}, "Nothing needs to be fixed. There is 1 warning.\n", "", 0},
		"two warnings":   {nil, "Nothing needs to be fixed. There are 2 warnings.\n", "", 0},
		"three warnings": {map[string]string{"FIELDBRIDGE_BASEURL": "x"}, "Nothing needs to be fixed. There are 3 warnings.\n", "", 0},
		"a demo":         {map[string]string{"FIELDBRIDGE_SANDBOX_ADDR": "127.0.0.1:9", "FIELDBRIDGE_SANDBOX_URL": "http://127.0.0.1:9"}, "Everything is fine.\n", "", 0},
		"one problem":    {map[string]string{"FIELDBRIDGE_KEYSET_FILE": "none.json"}, "", "fieldbridge: 1 problem to fix\n", 1},
		"two problems":   {map[string]string{"FIELDBRIDGE_LOG": "xml", "FIELDBRIDGE_ADDR": "x"}, "", "fieldbridge: 2 problems to fix\n", 1},
	} {
		variables := healthy(t)
		for n, v := range tt.more {
			variables[n] = v
		}
		got := end(t, command(t, variables, "doctor"))
		if !strings.HasSuffix(got.out, tt.out) || !strings.HasSuffix(got.err, tt.err) || got.code != tt.code {
			t.Errorf("%s: ends with %d:\n%s%s", name, got.code, got.out, got.err)
		}
	}
}
