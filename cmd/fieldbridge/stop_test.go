package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// slowIssuer is the stub issuer, which can also hold token requests until it is told to
// answer them.
type slowIssuer struct {
	stub     http.Handler
	slow     atomic.Bool
	held     chan string
	released chan struct{}
	renewals atomic.Int64
}

func (i *slowIssuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/connect/token" {
		i.stub.ServeHTTP(w, r)
		return
	}
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if i.slow.Load() {
		i.held <- r.PostForm.Get("grant_type")
		<-i.released
	}
	if r.PostForm.Get("grant_type") != "refresh_token" {
		i.stub.ServeHTTP(w, r)
		return
	}
	n := i.renewals.Add(1)
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"access_token":"at-%d","token_type":"Bearer","expires_in":900,"refresh_token":"rt-%d"}`, n, n)
}

// served is the program in a process of its own, on SQLite, with an owner who is signed
// in.
type served struct {
	*testing.T
	*client
	process  *exec.Cmd
	issuer   *slowIssuer
	database string
}

func startServing(t *testing.T) *served {
	t.Helper()
	free := func() string {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		return l.Addr().String()
	}
	s := &served{T: t, issuer: &slowIssuer{stub: newStubIssuer(), held: make(chan string, 100), released: make(chan struct{})}}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s.issuer, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	dir := t.TempDir()
	keyset, addr, issuer := filepath.Join(dir, "keyset.json"), free(), "http://"+l.Addr().String()
	if _, err := seal.Create(keyset); err != nil {
		t.Fatal(err)
	}
	s.database, s.client = filepath.Join(dir, "app.db"), newClient("http://"+addr)
	s.process = exec.CommandContext(t.Context(), os.Args[0]) // #nosec G204 -- this test itself
	s.process.Dir, s.process.Stderr = dir, os.Stderr
	s.process.Env = append(os.Environ(), serveVariable+"=1", "FIELDBRIDGE_ADDR="+addr, "FIELDBRIDGE_ADMIN_ADDR="+free(),
		"FIELDBRIDGE_BASE_URL="+s.base, "FIELDBRIDGE_DATABASE_URL="+s.database, "FIELDBRIDGE_KEYSET_FILE="+keyset, "FIELDBRIDGE_LOG_LEVEL=error",
		"SERVICETITAN_PRODUCTION_AUTH_URL="+issuer, "SERVICETITAN_PRODUCTION_API_URL="+issuer, "SERVICETITAN_PRODUCTION_APP_KEY=ak1.test",
		"SERVICETITAN_PRODUCTION_CLIENT_ID=cid.test", "SERVICETITAN_PRODUCTION_CLIENT_SECRET=cs1.test", "SERVICETITAN_PRODUCTION_WAYS=sign_in")
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
		s.transport.CloseIdleConnections()
	})
	s.until(func() bool { _, err := s.get("/signin", http.StatusOK); return err == nil })
	s.keep(s.form(invited(t, s.database, keyset), "company", "Northgate", "name", "Amy", "password", "a short sentence works"))
	return s
}

// invited returns the path of a link by which a person creates an account.
func invited(t *testing.T, address, keyset string) string {
	t.Helper()
	keys, err := seal.Load(keyset)
	if err != nil {
		t.Fatal(err)
	}
	var link secret.Value
	if err := inDB(t.Context(), config{DatabaseURL: address}, database.OpenExisting, func(db *database.DB) (err error) {
		link, err = accounts.New(db, keys, 1).InviteOwner(t.Context(), "amy@northgate.example", "Northgate")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return "/verify/" + link.Reveal()
}

func (s *served) until(done func() bool) {
	s.Helper()
	limit, again := time.After(30*time.Second), time.NewTicker(10*time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-limit:
			s.Fatal("it does not come to pass")
		}
	}
}

func (s *served) form(path string, pairs ...string) page {
	s.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	p, err := s.post(path, form)
	if err != nil {
		s.Fatal(err)
	}
	return p
}

var choiceField = regexp.MustCompile(`name="choice" value="([^"]*)"`)

// authorize starts an authorization for a tenant, and returns the path of the callback.
func (s *served) authorize(tenant int64) string {
	s.Helper()
	review, err := s.get(s.form("/connect", "env", "production", "how", "sign_in", "tenant", fmt.Sprint(tenant)).location, http.StatusOK)
	if err != nil {
		s.Fatal(err)
	}
	choice := choiceField.FindSubmatch(review.body)
	if choice == nil {
		s.Fatalf("no choice on the page:\n%s", review.body)
	}
	to, err := url.Parse(s.form("/connect/authorize", "choice", string(choice[1])).location)
	if err != nil {
		s.Fatal(err)
	}
	return "/callback?" + url.Values{"code": {stubCode(tenant)}, "state": {to.Query().Get("state")}}.Encode()
}

// ask posts a request that ends with the context.
func (s *served) ask(ctx context.Context, path string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+path, nil)
	if err != nil {
		s.Error(err)
		return
	}
	r.Header.Set("Cookie", s.cookies)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	if resp, err := transport.RoundTrip(r); err == nil {
		_ = resp.Body.Close()
		s.Errorf("%s is answered with %d", path, resp.StatusCode)
	}
}

// connect connects a tenant, and returns the connection's address.
func (s *served) connect(tenant int64) string {
	s.Helper()
	p, err := s.get(s.authorize(tenant), http.StatusSeeOther)
	if err != nil || !strings.HasPrefix(p.location, "/connections/") {
		s.Fatalf("back at %s, %v", p.location, err)
	}
	path, _, _ := strings.Cut(p.location, "?")
	return path
}

// query queries the database while the program runs.
func (s *served) query(statement string, args ...any) (n int) {
	s.Helper()
	db, err := sql.Open("sqlite3", "file:"+s.database+"?_busy_timeout=5000")
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(context.WithoutCancel(s.Context()), statement, args...).Scan(&n); err != nil && !errors.Is(err, sql.ErrNoRows) {
		s.Fatal(err)
	}
	return n
}

// refuses reports whether the program refuses new connections.
func (s *served) refuses() bool {
	c, err := new(net.Dialer).DialContext(s.Context(), "tcp", strings.TrimPrefix(s.base, "http://"))
	if err == nil {
		_ = c.Close()
	}
	return err != nil
}

// Told to stop, the program accepts nothing new. It finishes and saves the work under
// way: a callback from ServiceTitan, and renewals.
func TestStopWithWorkUnderWay(t *testing.T) {
	s := startServing(t)
	const connections = 20
	for i := range connections {
		s.connect(int64(1000 + i))
	}
	back := s.authorize(3000)
	s.issuer.slow.Store(true)
	s.query("UPDATE credentials SET due_at = ?", time.Now().UTC())
	came := make(chan error, 1)
	go func() {
		p, err := s.get(back, http.StatusSeeOther)
		if err == nil && !strings.HasPrefix(p.location, "/connections/") {
			err = fmt.Errorf("back at %s", p.location)
		}
		came <- err
	}()
	kinds := map[string]int{}
	for range connections + 1 {
		kinds[<-s.issuer.held]++
	}
	if kinds["refresh_token"] != connections || kinds["authorization_code"] != 1 {
		t.Fatalf("under way are %v", kinds)
	}
	told := time.Now()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.until(s.refuses)
	close(s.issuer.released)
	if err := <-came; err != nil {
		t.Errorf("the way back: %v", err)
	}
	err := s.process.Wait()
	if took := time.Since(told); err != nil || took > drainLimit {
		t.Errorf("it ends after %s with %v", took, err)
	}
	if n := s.query("SELECT count(*) FROM connections WHERE state = 'connected' AND generation = 2"); n != connections {
		t.Errorf("%d renewals were saved, want %d", n, connections)
	}
	if n := s.query("SELECT count(*) FROM connections WHERE tenant_id = 3000 AND state = 'connected'"); n != 1 {
		t.Error("the new connection was not saved")
	}
	if n := s.issuer.renewals.Load(); n != connections {
		t.Errorf("%d renewals, want %d", n, connections)
	}
}

// A renewal is saved even after its caller has gone.
func TestStopAfterTheAskerLeft(t *testing.T) {
	s := startServing(t)
	path := s.connect(1000)
	s.issuer.slow.Store(true)
	s.query("UPDATE credentials SET expires_at = ?", time.Now().Add(-time.Minute).UTC())
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		defer close(left)
		s.ask(ctx, path+"/test")
	}()
	<-s.issuer.held
	leave()
	<-left
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.until(s.refuses)
	ended := make(chan error, 1)
	go func() { ended <- s.process.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("it ends with a renewal under way: %v", err)
	case <-time.After(time.Second):
	}
	close(s.issuer.released)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := s.query("SELECT count(*) FROM connections WHERE state = 'connected' AND generation = 2"); n != 1 {
		t.Error("the renewal was not saved")
	}
}

// Told to stop twice, the program ends at once, and the database stays intact.
func TestStopTwice(t *testing.T) {
	s := startServing(t)
	s.connect(1000)
	s.issuer.slow.Store(true)
	s.query("UPDATE credentials SET due_at = ?", time.Now().UTC())
	<-s.issuer.held
	defer close(s.issuer.released)
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.until(s.refuses)
	told := time.Now()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := s.process.Wait()
	// What is held stays so: if it waited for that, it would end when the limit has passed.
	if took := time.Since(told); err == nil || took > drainLimit/2 {
		t.Errorf("it ends after %s with %v", took, err)
	}
	if n := s.query("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"); n != 1 {
		t.Error("the database is not whole")
	}
	if n := s.query("SELECT count(*) FROM connections WHERE state = 'connected' AND generation = 1"); n != 1 {
		t.Error("the connection is not as it was")
	}
}
