package main

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// startForeignIssuer runs the OAuth 2.0 server of .ci/oauth, which is independent of
// this project, and returns its address.
func startForeignIssuer(t *testing.T, redirect, secret string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "oauth")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Dir = filepath.Join(root, ".ci", "oauth")
	if out, err := build.CombinedOutput(); err != nil {
		testdb.Missing(t, "the module of .ci/oauth ("+string(out)+")")
	}
	server := exec.CommandContext(t.Context(), binary, "-redirect", redirect, "-secret", secret)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// Both grants work with an independent OAuth 2.0 server that differs from
// ServiceTitan's. It has other paths, opaque tokens, no tenant claim, and no
// revocation. Only the configuration tells the app about it.
func TestForeignIssuer(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base, secret := "http://"+l.Addr().String(), "a secret of another kind"
	issuer := startForeignIssuer(t, base+"/callback", secret)
	env := map[string]string{
		"FIELDBRIDGE_BASE_URL": base, "FIELDBRIDGE_DATABASE_URL": filepath.Join(t.TempDir(), "app.db"),
		"SERVICETITAN_PRODUCTION_AUTH_URL": issuer, "SERVICETITAN_PRODUCTION_API_URL": issuer,
		"SERVICETITAN_PRODUCTION_APP_KEY": "a key", "SERVICETITAN_PRODUCTION_CLIENT_ID": "app",
		"SERVICETITAN_PRODUCTION_CLIENT_SECRET": secret, "SERVICETITAN_PRODUCTION_SCOPES": "read",
		"SERVICETITAN_PRODUCTION_WAYS": "sign_in,own_credentials",
	}
	c, err := loadConfig(serveDefaults(), func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	a, err := newApp(t.Context(), c, newKeyset(t), nil, quiet())
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(a.public, quiet())
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() {
		_ = server.Close()
		_ = a.db.Close()
	})

	b := newClient(base)
	t.Cleanup(b.transport.CloseIdleConnections)
	must := func(p page, err error) page {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if p.header.Get("Set-Cookie") != "" {
			b.keep(p)
		}
		return p
	}
	post := func(path string, pairs ...string) page {
		t.Helper()
		form := url.Values{}
		for i := 0; i+1 < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return must(b.post(path, form))
	}
	says := func(path string, words ...string) string {
		t.Helper()
		body := string(must(b.get(path, http.StatusOK)).body)
		for _, part := range words {
			if !strings.Contains(body, part) {
				t.Fatalf("%s does not say %q:\n%s", path, part, body)
			}
		}
		return body
	}
	field := func(body, name string) string {
		t.Helper()
		found := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(body)
		if found == nil {
			t.Fatalf("no field %s:\n%s", name, body)
		}
		return found[1]
	}
	link, err := a.accounts.InviteOwner(t.Context(), "amy@northgate.example", "Northgate")
	if err != nil {
		t.Fatal(err)
	}
	post("/verify/"+link.Reveal(), "company", "Northgate", "name", "Amy", "password", "a short sentence works")

	// The authorization code grant, and then renewal by refresh token, twice, because
	// the server rotates them.
	review := post("/connect", "env", "production", "how", "sign_in", "tenant", "842193311").location
	authorize := post("/connect/authorize", "choice", field(says(review), "choice")).location
	back := followOnce(t, authorize)
	path, _, _ := strings.Cut(must(b.get(strings.TrimPrefix(back, base), http.StatusSeeOther)).location, "?")
	for range 2 {
		post(path + "/test")
		says(path, "Connected", "A server of another kind", "Test passed")
	}

	// The client credentials grant, refused and accepted, and then renewal.
	choice := field(says(post("/connect", "env", "production", "how", "own_credentials", "tenant", "905118274").location), "choice")
	if _, err := b.send(http.MethodPost, "/connect/credentials", url.Values{
		"choice": {choice}, "tenant": {"905118274"}, "client": {"tenant"}, "secret": {"wrong"},
	}.Encode(), http.StatusUnprocessableEntity); err != nil {
		t.Error(err)
	}
	path, _, _ = strings.Cut(post("/connect/credentials", "choice", choice, "tenant", "905118274", "client", "tenant", "secret", secret).location, "?")
	post(path + "/test")
	says(path, "Connected", "Test passed", "Use a client ID and secret")

	// The server has no revocation endpoint, and that is not an error.
	post(path + "/disconnect")
	says(path, "Disconnected")
}

// followOnce loads an address, and returns where it redirects to.
func followOnce(t *testing.T, address string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{ResponseHeaderTimeout: 10 * time.Second}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.Header.Get("Location")
}
