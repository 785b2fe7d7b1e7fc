package main

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/browsertest"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/testdb"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// runBackEnd builds testdata/backend, and runs it with some variables. It returns the
// lines that the program prints.
func runBackEnd(t *testing.T, variables ...string) <-chan string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "backend")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./testdata/backend").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.CommandContext(t.Context(), program)
	run.Env, run.Stderr = append(os.Environ(), variables...), os.Stderr
	run.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Wait() }) // the end of the test has killed it
	lines := make(chan string)
	go func() {
		defer close(lines)
		for printed := bufio.NewScanner(out); printed.Scan(); {
			lines <- printed.Text()
		}
	}()
	return lines
}

// wantLine waits until the program prints a line that begins with some words.
func wantLine(t *testing.T, lines <-chan string, words string) {
	t.Helper()
	limit := time.After(40 * time.Second)
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("the program has ended before it printed %q", words)
			}
			if strings.HasPrefix(line, words) {
				return
			}
			t.Errorf("it printed %q before %q", line, words)
		case <-limit:
			t.Fatalf("it does not print %q", words)
		}
	}
}

// A back end of 60 lines never polls. It makes a connect session, a person connects in a
// browser, the webhook arrives and verifies, and the token works. When access is
// withdrawn at ServiceTitan, a webhook says so.
func TestBrowserBackEndOfSixtyLines(t *testing.T) {
	source, err := os.ReadFile("testdata/backend/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(source, []byte("\n")); lines > 60 {
		t.Errorf("the back end has %d lines", lines)
	}
	page := browsertest.Open(t)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := strings.Replace("http://"+listener.Addr().String(), "127.0.0.1", "localhost", 1)
	s := openDemo(t, testdb.SQLite(t), newKeyset(t), map[string]string{"FIELDBRIDGE_BASE_URL": base, "FIELDBRIDGE_KEEPALIVE": "10s"})
	server := httptest.NewUnstartedServer(s.public)
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	ctx, stop := context.WithCancel(t.Context())
	var background sync.WaitGroup
	background.Go(func() { s.keeper.Run(ctx) })
	background.Go(func() { s.webhooks.Run(ctx) })
	t.Cleanup(func() {
		stop()
		background.Wait()
	})

	at, _, _ := freeAddrs(t)
	backEnd, by := "http://"+at, accounts.CommandLine("root")
	_, key, err := s.apiKeys.Create(t.Context(), by, accounts.NewKey{
		Name: "Acme Scheduling", Scopes: []accounts.Scope{accounts.ScopeConnectWrite, accounts.ScopeTokensRead}, ReturnURLs: []string{backEnd + "/connected"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, signing, err := s.webhooks.AddEndpoint(t.Context(), by, nil, webhook.NewEndpoint{
		URL: backEnd + "/webhooks", Types: []webhook.Type{webhook.ConnectionConnected, webhook.ConnectionNeedsReconnect},
	})
	if err != nil {
		t.Fatal(err)
	}
	environment := s.connections.Environments()[0]
	lines := runBackEnd(t, "LISTEN="+at, "FIELDBRIDGE="+base, "FIELDBRIDGE_KEY="+key.Reveal(), "WEBHOOK_SECRET="+signing.Reveal(),
		"RETURN_URL="+backEnd+"/connected", "APP_KEY="+environment.AppKey.Reveal())
	until(t, func() bool {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", at)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})

	page.Goto(backEnd + "/connect")
	page.See("Acme Scheduling wants to connect ServiceTitan for Northgate Heating")
	page.Click("Continue", "Can you sign in to ServiceTitan as an admin?")
	page.Click("Yes, I can", "Tenant ID")
	page.Type("tenant", "842193311")
	page.Click("Continue", "Continue to ServiceTitan")
	page.Click("Continue to ServiceTitan", "Sign in to the sandbox")
	page.Click("Sign in", "Allow Fieldbridge to use a test company?")
	page.Click("Allow", "Thank you")
	wantLine(t, lines, "connected 4711 with business units: 3")
	s.box.RevokeGrants(842193311)
	wantLine(t, lines, "withdrawn")
}
