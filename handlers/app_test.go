package handlers_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/handlers/browsertest"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox/sandboxtest"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/failure"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/live"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		serveAsChild()
	}
	os.Exit(browsertest.Main(func() int { return testdb.Main(m, migrate) }))
}

func migrate(address string) error {
	db, err := database.Open(context.Background(), address, time.Now)
	if err != nil {
		return err
	}
	_, err = accounts.Migrate(context.Background(), db, accounts.MigrationWatch{})
	return errors.Join(err, db.Close())
}

// The sample tenants that tests connect.
const (
	northgate = 842193311
	south     = 905118274
)

const password = "a short sentence works"

// app is the whole app with a database of its own and a sandbox.
type app struct {
	*testing.T
	url     string
	public  *httptest.Server
	sandbox *sandboxtest.Sandbox
	standIn *httptest.Server
	db      *database.DB
	keeper  *keeper.Keeper
	apiKeys *accounts.APIKeys
	// connections is what the app connects with.
	connections *connect.Connections
	calls       *calls.Counts
	failures    *failure.Record
	outages     *outage.Monitor
	webhooks    *webhook.Webhooks
	live        *live.Hub
	// served is what the app signs people in with.
	served    *accounts.Accounts
	log       *lockedBuffer
	clock     *clock
	instance  instance
	database  string
	callbacks atomic.Pointer[chan<- string]
	handler   atomic.Pointer[http.Handler]
	// watch sees every answer of the app, if set.
	watch func(answer)
	// byHand lists the invariants that a test breaks on purpose, or "closed" if it
	// closes the database.
	byHand []string
	// sent has all mails that were sent.
	sent []handlers.Letter
	// environments are those that contractors may connect to. All of them are the
	// sandbox.
	environments []servicetitan.Environment
}

// clock is the app's and the sandbox's clock, which tests set.
type clock struct {
	mu      sync.Mutex
	offset  time.Duration
	stopped time.Time // zero while the clock goes
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.stopped
	if now.IsZero() {
		now = time.Now()
	}
	return now.Add(c.offset)
}

// stop stops the clock. Only Add moves it from then on.
func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = time.Now()
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newApp starts everything on SQLite.
func newApp(t *testing.T) *app {
	t.Helper()
	return newAppOn(t, testdb.SQLite(t))
}

// onBoth runs a test with an app on each kind of database.
func onBoth(t *testing.T, test func(t *testing.T, a *app)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, newApp(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, newAppOn(t, testdb.Postgres(t))) })
}

func newAppOn(t *testing.T, database string) *app {
	t.Helper()
	a := &app{T: t, clock: &clock{}, log: &lockedBuffer{}, database: database}
	log := slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug}))

	public := httptest.NewUnstartedServer(nil)
	a.public = public
	a.url = "http://localhost:" + port(public)
	a.standIn = httptest.NewUnstartedServer(nil)
	standInURL := "http://127.0.0.1:" + port(a.standIn)
	a.instance = instance{
		URL: a.url, Database: database, Keyset: filepath.Join(t.TempDir(), "keyset.json"), StandIn: standInURL,
		ClientSecret: "cs1.stc_" + rand.Text(), AppKey: "ak1.stc_" + rand.Text(),
	}
	a.environments = a.instance.environments()
	environment := a.environments[0]
	a.sandbox = sandboxtest.NewRecording(sandbox.Options{
		URL: standInURL, ClientID: environment.ClientID, ClientSecret: environment.ClientSecret.Reveal(), AppKey: environment.AppKey.Reveal(),
		RedirectURIs: []string{a.url + "/callback"}, Scopes: environment.Scopes, Now: a.clock.Now, Log: log, Mailbox: true,
	})
	a.standIn.Config.Handler = a.sandbox
	a.standIn.Start()
	t.Cleanup(a.standIn.Close)

	if _, err := seal.Create(a.instance.Keyset); err != nil {
		t.Fatal(err)
	}
	a.serve(a.wire(log))
	testdb.Watch(strings.HasPrefix(database, "postgres"), a.exec)
	t.Cleanup(a.invariants)
	public.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if came := a.callbacks.Load(); came != nil && r.URL.Path == "/callback" {
			*came <- a.url + r.URL.String()
		}
		(*a.handler.Load()).ServeHTTP(w, r)
	})
	public.Config.MaxHeaderBytes = 32 << 10
	public.Start()
	t.Cleanup(public.Close)
	return a
}

// serve makes the app answer with another handler from now on.
func (a *app) serve(handler http.Handler) { a.handler.Store(&handler) }

// wire opens the database and builds one instance of the app on it.
func (a *app) wire(log *slog.Logger) http.Handler {
	a.Helper()
	transport := servicetitan.NewTransport()
	i := a.instance
	i.URL = a.url
	r, err := i.open(a.Context(), transport, a.clock.Now, log)
	if err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() {
		_ = r.db.Close()
		transport.CloseIdleConnections()
	})
	a.db, a.keeper, a.apiKeys, a.connections, a.calls, a.failures, a.outages, a.webhooks, a.live, a.served = r.db, r.keeper, r.apiKeys, r.connections, r.calls, r.failures, r.outages, r.webhooks, r.live, r.accounts
	return r.handler
}

func port(s *httptest.Server) string {
	_, port, _ := strings.Cut(s.Listener.Addr().String(), ":")
	return port
}

func parse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// exec changes the database directly, without the app.
func (a *app) exec(statement string, args ...any) {
	a.Helper()
	if err := a.db.Write(a.Context(), func(tx *gorm.DB) error { return tx.Exec(statement, args...).Error }); err != nil {
		a.Fatal(err)
	}
}

// count queries the database for one number.
func (a *app) count(query string, args ...any) int {
	a.Helper()
	var n int
	// It also works after the test has ended.
	if err := a.db.Read(context.WithoutCancel(a.Context())).Raw(query, args...).Scan(&n).Error; err != nil {
		a.Fatal(err)
	}
	return n
}

// invariants checks what must hold after every run, from the records of the sandbox
// and the database.
func (a *app) invariants() {
	a.Helper()
	if slices.Contains(a.byHand, "closed") {
		return
	}
	for _, breach := range slices.Concat(sandboxtest.Breaches(a.sandbox.Requests()), testdb.Breaches(a.count)) {
		if number, _, _ := strings.Cut(breach, ":"); !slices.Contains(a.byHand, number) {
			a.Error(breach)
		}
	}
}

func (a *app) tokenRequests() int { return a.sandbox.Count("/connect/token") }

// browser is a client that keeps cookies and follows no redirects.
type browser struct {
	*app
	client *http.Client
}

func (a *app) newBrowser() *browser {
	a.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		a.Fatal(err)
	}
	// The default transport would not do: the server of any test closes its idle
	// connections when it ends.
	transport := &http.Transport{}
	a.Cleanup(transport.CloseIdleConnections)
	return &browser{app: a, client: &http.Client{
		Transport: transport, Jar: jar, Timeout: 60 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is a response that has been read.
type answer struct {
	status   int
	location string
	header   http.Header
	body     string
	request  string
}

// timeMarkup matches a time on a page.
var timeMarkup = regexp.MustCompile(`<time [^>]*>[^<]*</time>`)

// supportCode matches the support code of a page.
var supportCode = regexp.MustCompile(`FB-[A-Z2-7]{4}-[A-Z2-7]{4}`)

func (b *browser) send(r *http.Request) answer {
	b.Helper()
	resp, err := b.client.Do(r)
	if err != nil {
		b.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	got := answer{status: resp.StatusCode, location: resp.Header.Get("Location"), header: resp.Header, body: string(body), request: r.Method + " " + r.URL.Path}
	if b.watch != nil && strings.HasPrefix(r.URL.String(), b.url) {
		b.watch(got)
	}
	return got
}

func (b *browser) absolute(path string) string {
	if strings.HasPrefix(path, "/") {
		return b.url + path
	}
	return path
}

func (b *browser) request(method, path string, form url.Values) *http.Request {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, b.absolute(path), strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (b *browser) get(path string) answer {
	b.Helper()
	return b.send(b.request(http.MethodGet, path, nil))
}

func (b *browser) post(path string, pairs ...string) answer {
	b.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.send(b.request(http.MethodPost, path, form))
}

// want stops the test if the answer is different.
func (r answer) want(t testing.TB, status int, has ...string) answer {
	t.Helper()
	if r.status != status {
		t.Fatalf("%s: status %d, want %d (location %q)\n%s", r.request, r.status, status, r.location, text(r.body))
	}
	body := html.UnescapeString(isolation.Replace(r.body))
	for _, s := range has {
		if !strings.Contains(body, s) && !strings.Contains(r.location, s) {
			t.Fatalf("%s: %q is not on the page (location %q):\n%s", r.request, s, r.location, text(r.body))
		}
	}
	return r
}

// isolation removes the elements around names, which do not separate words.
var isolation = strings.NewReplacer("<bdi>", "", "</bdi>", "", "<wbr>", "")

var tags = regexp.MustCompile(`(?s)<(style|svg).*?</(style|svg)>|<[^>]*>`)

// text returns the page without its tags.
func text(body string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(isolation.Replace(body), " "))), " ")
}

// member is a signed-in person.
type member struct {
	*browser
	email string
	// factorKey is the key of a staff member's second factor.
	factorKey string
}

// signUp makes a company and its owner, signed in.
func (a *app) signUp(company, name string) *member {
	a.Helper()
	b := a.newBrowser()
	email := strings.ToLower(strings.ReplaceAll(name, " ", ".")) + "@" + strings.ToLower(rand.Text()) + ".example"
	b.createAccount(email, company, name, password).want(a, 303, "/connections")
	return &member{browser: b, email: email}
}

// createAccount opens the link that proves an address, and creates a company and its
// owner.
func (b *browser) createAccount(email, company, name, password string) answer {
	b.Helper()
	return b.post(b.verifyLink(email), "company", company, "name", name, "password", password)
}

// verifyLink returns the path of a link that proves an address.
func (a *app) verifyLink(email string) string {
	a.Helper()
	link, err := a.served.InviteOwner(a.Context(), email, "")
	if err != nil {
		a.Fatal(err)
	}
	return "/verify/" + link.Reveal()
}

// colleague adds a member to m's company and signs them in.
func (m *member) colleague(name string, role accounts.Role) *member {
	m.Helper()
	other := m.signUp("Other company", name)
	companyID := m.lookup("SELECT company_id FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = ?", m.email)
	userID := m.lookup("SELECT id FROM users WHERE email = ?", other.email)
	m.exec("DELETE FROM memberships WHERE user_id = ?", userID)
	m.exec("INSERT INTO memberships (company_id, user_id, role, created_at) VALUES (?, ?, ?, ?)", companyID, userID, role, time.Now().UTC())
	other.post("/signout").want(m, 303)
	other.post("/signin", "email", other.email, "password", password).want(m, 303)
	return other
}

func (a *app) lookup(query string, args ...any) string {
	a.Helper()
	var s string
	if err := a.db.Read(a.Context()).Raw(query, args...).Scan(&s).Error; err != nil || s == "" {
		a.Fatalf("lookup %s: %q, %v", query, s, err)
	}
	return s
}

// begin walks through the wizard and returns the address at ServiceTitan.
func (m *member) begin(env string, tenant int) string {
	m.Helper()
	review := m.post("/connect", "env", env, "how", "sign_in", "tenant", fmt.Sprint(tenant)).want(m, 303, "/connect/review").location
	page := m.get(review).want(m, 200)
	return m.post("/connect/authorize", "choice", hidden(m, page.body, "choice")).want(m, 303).location
}

func hidden(t testing.TB, body, name string) string {
	t.Helper()
	input := regexp.MustCompile(`<input[^>]*name="` + regexp.QuoteMeta(name) + `"[^>]*>`).FindString(body)
	value := regexp.MustCompile(`value="([^"]*)"`).FindStringSubmatch(input)
	if value == nil {
		t.Fatalf("no field %s on the page:\n%s", name, text(body))
	}
	return html.UnescapeString(value[1])
}

// secondInstance serves the same database and keys on another listener.
func (a *app) secondInstance() string {
	a.Helper()
	db := a.db
	handler, host := a.wire(slog.New(slog.NewTextHandler(a.log, nil))), parse(a.T, a.url).Host
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = host // both have the same name
		handler.ServeHTTP(w, r)
	}))
	a.Cleanup(server.Close)
	a.db = db
	return "http://localhost:" + port(server)
}

// overHTTPS returns a browser for the same app with an https base URL.
func (a *app) overHTTPS() *browser {
	a.Helper()
	db, plain := a.db, a.url
	server := httptest.NewUnstartedServer(nil)
	a.url = "https://127.0.0.1:" + port(server)
	server.Config.Handler = a.wire(slog.New(slog.DiscardHandler))
	server.StartTLS()
	a.Cleanup(server.Close)
	other := &app{T: a.T, url: a.url}
	a.db, a.url = db, plain
	b := other.newBrowser()
	b.client.Transport = server.Client().Transport
	return b
}

// watchCallback reports the callbacks that arrive from now on.
func (a *app) watchCallback(came chan<- string) {
	a.callbacks.Store(&came)
}
