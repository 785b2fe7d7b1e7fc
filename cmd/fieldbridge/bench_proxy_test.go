package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// BenchmarkProxy says how much longer a call takes through Fieldbridge than if the stub is
// called directly: at the median, and for the slowest of a hundred. Callers wait for
// each answer, and their calls go to many tenants, so that no budget is used up.
func BenchmarkProxy(b *testing.B) {
	for name, database := range map[string]func() string{
		"sqlite":   func() string { return filepath.Join(b.TempDir(), "product.db") },
		"postgres": func() string { return testdb.Postgres(b) },
	} {
		b.Run(name, func(b *testing.B) { benchProxy(b, database()) })
	}
}

func benchProxy(b *testing.B, database string) {
	const connections, lasting, rounds = 4096, time.Second, 7
	p := newProduct(b, database)
	fill(b, p.db, p.keys, connections)
	change(b, p.db, "UPDATE connections SET last_used_at = ?", p.db.Now())
	change(b, p.db, "UPDATE credentials SET due_at = ?", p.db.Now().Add(24*time.Hour))
	p.start(b, "FIELDBRIDGE_PROXY_PATHS=/settings/v2", "FIELDBRIDGE_CALLS_PER_SECOND=60")
	var asked atomic.Int64
	path := func() (n int64, rest string) {
		n = asked.Add(1) % connections
		return n, fmt.Sprintf("/settings/v2/tenant/%d/business-units", n+1)
	}
	through := func(c *client) error {
		n, rest := path()
		_, err := c.get("/api/v1/connections/"+filledID(int(n))+"/servicetitan"+rest, http.StatusOK)
		return err
	}
	direct := func(c *client) error {
		_, rest := path()
		_, err := c.get(rest, http.StatusOK)
		return err
	}
	for _, callers := range []int{1, 4} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			clients, stubs := p.backEnds(b, p.base, callers), p.backEnds(b, p.issuer, callers)
			if _, err := runRound(clients, lasting, through); err != nil { // opens connections
				b.Fatal(err)
			}
			for b.Loop() {
				var passed, called []round
				for range rounds {
					one, err := runRound(clients, lasting, through)
					if err != nil {
						b.Fatal(err)
					}
					other, err := runRound(stubs, lasting, direct)
					if err != nil {
						b.Fatal(err)
					}
					passed, called = append(passed, one), append(called, other)
				}
				with, without := median(passed), median(called)
				b.ReportMetric(float64((with.p50-without.p50).Microseconds())/1000, "added-p50-ms")
				b.ReportMetric(float64((with.p99-without.p99).Microseconds())/1000, "added-p99-ms")
				b.ReportMetric(with.perSecond, "calls/s")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
