package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// bareRoute answers a fixed page to people who are signed in. It reads the session and
// the member as the product does now, and does nothing else.
func bareRoute(db *database.DB, page []byte) http.Handler {
	people := accounts.New(db, nil, 1) // without keys, because it opens nothing
	sessions := scs.New()
	sessions.Store = accounts.NewSessions(db)
	sessions.HashTokenInStore = true
	sessions.Cookie.Name = "fieldbridge_session"
	e := echo.New()
	e.Use(echo.WrapMiddleware(sessions.LoadAndSave))
	e.GET("/connections/:id", func(c echo.Context) error {
		ctx := c.Request().Context()
		user, err := uuid.Parse(sessions.GetString(ctx, "user"))
		if err != nil {
			return echo.NewHTTPError(http.StatusUnauthorized)
		}
		company, err := uuid.Parse(sessions.GetString(ctx, "company"))
		if err != nil {
			return echo.NewHTTPError(http.StatusUnauthorized)
		}
		if _, err := people.Visitor(ctx, user, company, sessions.GetInt(ctx, "epoch")); err != nil {
			return err
		}
		return c.HTMLBlob(http.StatusOK, page)
	})
	return e
}

// connected returns contractors, and the path of the connection of each by their
// cookies. The connection has been made and renewed twice.
func (p *product) connected(b *testing.B, n int) (clients []*client, paths map[string]string) {
	b.Helper()
	clients, paths = p.contractors(b, n), make(map[string]string, n)
	numbers := newTenants()
	for _, c := range clients {
		tenant := numbers.next()
		for range 3 {
			path, err := c.connect(p.issuer, tenant)
			if err != nil {
				b.Fatal(err)
			}
			paths[c.cookies] = path
		}
	}
	return clients, paths
}

// BenchmarkStatusPage counts the reads of a connection's page per second. It compares
// them with two bare Echo routes with a fixed page of the same size. The floor has the
// session check of frozenCheck, and the new floor has the product's own.
func BenchmarkStatusPage(b *testing.B) {
	const readers = 16
	p := newProduct(b, filepath.Join(b.TempDir(), "product.db"))
	p.start(b)
	clients, paths := p.connected(b, readers)
	shown, err := clients[0].get(paths[clients[0].cookies], http.StatusOK)
	if err != nil {
		b.Fatal(err)
	}
	size := len(shown.body)
	floor := frozenClients(b, p.db, clients, role{Name: playFrozen, Database: p.database, Size: size}.start(b))
	base := role{Name: playBare, Database: p.database, Size: size}.start(b)
	newer := make([]*client, readers)
	for i, c := range clients {
		newer[i] = newClient(base)
		newer[i].cookies = c.cookies
		b.Cleanup(newer[i].transport.CloseIdleConnections)
		paths[floor[i].cookies] = paths[c.cookies]
	}
	read := func(c *client) error {
		shown, err := c.get(paths[c.cookies], http.StatusOK)
		if err == nil && len(shown.body) < size/2 {
			err = fmt.Errorf("page has %d bytes, want about %d", len(shown.body), size)
		}
		return err
	}
	b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
		b.Logf("the page has %d bytes", size)
		contest{
			lasting: time.Second, rounds: 7, product: side{clients: clients, work: read},
			against: []side{{"floor", floor, read}, {"new-floor", newer, read}},
		}.run(b)
	})
}
