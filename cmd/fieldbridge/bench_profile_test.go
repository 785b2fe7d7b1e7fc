package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkProfile saves profiles of the product in the folder that
// FIELDBRIDGE_BENCH_PROFILES names: while contractors connect, while they read the page
// of a connection, and while back ends read tokens, half of them from the cache. In
// layers.txt, it writes what each layer costs for each of them. The load and the issuer are in processes of their own.
func BenchmarkProfile(b *testing.B) {
	folder := os.Getenv("FIELDBRIDGE_BENCH_PROFILES")
	if folder == "" {
		b.Skip("FIELDBRIDGE_BENCH_PROFILES names no folder")
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		b.Fatal(err)
	}
	var tables strings.Builder
	for _, p := range []profiled{
		{name: "flow", folder: folder, lasting: 8 * time.Second, prepare: func(b *testing.B, more ...string) ([]*client, func(*client) error) {
			p := newProduct(b, filepath.Join(b.TempDir(), "product.db"))
			p.unlimited(b)
			p.start(b, more...)
			numbers := newTenants()
			return p.contractors(b, 64), func(c *client) error {
				_, err := c.connect(p.issuer, numbers.next())
				return err
			}
		}},
		{name: "status page", folder: folder, lasting: 8 * time.Second, prepare: func(b *testing.B, more ...string) ([]*client, func(*client) error) {
			p := newProduct(b, filepath.Join(b.TempDir(), "product.db"))
			p.start(b, more...)
			clients, paths := p.connected(b, 16)
			return clients, func(c *client) error {
				_, err := c.get(paths[c.cookies], http.StatusOK)
				return err
			}
		}},
		{name: "token", folder: folder, lasting: 8 * time.Second, prepare: func(b *testing.B, more ...string) ([]*client, func(*client) error) {
			t := newTokens(b, 16, 20_000, more...)
			return t.clients, func(c *client) error {
				if t.asked.Load()%2 == 0 {
					return t.fromCache(c)
				}
				return t.fromDatabase(c)
			}
		}},
	} {
		printCosts(&tables, p.name, p.run(b))
		tables.WriteString("\n")
	}
	if err := os.WriteFile(filepath.Join(folder, "layers.txt"), []byte(tables.String()), 0o600); err != nil {
		b.Fatal(err)
	}
}
