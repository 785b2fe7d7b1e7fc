package main

import (
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkMemory measures the memory of the product with 100,000 connections, in a
// process of its own, while visitors read pages as fast as they can. It reports the
// memory right after the start, the most while they read, and the most ever. The last
// is while they sign in, because checking a password takes 19 MiB. The renewals of the
// connections are spread over an hour.
func BenchmarkMemory(b *testing.B) {
	const connections, visitors, lasting = 100_000, 64, 15 * time.Second
	r := newRenewals(b, filepath.Join(b.TempDir(), "product.db"), connections)
	for b.Loop() {
		process := startProcess(b, r.database, r.keyset, r.issuer)
		idle, err := process.megabytes("VmRSS")
		if err != nil {
			b.Fatal(err)
		}
		a, err := newApp(b.Context(), benchConfig(b, process.base, r.issuer, r.database), r.keys, nil, quiet())
		if err != nil {
			b.Fatal(err)
		}
		p := &product{app: a, process: process, issuer: r.issuer}
		clients := p.contractors(b, visitors)
		paths := make(map[*client]string, visitors)
		numbers := newTenants()
		for _, c := range clients {
			if paths[c], err = c.connect(p.issuer, numbers.next()); err != nil {
				b.Fatal(err)
			}
		}
		if err := a.db.Close(); err != nil {
			b.Fatal(err)
		}
		renewed := r.stub.grants.Load()
		var resident []float64
		watch := make(chan error)
		go func() { watch <- process.watch(lasting, &resident) }()
		read, err := runRound(clients, lasting, func(c *client) error {
			_, err := c.get("/connections", http.StatusOK)
			if err == nil {
				_, err = c.get(paths[c], http.StatusOK)
			}
			return err
		})
		if err := errors.Join(err, <-watch); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(idle, "idle-MB")
		b.ReportMetric(slices.Max(resident), "reading-MB")
		most, err := process.megabytes("VmHWM")
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(most, "most-MB")
		b.ReportMetric(2*read.perSecond, "pages/s")
		b.ReportMetric(float64(r.stub.grants.Load()-renewed)/lasting.Seconds(), "renewals/s")
		process.stop(b)
	}
	b.ReportMetric(0, "ns/op")
}
