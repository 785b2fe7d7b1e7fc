package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// start opens the app, and measures the time until its front page is there.
func start(b *testing.B, address string, keys *seal.Keys) time.Duration {
	b.Helper()
	began := time.Now()
	l, base := listen(b)
	a, err := newApp(b.Context(), benchConfig(b, base, "http://127.0.0.1:1", address), keys, nil, quiet())
	if err != nil {
		b.Fatal(err)
	}
	s := newServer(a.public, quiet())
	go func() { _ = s.Serve(l) }()
	c := newClient(base)
	if _, err := c.get("/", http.StatusOK); err != nil {
		b.Fatal(err)
	}
	took := time.Since(began)
	c.transport.CloseIdleConnections()
	if err := s.Shutdown(context.Background()); err != nil {
		b.Fatal(err)
	}
	if err := a.db.Close(); err != nil {
		b.Fatal(err)
	}
	return took
}

// BenchmarkStart measures the time from opening the database to the first answer, with
// 100,000 connections and with none. This includes checking the schema and the keyset,
// wiring, and listening. It does not include the start of the process before main, a
// cold file cache, or the migration at the first start.
func BenchmarkStart(b *testing.B) {
	const connections, rounds = 100_000, 9
	keys := newKeyset(b)
	empty, full := filepath.Join(b.TempDir(), "empty.db"), filepath.Join(b.TempDir(), "full.db")
	start(b, empty, keys)
	start(b, full, keys)
	db, err := database.Open(b.Context(), full, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	fill(b, db, keys, connections)
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	file, err := os.Stat(full)
	if err != nil {
		b.Fatal(err)
	}
	b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
		b.Logf("the full database has %d MB; %s", file.Size()>>20, disk(b, filepath.Dir(full)))
		var withNone, withAll []time.Duration
		for b.Loop() {
			for range rounds {
				withNone = append(withNone, start(b, empty, keys))
				withAll = append(withAll, start(b, full, keys))
			}
		}
		none, all := middle(withNone, milliseconds), middle(withAll, milliseconds)
		b.ReportMetric(none, "empty-ms")
		b.ReportMetric(all, "full-ms")
		b.ReportMetric(all/none, "full/empty")
		b.ReportMetric(0, "ns/op")
	})
}
