package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// client is a cheap browser: one connection, cookies that never change, and no
// redirects followed. With API keys, it is a group of back ends that take turns.
type client struct {
	base      string
	cookies   string
	keys      []string
	transport *http.Transport
	wizard    wizard

	// user and company are who is signed in.
	user    accounts.User
	company uuid.UUID
}

// wizard is where the steps of connecting are, and the status with which the browser is
// sent to ServiceTitan.
type wizard struct {
	choose, authorize, callback string
	sent                        int
}

func newClient(base string) *client {
	ours := wizard{choose: "/connect", authorize: "/connect/authorize", callback: "/callback", sent: http.StatusSeeOther}
	return &client{base: base, wizard: ours, transport: &http.Transport{MaxIdleConnsPerHost: 1, DisableCompression: true}}
}

// page is a response.
type page struct {
	location string
	header   http.Header
	body     []byte
}

func (c *client) send(method, path, form string, want int) (page, error) {
	r, err := http.NewRequestWithContext(context.Background(), method, c.base+path, strings.NewReader(form))
	if err != nil {
		return page{}, err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if c.cookies != "" {
		r.Header.Set("Cookie", c.cookies)
	}
	if len(c.keys) > 0 {
		r.Header.Set("Authorization", "Bearer "+c.keys[0])
		c.keys = append(c.keys[1:], c.keys[0])
	}
	resp, err := c.transport.RoundTrip(r)
	if err != nil {
		return page{}, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%s %s: status %d, want %d", method, r.URL.Path, resp.StatusCode, want)
	}
	return page{location: resp.Header.Get("Location"), header: resp.Header, body: body}, err
}

func (c *client) get(path string, want int) (page, error) {
	return c.send(http.MethodGet, path, "", want)
}

func (c *client) post(path string, form url.Values) (page, error) {
	return c.send(http.MethodPost, path, form.Encode(), http.StatusSeeOther)
}

// keep stores the cookies of a response.
func (c *client) keep(p page) {
	var pairs []string
	for _, cookie := range (&http.Response{Header: p.header}).Cookies() {
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	c.cookies = strings.Join(pairs, "; ")
}

// round is what some clients did in a period of time.
type round struct {
	times     int
	perSecond float64
	p50, p99  time.Duration
}

// runRound lets every client repeat its work until the time is up.
func runRound(clients []*client, lasting time.Duration, work func(*client) error) (round, error) {
	var all sync.WaitGroup
	times := make([][]time.Duration, len(clients))
	faults := make([]error, len(clients))
	began := time.Now()
	for i, c := range clients {
		all.Go(func() {
			for time.Since(began) < lasting && faults[i] == nil {
				start := time.Now()
				faults[i] = work(c)
				times[i] = append(times[i], time.Since(start))
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	for _, err := range faults {
		if err != nil {
			return round{}, err
		}
	}
	sorted := slices.Concat(times...)
	slices.Sort(sorted)
	return round{
		times:     len(sorted),
		perSecond: float64(len(sorted)) / took.Seconds(),
		p50:       sorted[len(sorted)/2], p99: sorted[len(sorted)*99/100],
	}, nil
}

// median returns the median of each figure by itself.
func median(rounds []round) round {
	return round{
		perSecond: middle(rounds, round.rate),
		p50:       time.Duration(middle(rounds, func(r round) float64 { return float64(r.p50) })),
		p99:       time.Duration(middle(rounds, func(r round) float64 { return float64(r.p99) })),
	}
}

func middle[T any](list []T, figure func(T) float64) float64 {
	figures := make([]float64, len(list))
	for i, v := range list {
		figures[i] = figure(v)
	}
	slices.Sort(figures)
	return figures[len(figures)/2]
}

// ratio returns the median of the ratios of figures that were measured in the same
// turns.
func ratio[T any](of, to []T, figure func(T) float64) float64 {
	ratios := make([]float64, len(of))
	for i := range ratios {
		ratios[i] = figure(of[i]) / figure(to[i])
	}
	return middle(ratios, func(r float64) float64 { return r })
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// report prints a round's figures under a name.
func report(b *testing.B, name string, r round) {
	b.Helper()
	b.ReportMetric(r.perSecond, name+"/s")
	b.ReportMetric(milliseconds(r.p50), name+"-p50-ms")
	b.ReportMetric(milliseconds(r.p99), name+"-p99-ms")
}

// side is one way of doing some work, with clients of its own.
type side struct {
	name    string
	clients []*client
	// work does the work once.
	work func(*client) error
}

// contest compares the product with other ways of doing the same work.
type contest struct {
	lasting time.Duration
	rounds  int
	product side
	against []side
}

// turns lets all work in turns, and returns what each did. A short turn of each comes
// first and does not count.
func (c contest) turns(b testing.TB) (product []round, against [][]round) {
	b.Helper()
	c.product.name = "product"
	sides := append(slices.Clip(c.against), c.product)
	did := make([][]round, len(sides))
	for turn := range c.rounds + 1 {
		for i, s := range sides {
			lasting := c.lasting
			if turn == 0 {
				lasting /= 4
			}
			r, err := runRound(s.clients, lasting, s.work)
			if err != nil {
				b.Fatal(s.name, ": ", err)
			}
			if turn > 0 {
				did[i] = append(did[i], r)
			}
		}
	}
	return did[len(sides)-1], did[:len(sides)-1]
}

// run reports medians. A ratio is the median of the ratios of the turns, so that other
// load on the machine affects all sides.
func (c contest) run(b *testing.B) {
	b.Helper()
	var product []round
	var against [][]round
	for b.Loop() {
		product, against = c.turns(b)
	}
	report(b, "product", median(product))
	for i, s := range c.against {
		report(b, s.name, median(against[i]))
		b.ReportMetric(ratio(product, against[i], round.rate), "product/"+s.name)
		b.ReportMetric(ratio(product, against[i], func(r round) float64 { return float64(r.p99) }), "p99-product/"+s.name)
	}
	b.ReportMetric(0, "ns/op") // the total time of all rounds means nothing
}

func (r round) rate() float64 { return r.perSecond }

// listen takes a port on loopback.
func listen(b testing.TB) (l net.Listener, base string) {
	b.Helper()
	l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	return l, "http://" + l.Addr().String()
}

// serve serves until the benchmark ends.
func serve(b testing.TB, l net.Listener, s *http.Server) {
	b.Helper()
	go func() { _ = s.Serve(l) }()
	b.Cleanup(func() { _ = s.Close() })
}

// quiet returns a logger that does its work and discards the lines.
func quiet() *slog.Logger { return slog.New(slog.NewJSONHandler(io.Discard, nil)) }

// benchConfig returns a configuration with the stub issuer as ServiceTitan, and without
// a limit on renewals.
func benchConfig(b testing.TB, base, issuer, database string) config {
	b.Helper()
	own, err := url.Parse(base)
	if err != nil {
		b.Fatal(err)
	}
	at, err := url.Parse(issuer)
	if err != nil {
		b.Fatal(err)
	}
	return config{DatabaseURL: database, BaseURL: own, KeepAlive: time.Hour, PerSecond: unlimited, CallsPerSecond: calls.PerSecond, environments: []servicetitan.Environment{{
		Name: servicetitan.Production, AuthURL: at, APIURL: at, ClientID: "cid.bench",
		ClientSecret: secret.New("cs1.bench"), AppKey: secret.New("ak1.bench"),
		Scopes: strings.Fields(defaultScopes), Ways: []servicetitan.Way{servicetitan.SignIn},
	}}}
}

// unlimited is more renewals per second than any machine can make.
const unlimited = 1_000_000

func newKeyset(b testing.TB) *seal.Keys {
	b.Helper()
	keys, err := seal.Create(filepath.Join(b.TempDir(), "keyset.json"))
	if err != nil {
		b.Fatal(err)
	}
	return keys
}

// serveStub serves a stub issuer until the benchmark ends.
func serveStub(b *testing.B) (stub *stubIssuer, issuer string) {
	b.Helper()
	l, issuer := listen(b)
	stub = newStubIssuer()
	serve(b, l, &http.Server{Handler: stub, ReadHeaderTimeout: time.Second})
	return stub, issuer
}

// product is fieldbridge serve and a stub issuer, each in a process of its own.
type product struct {
	*process
	// app is wired to the same database in this process. It prepares what the work
	// needs, and does none of it.
	*app
	keys             *seal.Keys
	database, keyset string
	issuer           string
}

// newProduct prepares the product. Until start, only this process uses the database.
func newProduct(b testing.TB, database string) *product {
	b.Helper()
	p := &product{database: database, keyset: filepath.Join(b.TempDir(), "keyset.json"), issuer: role{Name: playIssuer}.start(b)}
	var err error
	if p.keys, err = seal.Create(p.keyset); err != nil {
		b.Fatal(err)
	}
	if p.app, err = newApp(b.Context(), benchConfig(b, "http://localhost", p.issuer, database), p.keys, nil, quiet()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.db.Close() })
	return p
}

// start starts the product with more variables.
func (p *product) start(b testing.TB, more ...string) {
	b.Helper()
	p.process = startProcess(b, p.database, p.keyset, p.issuer, append(more, "FIELDBRIDGE_RENEWALS_PER_SECOND="+strconv.Itoa(unlimited))...)
	b.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	})
}

// grants returns how many tokens the issuer has issued.
func (p *product) grants(b testing.TB) int64 {
	b.Helper()
	c := newClient(p.issuer)
	defer c.transport.CloseIdleConnections()
	got, err := c.get(grantsPath, http.StatusOK)
	if err != nil {
		b.Fatal(err)
	}
	n, err := strconv.ParseInt(string(got.body), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// contractors returns clients that are signed in to the app, each in a company of its
// own.
func (p *product) contractors(b testing.TB, n int) []*client {
	b.Helper()
	const password = "a short sentence works"
	clients := make([]*client, n)
	for i := range clients {
		email := strings.ToLower(rand.Text()) + "@bench.example"
		// This does not use the form, which limits sign-ups from one address.
		user, company, err := p.accounts.SignUp(b.Context(), accounts.SignUp{
			Company: "Northgate Heating", Name: "Dana Whitfield", Email: email,
			Password: secret.New(password), Address: email,
		})
		if err != nil {
			b.Fatal(err)
		}
		clients[i] = newClient(p.base)
		clients[i].user, clients[i].company = user, company.ID
		b.Cleanup(clients[i].transport.CloseIdleConnections)
		signedIn, err := clients[i].post("/signin", url.Values{"email": {email}, "password": {password}})
		if err != nil {
			b.Fatal(err)
		}
		clients[i].keep(signedIn)
	}
	return clients
}

// disk returns the file system of a folder, and the cost of a synced write there. Every
// commit makes one.
func disk(b testing.TB, folder string) string {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), "df", "-P", folder).Output()
	if err != nil {
		b.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	where := strings.Fields(lines[len(lines)-1])
	f, err := os.Create(filepath.Join(b.TempDir(), "probe"))
	if err != nil {
		b.Fatal(err)
	}
	const times = 100
	block := make([]byte, 4096)
	began := time.Now()
	for range times {
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(began) / times
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return fmt.Sprintf("it is on %s, mounted at %s; writing 4 KiB with fsync takes %v there", where[0], where[len(where)-1], took.Round(time.Microsecond))
}
