package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers"
)

func TestConfigIntegration(t *testing.T) {
	const prefix = "FIELDBRIDGE_INTEGRATION_"
	if c, err := loadConfig(serveDefaults(), lookupIn(nil)); err != nil || c.OtherEnd.shown() != (handlers.Integration{}) {
		t.Errorf("without the variables: %+v, %v", c.OtherEnd, err)
	}
	file := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	all := map[string]string{
		prefix + "NAME": " Acme  Scheduling ", prefix + "LOGO": file("logo.svg", sampleLogo),
		prefix + "URL": "https://app.example.com/settings?tab=servicetitan", prefix + "SUPPORT": "help@example.com",
		prefix + "PRIVACY_URL": "https://example.com/privacy", prefix + "TERMS_URL": "http://localhost:3000/terms",
	}
	c, err := loadConfig(serveDefaults(), lookupIn(all))
	if err != nil {
		t.Fatal(err)
	}
	got := c.OtherEnd.shown()
	if !strings.HasPrefix(got.LogoPath, "/static/logo.") {
		t.Errorf("the logo is at %s", got.LogoPath)
	}
	got.LogoPath = ""
	want := handlers.Integration{
		Name: "Acme Scheduling", HomeURL: "https://app.example.com/settings?tab=servicetitan", Support: handlers.Contact{Email: "help@example.com"},
		PrivacyURL: "https://example.com/privacy", TermsURL: "http://localhost:3000/terms",
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	delete(all, prefix+"NAME")
	if _, err := loadConfig(serveDefaults(), lookupIn(all)); err == nil || !strings.Contains(err.Error(), prefix+"NAME is missing") {
		t.Errorf("without a name: %v", err)
	}
	for name, values := range map[string][]string{
		"NAME":        {strings.Repeat("é", 61), "Acme \u202eScheduling", "acme.example/app", "Acme\nScheduling"},
		"LOGO":        {"no-such-file.svg", file("logo.gif", "GIF89a"), file("large.svg", sampleLogo+strings.Repeat(" ", handlers.LargestLogo)), t.TempDir()},
		"URL":         {"javascript:alert(1)", "http://example.com", "example.com", "https:example.com", "https://user@example.com/"},
		"SUPPORT":     {"Help <help@example.com>", "help", "http://example.com", "tel:+15550100199"},
		"PRIVACY_URL": {"data:text/html,x", "/privacy"},
		"TERMS_URL":   {"ftp://example.com/terms"},
	} {
		for _, value := range values {
			_, err := loadConfig(serveDefaults(), lookupIn(map[string]string{prefix + "NAME": "Acme", prefix + name: value}))
			if err == nil || !strings.HasPrefix(err.Error(), prefix+name+" is") && !strings.HasPrefix(err.Error(), prefix+name+" has") {
				t.Errorf("%s=%.40q: %v", name, value, err)
			}
		}
	}
}

// A demo names the sample app, whose start page is on the sandbox.
func TestDemoNamesTheSampleApp(t *testing.T) {
	i, err := demoIntegration(&url.URL{Scheme: "http", Host: "127.0.0.1:9090"})
	if err != nil {
		t.Fatal(err)
	}
	if i.Name != sampleAppName || i.URL != "http://127.0.0.1:9090/app" || i.Logo == nil {
		t.Errorf("got %+v", i)
	}
}
