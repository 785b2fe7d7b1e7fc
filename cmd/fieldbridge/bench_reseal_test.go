package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// BenchmarkReseal measures how long it takes to seal 100,000 credentials again, each
// with two sealed values, while nothing else happens.
func BenchmarkReseal(b *testing.B) {
	const connections = 100_000
	for name, address := range map[string]func() string{
		"sqlite":   func() string { return filepath.Join(b.TempDir(), "app.db") },
		"postgres": func() string { return testdb.Durable(b) },
	} {
		b.Run(name, func(b *testing.B) {
			file := filepath.Join(b.TempDir(), "keyset.json")
			keys, err := seal.Create(file)
			if err != nil {
				b.Fatal(err)
			}
			db, err := database.Open(b.Context(), address(), time.Now)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = db.Close() })
			fill(b, db, keys, connections)
			var took time.Duration
			for b.Loop() {
				if _, _, err := seal.Rotate(file); err != nil {
					b.Fatal(err)
				}
				if keys, err = seal.Load(file); err != nil {
					b.Fatal(err)
				}
				began := time.Now()
				rows, err := keyring.Reseal(b.Context(), db, keys, func(int64, int64) {})
				if took = time.Since(began); err != nil || rows != connections {
					b.Fatalf("%d rows, %v", rows, err)
				}
			}
			b.ReportMetric(took.Seconds(), "s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
