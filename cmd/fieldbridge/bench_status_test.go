package main

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// bareRoute answers a fixed page to people who are signed in. It reads the session and
// the member like the product, and does nothing else.
func bareRoute(a *app, page []byte) http.Handler {
	sessions := scs.New()
	sessions.Store = accounts.NewSessions(a.db)
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
		if _, err := a.accounts.Visitor(ctx, user, company, sessions.GetInt(ctx, "epoch")); err != nil {
			return err
		}
		return c.HTMLBlob(http.StatusOK, page)
	})
	return e
}

// BenchmarkStatusPage counts the reads of a connection's page per second. It compares
// them with a bare Echo route with a fixed page of the same size and the same session.
// The connection has been made and renewed twice.
func BenchmarkStatusPage(b *testing.B) {
	const readers = 16
	p := newProduct(b, filepath.Join(b.TempDir(), "product.db"))
	clients := p.contractors(b, readers)
	bare := make([]*client, readers)
	bareListener, bareBase := listen(b)
	paths := make(map[*client]string, 2*readers)
	numbers := newTenants()
	var size int
	for i, c := range clients {
		tenant := numbers.next()
		for range 3 {
			path, err := c.connect(p.issuer, tenant)
			if err != nil {
				b.Fatal(err)
			}
			paths[c] = path
		}
		shown, err := c.get(paths[c], http.StatusOK)
		if err != nil {
			b.Fatal(err)
		}
		size = len(shown.body)
		bare[i] = newClient(bareBase)
		b.Cleanup(bare[i].transport.CloseIdleConnections)
		bare[i].cookies, paths[bare[i]] = c.cookies, paths[c]
	}
	serve(b, bareListener, newServer(bareRoute(p.app, bytes.Repeat([]byte("x"), size)), quiet()))
	read := func(c *client) error {
		shown, err := c.get(paths[c], http.StatusOK)
		if err == nil && len(shown.body) < size/2 {
			err = fmt.Errorf("page has %d bytes, want about %d", len(shown.body), size)
		}
		return err
	}
	b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
		b.Logf("the page has %d bytes", size)
		contest{
			lasting: time.Second, rounds: 7, product: read, floor: read,
			productClients: clients, floorClients: bare,
		}.run(b)
	})
}
