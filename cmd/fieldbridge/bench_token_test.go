package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// bareAPI answers the same JSON to programs with an API key. It checks the key like the
// product, and does nothing else.
func bareAPI(keys *accounts.APIKeys, token string) http.Handler {
	type body struct {
		AccessToken string `json:"access_token"`
	}
	e := echo.New()
	e.GET("/api/v1/connections/:id/token", func(c echo.Context) error {
		value := strings.TrimPrefix(c.Request().Header.Get(echo.HeaderAuthorization), "Bearer ")
		if _, err := keys.Check(c.Request().Context(), secret.New(value), "127.0.0.1"); err != nil {
			return err
		}
		return c.JSON(http.StatusOK, body{token})
	})
	return e
}

// backEnds returns clients with API keys for all companies, as many as the limit of
// each key requires.
func (p *product) backEnds(b testing.TB, base string, n int) []*client {
	b.Helper()
	const each = 50
	clients := make([]*client, n)
	for i := range clients {
		clients[i] = newClient(base)
		b.Cleanup(clients[i].transport.CloseIdleConnections)
		for range each {
			_, key, err := p.apiKeys.Create(b.Context(), accounts.CommandLine("root"), nil, "bench")
			if err != nil {
				b.Fatal(err)
			}
			clients[i].keys = append(clients[i].keys, key.Reveal())
		}
	}
	return clients
}

// tokenOf returns the path of the access token of the nth connection.
func tokenOf(n int64) string { return "/api/v1/connections/" + filledID(int(n)) + "/token" }

// BenchmarkToken counts the access tokens that back ends read per second. It compares
// them with a bare Echo route that answers JSON of the same size and checks the API key
// in the same way. The cache holds 4,096 tokens. Those of a few connections come from
// the cache, and those of very many, in turn, come from the database. The last case
// counts tokens that have to be renewed.
func BenchmarkToken(b *testing.B) {
	const readers, connections, cached = 16, 100_000, 512
	p := newProduct(b, filepath.Join(b.TempDir(), "product.db"))
	fill(b, p.db, p.keys, connections)
	// The connections are in use, so that a read need not record the use.
	change(b, p.db, "UPDATE connections SET last_used_at = ?", p.db.Now())
	// The keeper has nothing to renew meanwhile.
	change(b, p.db, "UPDATE credentials SET due_at = ?", p.db.Now().Add(24*time.Hour))
	p.start(b)
	clients := p.backEnds(b, p.base, readers)
	first, err := clients[0].get(tokenOf(0), http.StatusOK)
	if err != nil {
		b.Fatal(err)
	}
	size := len(first.body)
	bare := p.backEnds(b, role{Name: playBareAPI, Database: p.database, Size: size}.start(b), readers)
	read := func(path string, c *client) error {
		got, err := c.get(path, http.StatusOK)
		if err == nil && len(got.body) < size/2 {
			err = fmt.Errorf("answer has %d bytes, want about %d", len(got.body), size)
		}
		return err
	}
	var asked atomic.Int64
	// 7,919 and the number of connections have no common factor, so every connection
	// gets its turn.
	next := func() int64 { return asked.Add(1) * 7919 % connections }
	floor := func(c *client) error { return read(tokenOf(0), c) }
	for _, way := range []struct {
		from string
		read func(*client) error
	}{
		{"cache", func(c *client) error { return read(tokenOf(asked.Add(1)%cached), c) }},
		{"database", func(c *client) error { return read(tokenOf(next()), c) }},
	} {
		b.Run(fmt.Sprintf("from=%s/readers=%d", way.from, readers), func(b *testing.B) {
			b.Logf("the answer has %d bytes", size)
			contest{
				lasting: time.Second, rounds: 7, product: side{clients: clients, work: way.read}, against: []side{{"floor", bare, floor}},
			}.run(b)
		})
	}
	// All tokens have expired, so each is renewed when it is read. Tokens that are still
	// in the cache are not renewed, and do not count.
	change(b, p.db, "UPDATE credentials SET expires_at = ?", p.db.Now())
	b.Run(fmt.Sprintf("from=renewal/readers=%d", readers), func(b *testing.B) {
		const lasting, rounds = time.Second, 5
		var perSecond []float64
		for b.Loop() {
			for range rounds {
				before, began := p.grants(b), time.Now()
				if _, err := runRound(clients, lasting, func(c *client) error { return read(tokenOf(next()), c) }); err != nil {
					b.Fatal(err)
				}
				perSecond = append(perSecond, float64(p.grants(b)-before)/time.Since(began).Seconds())
			}
		}
		b.ReportMetric(middle(perSecond, func(v float64) float64 { return v }), "renewals/s")
		b.ReportMetric(0, "ns/op")
	})
}
