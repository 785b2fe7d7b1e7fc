package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// bareAPI answers the same JSON to programs whose API key passes the check, and does
// nothing else.
func bareAPI(check func(ctx context.Context, key, address string) error, size int) http.Handler {
	type body struct {
		AccessToken string `json:"access_token"`
	}
	token := strings.Repeat("1", size-len(`{"access_token":""}`))
	e := echo.New()
	e.GET("/api/v1/connections/:id/token", func(c echo.Context) error {
		value := strings.TrimPrefix(c.Request().Header.Get(echo.HeaderAuthorization), "Bearer ")
		if err := check(c.Request().Context(), value, "127.0.0.1"); err != nil {
			return err
		}
		return c.JSON(http.StatusOK, body{token})
	})
	return e
}

// checkKey is the product's check of API keys.
func checkKey(db *database.DB) func(context.Context, string, string) error {
	keys := accounts.NewAPIKeys(db)
	return func(ctx context.Context, key, address string) error {
		_, err := keys.Check(ctx, secret.New(key), address)
		return err
	}
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
			_, key, err := p.apiKeys.Create(b.Context(), accounts.CommandLine("root"), accounts.NewKey{Name: "bench", Scopes: accounts.Scopes()})
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

// tokens are the access tokens of many connections, which back ends read.
type tokens struct {
	*product
	connections    int64
	asked          atomic.Int64
	clients, floor []*client
	newFloor       []*client
	size           int
}

func newTokens(b testing.TB, readers, connections int, more ...string) *tokens {
	b.Helper()
	p := newProduct(b, filepath.Join(b.TempDir(), "product.db"))
	fill(b, p.db, p.keys, connections)
	// The connections are in use, so that a read need not record the use.
	change(b, p.db, "UPDATE connections SET last_used_at = ?", p.db.Now())
	// The keeper has nothing to renew meanwhile.
	change(b, p.db, "UPDATE credentials SET due_at = ?", p.db.Now().Add(24*time.Hour))
	p.start(b, more...)
	t := &tokens{product: p, connections: int64(connections), clients: p.backEnds(b, p.base, readers)}
	first, err := t.clients[0].get(tokenOf(0), http.StatusOK)
	if err != nil {
		b.Fatal(err)
	}
	t.size = len(first.body)
	t.floor = p.backEnds(b, role{Name: playFrozenAPI, Database: p.database, Size: t.size}.start(b), readers)
	t.newFloor = p.backEnds(b, role{Name: playBareAPI, Database: p.database, Size: t.size}.start(b), readers)
	return t
}

func (t *tokens) read(path string, c *client) error {
	got, err := c.get(path, http.StatusOK)
	if err == nil && len(got.body) < t.size/2 {
		err = fmt.Errorf("answer has %d bytes, want about %d", len(got.body), t.size)
	}
	return err
}

// fromCache reads tokens of few connections. The cache holds 4,096.
func (t *tokens) fromCache(c *client) error { return t.read(tokenOf(t.asked.Add(1)%512), c) }

// fromDatabase reads tokens of very many connections. 7,919 has no common factor with
// their number, so every connection gets its turn.
func (t *tokens) fromDatabase(c *client) error {
	return t.read(tokenOf(t.asked.Add(1)*7919%t.connections), c)
}

// contest compares reading with two bare Echo routes that answer JSON of the same size.
// The floor checks the API key as frozenKeyCheck does, and the new floor as the product
// does now.
func (t *tokens) contest(read func(*client) error) contest {
	bare := func(c *client) error { return t.read(tokenOf(0), c) }
	return contest{
		lasting: time.Second, rounds: 7, product: side{clients: t.clients, work: read},
		against: []side{{"floor", t.floor, bare}, {"new-floor", t.newFloor, bare}},
	}
}

// BenchmarkToken counts the access tokens that back ends read per second: from the cache
// and from the database. The last case counts tokens that have to be renewed.
func BenchmarkToken(b *testing.B) {
	const readers, connections = 16, 100_000
	t := newTokens(b, readers, connections)
	for _, way := range []struct {
		from string
		read func(*client) error
	}{{"cache", t.fromCache}, {"database", t.fromDatabase}} {
		b.Run(fmt.Sprintf("from=%s/readers=%d", way.from, readers), func(b *testing.B) { t.contest(way.read).run(b) })
	}
	// All tokens have expired, so each is renewed when it is read. Tokens that are still
	// in the cache are not renewed, and do not count.
	change(b, t.db, "UPDATE credentials SET expires_at = ?", t.db.Now())
	b.Run(fmt.Sprintf("from=renewal/readers=%d", readers), func(b *testing.B) {
		const lasting, rounds = time.Second, 5
		var perSecond []float64
		for b.Loop() {
			for range rounds {
				before, began := t.grants(b), time.Now()
				if _, err := runRound(t.clients, lasting, t.fromDatabase); err != nil {
					b.Fatal(err)
				}
				perSecond = append(perSecond, float64(t.grants(b)-before)/time.Since(began).Seconds())
			}
		}
		b.ReportMetric(middle(perSecond, func(v float64) float64 { return v }), "renewals/s")
		b.ReportMetric(0, "ns/op")
	})
}
