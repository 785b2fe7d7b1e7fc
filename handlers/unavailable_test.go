package handlers_test

import (
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// retryIn returns an answer's Retry-After.
func retryIn(t *testing.T, got answer) time.Duration {
	t.Helper()
	seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
	if err != nil {
		t.Fatalf("Retry-After %q", got.header.Get("Retry-After"))
	}
	return time.Duration(seconds) * time.Second
}

// Without a token, the API says when the next attempt may be made, neither earlier
// nor much later.
func TestAPITokenRetryAfter(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	path := amy.connect("sandbox", northgate)
	b := a.backEnd(amy)
	a.clock.Add(16 * time.Minute)
	a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503, RetryAfter: 20 * time.Minute})
	for _, why := range []string{"the first who asks", "the next ones"} {
		got := b.ask(path + "/token")
		body := got.problem(t, 503)
		if body["type"] != a.url+"/api/problems/token-unavailable" || body["title"] != "No access token right now" || body["reason"] != "unavailable" {
			t.Errorf("%s: %v", why, body)
		}
		if wait := retryIn(t, got); wait < 20*time.Minute-time.Second || wait > 21*time.Minute {
			t.Errorf("%s: Retry-After %s, and the next try is in 20 minutes", why, wait)
		}
	}
	asked := a.tokenRequests()
	a.sandbox.ClearFaults()
	a.clock.Add(retryIn(t, b.ask(path+"/token")))
	b.ask(path+"/token").want(a, 200)
	if a.tokenRequests() != asked+1 {
		t.Error("after the time that was said, nothing is tried")
	}
	// If ServiceTitan asks for more than an hour, the API says one hour.
	a.clock.Add(16 * time.Minute)
	a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503, RetryAfter: 3 * time.Hour})
	if wait := retryIn(t, b.ask(path+"/token")); wait < 59*time.Minute || wait > time.Hour {
		t.Errorf("Retry-After %s", wait)
	}
}

// For a problem on our side, the API gives the reason and the time to retry.
func TestAPITokenOnOurSide(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	path := amy.connect("sandbox", northgate)
	b := a.backEnd(amy)
	a.clock.Add(16 * time.Minute)
	a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.CustomToken, Status: 400, ContentType: "application/json", Body: `{"error":"invalid_client"}`, Path: sandbox.PathToken})
	got := b.ask(path + "/token")
	if body := got.problem(t, 503); body["reason"] != "our_side" || body["type"] != a.url+"/api/problems/token-unavailable" {
		t.Errorf("got %v", body)
	}
	if wait := retryIn(t, got); wait < time.Second || wait > 5*time.Minute {
		t.Errorf("Retry-After %s", wait)
	}
	amy.get(path).want(a, 200, "There is a problem on our side. We are fixing it.")
	if body := b.ask(path).want(a, 200).json(t); body["state"] != "connected" || body["reason"] != "our_side" {
		t.Errorf("got %v", body)
	}
}

// wire forwards to a database until it is cut.
type wire struct {
	l     net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

// wireTo returns a wire to a database, and its address.
func wireTo(t *testing.T, address string) (*wire, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(address, "@")
	server, database, _ := strings.Cut(rest, "/")
	w := &wire{l: l}
	go func() {
		for {
			app, err := l.Accept()
			if err != nil {
				return
			}
			db, err := net.Dial("tcp", server)
			if err != nil {
				_ = app.Close()
				return
			}
			w.mu.Lock()
			w.conns = append(w.conns, app, db)
			w.mu.Unlock()
			go func() { _, _ = io.Copy(app, db) }()
			go func() { _, _ = io.Copy(db, app) }()
		}
	}()
	t.Cleanup(w.cut)
	return w, before + "@" + l.Addr().String() + "/" + database
}

// cut makes the database unreachable.
func (w *wire) cut() {
	_ = w.l.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
}

// While the database is unreachable, the API and the pages say that Fieldbridge is
// unavailable. They say nothing about tokens.
func TestDatabaseIsAway(t *testing.T) {
	w, address := wireTo(t, testdb.Postgres(t))
	a := newAppOn(t, address)
	a.byHand = append(a.byHand, "closed")
	amy := a.signUp("Northgate", "Amy")
	path := amy.connect("sandbox", northgate)
	b := a.backEnd(amy)
	b.ask(path+"/token").want(a, 200)
	w.cut()
	for _, address := range []string{"/connections", path, path + "/token"} {
		got := b.ask(address)
		body := got.problem(t, 503)
		if body["type"] != a.url+"/api/problems/temporarily-unavailable" || body["title"] != "Fieldbridge is temporarily unavailable" {
			t.Errorf("%s: %v", address, body)
		}
		if strings.Contains(got.body, "token") || body["reason"] != nil {
			t.Errorf("%s speaks of tokens: %s", address, got.body)
		}
		if wait := retryIn(t, got); wait < time.Second || wait > time.Minute {
			t.Errorf("%s: Retry-After %s", address, wait)
		}
	}
	page := amy.get(path).want(a, 503, "Fieldbridge cannot answer right now")
	if wait := retryIn(t, page); wait < time.Second || wait > time.Minute {
		t.Errorf("the page: Retry-After %s", wait)
	}
}
