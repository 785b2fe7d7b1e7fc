package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/outbound"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

func lookupIn(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
}

func TestConfigDefaults(t *testing.T) {
	c, err := loadConfig(serveDefaults(), lookupIn(nil))
	if err != nil {
		t.Fatal(err)
	}
	if c.BaseURL.String() != "http://localhost:8080" || c.Addr != ":8080" || c.DatabaseURL != "data/fieldbridge.db" || len(c.environments) != 0 || c.SandboxAddr != "" {
		t.Errorf("got %+v", c)
	}
}

// A demo on this machine knows where its sandbox listens. One that others reach has to be
// told how they do.
func TestConfigDemoSandboxURL(t *testing.T) {
	for _, tt := range []struct {
		variables map[string]string
		url, err  string
	}{
		{nil, "http://127.0.0.1:9090", ""},
		{map[string]string{"FIELDBRIDGE_SANDBOX_ADDR": "127.0.0.1:7070"}, "http://127.0.0.1:7070", ""},
		{map[string]string{"FIELDBRIDGE_SANDBOX_ADDR": "127.0.0.1:7070", "FIELDBRIDGE_SANDBOX_URL": "http://localhost:9"}, "http://localhost:9", ""},
		{map[string]string{"FIELDBRIDGE_SANDBOX_URL": ""}, "http://127.0.0.1:9090", ""},
		{map[string]string{"FIELDBRIDGE_SANDBOX_ADDR": ":7070"}, "", "FIELDBRIDGE_SANDBOX_URL is missing"},
	} {
		c, err := loadConfig(demoDefaults(), lookupIn(tt.variables))
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%v: got %v", tt.variables, err)
			}
		case err != nil || c.SandboxURL.String() != tt.url:
			t.Errorf("%v: got %v, %v", tt.variables, c.SandboxURL, err)
		}
	}
}

// Anybody can sign in to a demo that is deployed, so it sends webhooks nowhere but to its
// sandbox.
func TestDeployedDemoSendsWebhooksOnlyToItself(t *testing.T) {
	for base, want := range map[string]outbound.Rules{
		"http://localhost:8080":    {Loopback: true},
		"https://demo.example.com": {Only: "sandbox.example.com"},
	} {
		c, err := loadConfig(serveDefaults(), lookupIn(map[string]string{
			"FIELDBRIDGE_BASE_URL": base, "FIELDBRIDGE_TRUSTED_PROXIES": "none",
			"FIELDBRIDGE_SANDBOX_ADDR": "127.0.0.1:9090", "FIELDBRIDGE_SANDBOX_URL": "https://sandbox.example.com",
		}))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.outboundRules(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v", base, got)
		}
	}
}

func TestConfigEnvironment(t *testing.T) {
	c, err := loadConfig(serveDefaults(), lookupIn(map[string]string{
		"SERVICETITAN_INTEGRATION_CLIENT_ID":     "cid.x",
		"SERVICETITAN_INTEGRATION_CLIENT_SECRET": "cs1.canary",
		"SERVICETITAN_INTEGRATION_APP_KEY":       "ak1.canary",
		"SERVICETITAN_INTEGRATION_WAYS":          "sign_in, guided",
		"SERVICETITAN_INTEGRATION_AUTH_URL":      "https://auth.example/",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.environments) != 1 {
		t.Fatalf("%d environments, want the one with an app key", len(c.environments))
	}
	e := c.environments[0]
	if e.Name != servicetitan.Integration || e.AuthURL.String() != "https://auth.example" || !e.Offers(servicetitan.SignIn) || e.Offers(servicetitan.OwnCredentials) {
		t.Errorf("got %+v", e)
	}
}

// One error names everything that is wrong, each with the variable's name and an
// example, and without any value.
func TestConfigProblemsAreReportedTogether(t *testing.T) {
	_, err := loadConfig(serveDefaults(), lookupIn(map[string]string{
		"FIELDBRIDGE_ADDR":                      "eighty",
		"FIELDBRIDGE_BASE_URL":                  "http://connect.example.com",
		"FIELDBRIDGE_LOG":                       "xml",
		"FIELDBRIDGE_TRUSTED_PROXIES":           "everyone",
		"SERVICETITAN_PRODUCTION_CLIENT_SECRET": "canary",
		"SERVICETITAN_PRODUCTION_AUTH_URL":      "ftp://auth.example",
		"SERVICETITAN_INTEGRATION_APP_KEY":      "ak1.canary",
		"SERVICETITAN_INTEGRATION_WAYS":         "sign_in,telepathy",
	}))
	if err == nil {
		t.Fatal("all of it was taken")
	}
	for _, name := range []string{
		"FIELDBRIDGE_ADDR ", "FIELDBRIDGE_BASE_URL ", "FIELDBRIDGE_LOG ", "FIELDBRIDGE_TRUSTED_PROXIES ",
		"SERVICETITAN_PRODUCTION_APP_KEY ", "SERVICETITAN_PRODUCTION_AUTH_URL ", "SERVICETITAN_INTEGRATION_WAYS ",
	} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("nothing is said of %s", name)
		}
	}
	if !strings.Contains(err.Error(), "FIELDBRIDGE_BASE_URL=https://") {
		t.Error("there is no example")
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("a secret is in the error: %v", err)
	}
}

// No error quotes the value of a variable, because it may be a secret in the wrong
// place.
func TestConfigErrorsQuoteNoValue(t *testing.T) {
	wrong := 0
	for _, v := range new(config).variables(serveDefaults()) {
		for _, value := range []string{"canary", "canary://user:canary@canary/canary", "postgres://user:canary@db.internal:canary/x", "smtp://user:canary@mail/canary", "1canary", "%canary"} {
			_, err := loadConfig(serveDefaults(), lookupIn(map[string]string{v.Envs[0]: value}))
			if err == nil {
				continue
			}
			wrong++
			if strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), v.Envs[0]) && !strings.Contains(err.Error(), "is required with") {
				t.Errorf("%s=%s: %v", v.Envs[0], value, err)
			}
		}
	}
	if wrong < 50 {
		t.Errorf("%d values were refused", wrong)
	}
}

// The three variables of the staff's issuer belong together.
func TestConfigStaffIssuer(t *testing.T) {
	const prefix = "FIELDBRIDGE_STAFF_OIDC_"
	all := map[string]string{prefix + "ISSUER": "https://login.example.com/", prefix + "CLIENT_ID": "fieldbridge", prefix + "CLIENT_SECRET": "canary"}
	c, err := loadConfig(serveDefaults(), lookupIn(all))
	if err != nil {
		t.Fatal(err)
	}
	if i := c.staffSignIn(); i == nil || i.Issuer != "https://login.example.com/" || i.ClientID != "fieldbridge" || i.ClientSecret.Reveal() != "canary" {
		t.Errorf("got %+v", i)
	}
	if c, err := loadConfig(serveDefaults(), lookupIn(nil)); err != nil || c.staffSignIn() != nil {
		t.Errorf("without them: %+v, %v", c.staffSignIn(), err)
	}
	for missing := range all {
		without := maps.Clone(all)
		delete(without, missing)
		_, err := loadConfig(serveDefaults(), lookupIn(without))
		if err == nil || !strings.Contains(err.Error(), missing+" is missing") || strings.Contains(err.Error(), "canary") {
			t.Errorf("without %s: %v", missing, err)
		}
	}
	for _, issuer := range []string{"http://login.example.com", "login.example.com", "https://a@login.example.com", "https://login.example.com/?a=b", "javascript:alert(1)"} {
		wrong := maps.Clone(all)
		wrong[prefix+"ISSUER"] = issuer
		_, err := loadConfig(serveDefaults(), lookupIn(wrong))
		if err == nil || !strings.HasPrefix(err.Error(), prefix+"ISSUER is") || strings.Count(err.Error(), "\n") != 0 {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

// http is accepted only on this machine.
func TestBaseURL(t *testing.T) {
	tests := map[string]bool{
		"https://connect.example.com":   true,
		"http://localhost:8080":         true,
		"http://127.0.0.1:8080/":        true,
		"http://[::1]:8080":             true,
		"http://connect.example.com":    false,
		"http://localhost.evil.example": false,
		"http://127.0.0.1.evil.example": false,
		"https://a@b.example":           false,
		"https://connect.example.com/x": false,
		"javascript:alert(1)":           false,
		"//connect.example.com":         false,
	}
	for address, want := range tests {
		if _, err := originURL(address); (err == nil) != want {
			t.Errorf("%s: got %v, want taken %t", address, err, want)
		}
	}
}

// update makes the test of the table write the table.
var update = flag.Bool("update", false, "write what is generated from the code")

// configurationTable returns the table for the operator's page.
func configurationTable() string {
	var b strings.Builder
	b.WriteString("| variable | default | meaning |\n|---|---|---|\n")
	inDemo := new(config).variables(demoDefaults())
	for i, v := range new(config).variables(serveDefaults()) {
		code := func(value string) string {
			if value == "" {
				return "none"
			}
			return "`" + value + "`"
		}
		value := code(v.Default)
		if demo := inDemo[i].Default; demo != v.Default {
			value += "; demo: " + code(demo)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Envs[0], value, v.Help)
	}
	return b.String()
}

// The table of the operator's page matches the program. go generate ./cmd/fieldbridge
// writes it.
func TestREADMEHasTheConfiguration(t *testing.T) {
	const file, begin, end = "README.md", "<!-- configuration: generated by go generate -->\n", "<!-- end of configuration -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), begin)
	table, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		t.Fatalf("%s has no place for the table", file)
	}
	want := configurationTable()
	if table == want {
		return
	}
	if !*update {
		t.Fatalf("the table is stale; run: go generate ./cmd/fieldbridge\ngot:\n%s\nwant:\n%s", table, want)
	}
	if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The README says how to run the app.
func TestREADMEHasTheCommands(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"fieldbridge serve", "fieldbridge keys new", "fieldbridge migrate", "make run", "make test"} {
		if !strings.Contains(string(readme), word) {
			t.Errorf("%q is not in the README", word)
		}
	}
}

func TestConfigSupportContact(t *testing.T) {
	const prefix = "FIELDBRIDGE_SUPPORT_"
	if c, err := loadConfig(serveDefaults(), lookupIn(nil)); err != nil || c.contact() != (handlers.Contact{}) {
		t.Errorf("without the variables: %+v, %v", c.contact(), err)
	}
	c, err := loadConfig(serveDefaults(), lookupIn(map[string]string{
		prefix + "EMAIL": "Help@Example.com", prefix + "PHONE": "+1 (555) 010-0199", prefix + "URL": "https://example.com/support?from=fieldbridge",
	}))
	if err == nil || !strings.HasPrefix(err.Error(), prefix+"URL is") {
		t.Errorf("an address with a query: %v", err)
	}
	want := handlers.Contact{Email: "Help@Example.com", Phone: "+1 (555) 010-0199"}
	if got := c.contact(); got != want {
		t.Errorf("got %+v", got)
	}
	for name, values := range map[string][]string{
		"EMAIL": {"Help <help@example.com>", "help", "help@example.com, more@example.com", "help@example.com?cc=x"},
		"PHONE": {"555 0100", "+1", "+1 555 CALL NOW", "+", "javascript:alert(1)"},
		"URL":   {"javascript:alert(1)", "http://example.com", "example.com"},
	} {
		for _, value := range values {
			if _, err := loadConfig(serveDefaults(), lookupIn(map[string]string{prefix + name: value})); err == nil || !strings.HasPrefix(err.Error(), prefix+name+" is") {
				t.Errorf("%s: %v", value, err)
			}
		}
	}
}
