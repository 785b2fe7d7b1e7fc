package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// renewals are connections that are all due, and the issuer that renews them.
type renewals struct {
	db               *database.DB
	keys             *seal.Keys
	database, keyset string
	stub             *stubIssuer
	issuer           string
	connections      int
}

func newRenewals(b *testing.B, address string, connections int) *renewals {
	b.Helper()
	r := &renewals{database: address, keyset: filepath.Join(b.TempDir(), "keyset.json"), connections: connections}
	var err error
	if r.keys, err = seal.Create(r.keyset); err != nil {
		b.Fatal(err)
	}
	if r.db, err = database.Open(b.Context(), address, time.Now); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = r.db.Close() })
	fill(b, r.db, r.keys, connections)
	r.stub, r.issuer = serveStub(b)
	return r
}

// kept is what the instances did in a period of time.
type kept struct {
	perSecond float64
	// busy is the share of the machine's cores that was in use.
	busy float64
}

// keep runs instances of the product, each in a process of its own. A renewal counts
// once the issuer has answered. At the end, keep checks that each answer was saved, and
// only once.
func (r *renewals) keep(b *testing.B, instances int, lasting time.Duration) kept {
	b.Helper()
	change(b, r.db, "UPDATE credentials SET due_at = ?", r.db.Now())
	const generations = "SELECT sum(generation) FROM credentials"
	saved, granted := number(b, r.db, generations), r.stub.grants.Load()
	processes := make([]*process, instances)
	for i := range processes {
		processes[i] = startProcess(b, r.database, r.keyset, r.issuer, "FIELDBRIDGE_RENEWALS_PER_SECOND="+strconv.Itoa(unlimited))
	}
	<-time.After(lasting / 4) // each instance prepares its statements
	before, began := r.stub.grants.Load(), time.Now()
	idleBefore, allBefore := processorTime(b)
	<-time.After(lasting)
	idle, all := processorTime(b)
	k := kept{
		perSecond: float64(r.stub.grants.Load()-before) / time.Since(began).Seconds(),
		busy:      1 - float64(idle-idleBefore)/float64(all-allBefore),
	}
	if number(b, r.db, "SELECT count(*) FROM credentials WHERE due_at <= ?", r.db.Now()) == 0 {
		b.Fatalf("%d connections are too few", r.connections)
	}
	for _, p := range processes {
		p.stop(b)
	}
	if saved, granted = number(b, r.db, generations)-saved, r.stub.grants.Load()-granted; saved != granted {
		b.Fatalf("%d renewals were answered, %d were saved", granted, saved)
	}
	return k
}

// askDirectly sends requests to the stub from as many workers as an instance has, and
// ignores the answers.
func (r *renewals) askDirectly(b *testing.B, lasting time.Duration) round {
	b.Helper()
	clients := make([]*client, 32)
	for i := range clients {
		clients[i] = newClient(r.issuer)
		defer clients[i].transport.CloseIdleConnections()
	}
	form := url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {stubRefresh(1)}, "client_id": {"cid.bench"}, "client_secret": {"cs1.bench"},
	}.Encode()
	asked, err := runRound(clients, lasting, func(c *client) error {
		_, err := c.send(http.MethodPost, "/connect/token", form, http.StatusOK)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return asked
}

// processorTime returns the idle time and the total time of the machine's cores, in
// clock ticks.
func processorTime(b *testing.B) (idle, all int64) {
	b.Helper()
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		b.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(line)[1:9] { // user to steal, see proc(5)
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		all += ticks
		if i == 3 || i == 4 { // idle, and idle while a disk works
			idle += ticks
		}
	}
	return idle, all
}

// BenchmarkRenewal counts the renewals per second of the keeper by itself, and of the
// same number of workers that ask the stub issuer directly. In one case the issuer
// answers at once, so that the machine is the limit. In the other it takes a tenth of a
// second, like a distant one. Each instance is a process. The stub and its direct
// callers are in this one.
func BenchmarkRenewal(b *testing.B) {
	const connections, rounds, lasting = 30_000, 5, 3 * time.Second
	for _, database := range []struct {
		name    string
		address func(*testing.B) string
		two     bool
	}{
		{"SQLite", func(b *testing.B) string { return filepath.Join(b.TempDir(), "product.db") }, false},
		{"PostgreSQL", func(b *testing.B) string { return testdb.Durable(b) }, true},
	} {
		b.Run("on="+database.name, func(b *testing.B) {
			r := newRenewals(b, database.address(b), connections)
			for _, thinks := range []time.Duration{0, 100 * time.Millisecond} {
				b.Run(fmt.Sprintf("issuer=%s", thinks), func(b *testing.B) {
					b.Logf("every commit is kept; the temporary folder: %s", disk(b, b.TempDir()))
					r.stub.thinks.Store(int64(thinks))
					itself := func(v float64) float64 { return v }
					var direct, one, two, busy []float64
					turn := func() {
						direct = append(direct, r.askDirectly(b, lasting/2).perSecond)
						k := r.keep(b, 1, lasting)
						one, busy = append(one, k.perSecond), append(busy, 100*k.busy)
						if database.two {
							two = append(two, r.keep(b, 2, lasting).perSecond)
						}
					}
					for b.Loop() {
						for range rounds {
							turn()
						}
					}
					b.ReportMetric(middle(direct, itself), "direct/s")
					b.ReportMetric(middle(one, itself), "one/s")
					b.ReportMetric(middle(busy, itself), "one-busy-%")
					b.ReportMetric(ratio(one, direct, itself), "one/direct")
					if database.two {
						b.ReportMetric(middle(two, itself), "two/s")
						b.ReportMetric(ratio(two, one, itself), "two/one")
					}
					b.ReportMetric(0, "ns/op")
				})
			}
		})
	}
}
