package handlers_test

import (
	"bufio"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// child is an instance in a process of its own.
type child struct {
	*app
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

// startChild serves the app's database from another process at the same address.
// The app's own listener must be closed.
func (a *app) startChild(holdAfter string) *child {
	a.Helper()
	i := a.instance
	i.HoldAfter = holdAfter
	text, err := json.Marshal(i)
	if err != nil {
		a.Fatal(err)
	}
	cmd := exec.CommandContext(a.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	out, err := cmd.StdoutPipe()
	if err != nil {
		a.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		a.Fatal(err)
	}
	c := &child{app: a, cmd: cmd, lines: bufio.NewScanner(out)}
	a.Cleanup(c.kill)
	c.waitFor("serving")
	return c
}

func (c *child) waitFor(line string) {
	c.Helper()
	if !c.lines.Scan() || c.lines.Text() != line {
		c.Fatalf("the child said %q, want %q", c.lines.Text(), line)
	}
}

// kill is kill -9.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// stopServing closes the app's own listener, so that a child can take its place.
func (a *app) stopServing() {
	a.Helper()
	a.public.CloseClientConnections()
	a.public.Close()
}

// An instance is killed between ServiceTitan's answer to the exchange and the save.
// Nothing is half connected, and the page says so and how to continue.
func TestKilledBetweenExchangeAndSave(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		a.stopServing()
		first := a.startChild(sandbox.PathToken)
		amy := a.signUp("A", "Amy")
		back := amy.trip("sandbox", northgate)
		gone := make(chan error, 1)
		go func() {
			resp, err := amy.client.Do(amy.request("GET", back, nil))
			if err == nil {
				_ = resp.Body.Close()
			}
			gone <- err
		}()
		first.waitFor("held")
		first.kill()
		if err := <-gone; err == nil {
			t.Fatal("the killed process answered")
		}

		a.startChild("")
		if n := a.count("SELECT count(*) FROM connections"); n != 0 {
			t.Errorf("%d connections", n)
		}
		amy.get("/connections").want(a, 200, "Connect ServiceTitan")
		a.exec("UPDATE authorizations SET claimed_at = ?", time.Now().Add(-time.Minute).UTC())
		amy.get(back).want(a, 409, "We were interrupted", "Nothing was saved", "Start again")
		if n := a.tokenRequests(); n != 1 {
			t.Errorf("%d token requests, want the one", n)
		}
		amy.connect("sandbox", northgate)
	})
}

// An instance is killed between ServiceTitan's answer to a renewal and the save.
// The rotated token is lost, and the page says so and how to continue.
func TestKilledBetweenRenewalAndSave(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("A", "Amy")
		path := amy.connect("sandbox", northgate)
		a.exec("UPDATE credentials SET expires_at = ?", time.Now().Add(-time.Minute).UTC())
		a.stopServing()
		first := a.startChild(sandbox.PathToken)
		gone := make(chan error, 1)
		go func() {
			resp, err := amy.client.Do(amy.request("POST", path+"/test", url.Values{}))
			if err == nil {
				_ = resp.Body.Close()
			}
			gone <- err
		}()
		first.waitFor("held")
		first.kill()
		if err := <-gone; err == nil {
			t.Fatal("the killed process answered")
		}

		a.startChild("")
		amy.get(path).want(a, 200, "Connected") // nothing else is known yet
		amy.post(path+"/test").want(a, 303)
		amy.get(path).want(a, 200, "Needs reconnect", "was lost on the way")
		if again := amy.connect("sandbox", northgate); again != path {
			t.Errorf("reconnected as %s, want %s", again, path)
		}
		amy.get(path).want(a, 200, "Connected")
	})
}

// An instance is killed while a person is at ServiceTitan. The callback still
// works.
func TestRestartDuringAuthorization(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		a.stopServing()
		first := a.startChild("")
		amy := a.signUp("A", "Amy")
		back := amy.trip("sandbox", northgate)
		first.kill()
		a.startChild("")
		path, _, _ := strings.Cut(amy.get(back).want(a, 303, "/connections/").location, "?")
		amy.get(path).want(a, 200, "Connected")
	})
}

// PostgreSQL commits a new connection and disappears before it confirms the commit.
// Nothing is withdrawn, and the callback shows the connection.
func TestCommitOfAConnectionLost(t *testing.T) {
	proxy := testdb.NewProxy(t, testdb.Postgres(t))
	a := newAppOn(t, proxy.Address)
	amy := a.signUp("A", "Amy")
	back := amy.trip("sandbox", northgate)
	a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold, Path: sandbox.PathBusinessUnits})
	first := make(chan answer)
	go func() { first <- amy.get(back) }()
	<-a.sandbox.Held()
	proxy.LoseCommits(1)
	a.sandbox.Release()
	(<-first).want(a, 503)
	if proxy.Lost() != 1 {
		t.Errorf("%d commits were lost, want 1", proxy.Lost())
	}
	path, _, _ := strings.Cut(amy.get(back).want(a, 303, "/connections/").location, "?")
	amy.get(path).want(a, 200, "Connected")
	if n := a.sandbox.Count(sandbox.PathRevocation); n != 0 {
		t.Errorf("%d revocations of a grant in use", n)
	}
	amy.lapse()
	amy.post(path+"/test").want(a, 303)
	amy.get(path).want(a, 200, "Test passed")
	if n := a.count("SELECT count(*) FROM events WHERE kind = 'connected'"); n != 1 {
		t.Errorf("%d connected events, want 1", n)
	}
}
