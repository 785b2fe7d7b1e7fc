package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// parseSandbox reads the command's flags.
func parseSandbox(t *testing.T, args ...string) (c sandboxCommand) {
	t.Helper()
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return c
}

// startSandbox runs the command, and returns what it prints and a function that stops
// it.
func startSandbox(t *testing.T, args ...string) (registration map[string]string, stop func()) {
	t.Helper()
	command := parseSandbox(t, append([]string{"--addr", "127.0.0.1:0"}, args...)...)
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := command.serve(ctx, write, quiet())
		_ = write.Close()
		done <- err
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	registration = map[string]string{}
	for lines := bufio.NewScanner(read); len(registration) < 6 && lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), "  ")
		registration[name] = strings.TrimSpace(value)
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	return registration, stop
}

// A printed value that is pasted into a shell keeps its meaning.
func TestSandboxPrintsForAShell(t *testing.T) {
	c := sandboxCommand{
		URL: "http://127.0.0.1:9090", ClientID: "cid.sandbox", ClientSecret: "a test's $(secret) \\ \"key\"", AppKey: "ak1.sandbox;~*",
		RedirectURI: []string{"http://localhost:3000/callback?a=1&b=2", "http://localhost:8080/callback"}, Scopes: defaultScopes,
	}
	var out bytes.Buffer
	c.print(&out)
	said := map[string]string{}
	for line := range strings.Lines(out.String()) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "  ")
		text, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+value).Output() // #nosec G204 -- what is tested
		if err != nil {
			t.Fatal(err)
		}
		said[name] = string(text)
	}
	if want := map[string]string{
		"Sandbox": c.URL, "Client ID": c.ClientID, "Client secret": c.ClientSecret, "App key": c.AppKey,
		"Redirect URIs": strings.Join(c.RedirectURI, ","), "Scopes": c.Scopes,
	}; !maps.Equal(said, want) {
		t.Errorf("a shell takes it for %q, want %q", said, want)
	}
	if strings.Contains(out.String(), "'cid.sandbox'") {
		t.Error("what needs no quotes has them")
	}
	// The flag accepts the printed list.
	if again := parseSandbox(t, "--redirect-uri", said["Redirect URIs"]); !slices.Equal(again.RedirectURI, c.RedirectURI) {
		t.Errorf("the flag takes it for %q", again.RedirectURI)
	}
}

// A test of another program starts the sandbox, prepares what it needs without a
// browser, and switches on faults.
func TestSandboxAlone(t *testing.T) {
	said, stop := startSandbox(t, "--client-secret", "a secret", "--access-token-life", "2m", "--no-rotation",
		"--redirect-uri", "https://one.example/callback", "--redirect-uri", "https://two.example/callback", "--scopes", "tn.stt.businessunits:r offline_access")
	base := said["Sandbox"]
	if said["Client ID"] != "cid.sandbox" || said["Client secret"] != "'a secret'" || !strings.HasPrefix(said["App key"], "ak1.sandbox") ||
		said["Redirect URIs"] != "https://one.example/callback,https://two.example/callback" || said["Scopes"] != "'tn.stt.businessunits:r offline_access'" {
		t.Errorf("it says %v", said)
	}
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	t.Cleanup(client.CloseIdleConnections)
	ask := func(method, path, contentType, body string) (int, map[string]any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		var fields map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&fields); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, fields
	}
	_, granted := ask("POST", "/control/tenants/842193311/grant", "application/json", "")
	refresh, _ := granted["refresh_token"].(string)
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "client_id": {"cid.sandbox"}, "client_secret": {"a secret"}}.Encode()
	renew := func() (int, map[string]any) {
		t.Helper()
		return ask("POST", "/connect/token", "application/x-www-form-urlencoded", form)
	}
	for range 2 {
		if status, tokens := renew(); status != 200 || tokens["refresh_token"] != refresh || tokens["expires_in"] != 120.0 || tokens["scope"] != "tn.stt.businessunits:r offline_access" {
			t.Errorf("answer %d %v", status, tokens)
		}
	}
	ask("POST", "/control/faults", "application/json", `{"kind":"status_503","times":1}`)
	if status, _ := renew(); status != 503 {
		t.Errorf("answer %d, want 503", status)
	}
	if _, list := ask("GET", "/control/faults", "", ""); list["fired"].(map[string]any)["status_503"] != 1.0 {
		t.Errorf("fired %v", list["fired"])
	}
	// A stop does not wait for answers that a fault delays.
	ask("POST", "/control/faults", "application/json", `{"kind":"hold"}`)
	r, err := http.NewRequestWithContext(t.Context(), "POST", base+"/connect/token", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	held := make(chan error, 1)
	go func() {
		resp, err := client.Do(r)
		if err == nil {
			err = resp.Body.Close()
		}
		held <- err
	}()
	for {
		if _, list := ask("GET", "/control/faults", "", ""); list["fired"].(map[string]any)["hold"] == 1.0 {
			break
		}
	}
	stop()
	if err := <-held; err != nil {
		t.Error(err)
	}
}

// Each secret that is not given is new at each start.
func TestSandboxSecretsAreItsOwn(t *testing.T) {
	one, _ := startSandbox(t)
	two, _ := startSandbox(t)
	for _, name := range []string{"Client secret", "App key", "Sandbox"} {
		if one[name] == two[name] || len(one[name]) < 20 {
			t.Errorf("%s is %q and %q", name, one[name], two[name])
		}
	}
	if one["Scopes"] != "'"+defaultScopes+"'" || one["Redirect URIs"] != "http://localhost:8080/callback" {
		t.Errorf("it says %v", one)
	}
}

// An address that other machines can reach is refused, unless --allow-remote is given.
func TestSandboxReach(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		says string // empty if it may listen
	}{
		"by default":          {nil, ""},
		"localhost":           {[]string{"--addr", "localhost:9090"}, ""},
		"IPv6":                {[]string{"--addr", "[::1]:9090"}, ""},
		"named":               {[]string{"--url", "http://localhost:9090"}, ""},
		"everywhere":          {[]string{"--addr", ":9090"}, "--allow-remote"},
		"every IPv4":          {[]string{"--addr", "0.0.0.0:9090"}, "--allow-remote"},
		"a network":           {[]string{"--addr", "192.168.1.7:9090"}, "--allow-remote"},
		"a host's name":       {[]string{"--addr", "sandbox.internal:9090"}, "--allow-remote"},
		"behind a proxy":      {[]string{"--url", "https://sandbox.example"}, "--allow-remote"},
		"wanted":              {[]string{"--addr", ":9090", "--url", "http://sandbox:9090", "--allow-remote"}, ""},
		"wanted, by no name":  {[]string{"--addr", ":9090", "--allow-remote"}, "--url"},
		"wanted, by proxy":    {[]string{"--url", "https://sandbox.example", "--allow-remote"}, ""},
		"no port":             {[]string{"--addr", "127.0.0.1"}, "--addr"},
		"address with a path": {[]string{"--url", "http://127.0.0.1:9090/x"}, "--url"},
		"another scheme":      {[]string{"--url", "ftp://127.0.0.1:9090"}, "--url"},
		"no address":          {[]string{"--url", "127.0.0.1:9090"}, "--url"},
	} {
		err := parseSandbox(t, test.args...).checkReach()
		if (err == nil) != (test.says == "") || (err != nil && !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

func TestSandboxRefusesNonsense(t *testing.T) {
	for name, args := range map[string][]string{
		"a relative redirect": {"--redirect-uri", "/callback"},
		"no scheme":           {"--redirect-uri", "//localhost:3000/callback"},
		"endless tokens":      {"--access-token-life", "48h"},
		"negative tokens":     {"--access-token-life=-1m"},
		"an endless grace":    {"--refresh-grace", "2h"},
	} {
		err := parseSandbox(t, append([]string{"--addr", "127.0.0.1:0"}, args...)...).serve(t.Context(), io.Discard, quiet())
		if err == nil || strings.Contains(err.Error(), "panic") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Everything that the help names exists.
func TestSandboxHelp(t *testing.T) {
	help := sandboxCommand{}.Help()
	said, _ := startSandbox(t)
	base := said["Sandbox"]
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/connect/authorize", "/connect/token", "/connect/revocation", "/settings/v2/tenant/{tenant}/business-units", "/", "/control/"} {
		if !strings.Contains(help, path) {
			t.Errorf("help does not name %s", path)
		}
		asked := strings.Replace(path, "{tenant}", "842193311", 1)
		if path == "/control/" {
			asked += "requests"
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+asked, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode == http.StatusNotFound {
			t.Errorf("%s: %d, %v", path, resp.StatusCode, err)
		}
	}
}

// The README names every fault and action of the control API.
func TestSandboxReadme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "handlers", "sandbox", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	section := string(text)
	for _, kind := range sandbox.FaultKinds() {
		if !strings.Contains(section, "`"+string(kind)+"`") {
			t.Errorf("it does not name the fault %s", kind)
		}
	}
	for _, action := range sandbox.Actions() {
		if !strings.Contains(section, string(action)) {
			t.Errorf("it does not name the action %s", action)
		}
	}
}
