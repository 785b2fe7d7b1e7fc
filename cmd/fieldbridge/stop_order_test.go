package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The servers stop in order. The public one stops first. The sandbox stops only after
// the background work, which still sends requests to it.
func TestSandboxStopsLast(t *testing.T) {
	s := openDemo(t, filepath.Join(t.TempDir(), "app.db"), newKeyset(t))
	ls, err := listenOn(t.Context(), "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	says := func(words string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, words) })
	}
	get := func(at int) (string, error) {
		// Each request needs a new connection, because a kept connection would be served
		// longer.
		transport := &http.Transport{DisableKeepAlives: true}
		r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, "http://"+ls[at].Addr().String(), nil)
		if err != nil {
			return "", err
		}
		resp, err := transport.RoundTrip(r)
		if err != nil {
			return "", err
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		return string(text), err
	}
	var late error
	s.background = append(s.background, func(ctx context.Context) {
		<-ctx.Done()
		until(t, func() bool { _, err := get(0); return err != nil })
		for range 50 {
			for at, want := range map[int]string{1: "admin", 2: "sandbox"} {
				if got, err := get(at); got != want {
					late = fmt.Errorf("%s: %q, %w", want, got, err)
				}
			}
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	if err := s.run(ctx, quiet(), ls.serve(says("public"), says("admin"), says("sandbox")), stop); err != nil {
		t.Fatal(err)
	}
	if late != nil {
		t.Errorf("while work goes on: %v", late)
	}
	for at := range ls {
		if _, err := get(at); err == nil {
			t.Errorf("listener %d still answers", at)
		}
	}
}

// A demo that is stopped during renewals leaves every connection as it was.
func TestDemoStopsWithoutRetrying(t *testing.T) {
	dir := t.TempDir()
	d := newDeployment(t, dir, nil)
	variables := map[string]string{
		"FIELDBRIDGE_ADDR": d.addr, "FIELDBRIDGE_ADMIN_ADDR": d.admin, "FIELDBRIDGE_BASE_URL": "http://" + d.addr, "FIELDBRIDGE_LOG_LEVEL": "error",
		"FIELDBRIDGE_DATABASE_URL": filepath.Join(dir, "app.db"), "FIELDBRIDGE_KEYSET_FILE": filepath.Join(dir, "keyset.json"),
		"FIELDBRIDGE_SANDBOX_ADDR": d.sandbox, "FIELDBRIDGE_SANDBOX_URL": "http://" + d.sandbox,
	}
	query := func(statement string, args ...any) (tenants []string) {
		t.Helper()
		db, err := sql.Open("sqlite3", "file:"+variables["FIELDBRIDGE_DATABASE_URL"]+"?_busy_timeout=5000")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		rows, err := db.QueryContext(t.Context(), statement, args...)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var tenant string
			if err := rows.Scan(&tenant); err != nil {
				t.Fatal(err)
			}
			tenants = append(tenants, tenant)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return tenants
	}
	start := func(args ...string) *exec.Cmd {
		t.Helper()
		p := command(t, variables, append([]string{"demo"}, args...)...)
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, func() bool {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.admin+"/readyz", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				return false
			}
			defer func() { _ = resp.Body.Close() }()
			return resp.StatusCode == http.StatusOK
		})
		return p
	}
	stop := func(p *exec.Cmd) {
		t.Helper()
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(); err != nil {
			t.Errorf("it ends with %v", err)
		}
	}
	stop(start())
	before := query("SELECT tenant_id FROM connections WHERE state = 'degraded'")
	p := start("--keep")
	held := post(t, "http://"+d.sandbox+"/control/faults", `{"kind":"hold"}`)
	if held != http.StatusCreated {
		t.Fatalf("the sandbox answers %d", held)
	}
	due := query("UPDATE credentials SET due_at = ? WHERE connection_id IN (SELECT id FROM connections WHERE state = 'connected') RETURNING connection_id", time.Now().UTC())
	if len(due) == 0 {
		t.Fatal("nothing is due")
	}
	until(t, func() bool {
		_, body := fetch(t, http.MethodGet, "http://"+d.sandbox+"/control/faults", nil)
		return regexp.MustCompile(`"met":\s*[1-9]`).MatchString(body)
	})
	stop(p)
	for range 2 {
		for _, tenant := range query("SELECT tenant_id FROM connections WHERE state = 'degraded'") {
			if !slices.Contains(before, tenant) {
				t.Errorf("tenant %s is retrying", tenant)
			}
		}
		stop(start("--keep"))
	}
}

// post sends JSON, and returns the status of the answer.
func post(t *testing.T, address, body string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
