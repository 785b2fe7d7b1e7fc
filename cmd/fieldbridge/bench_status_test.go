package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"
)

// connected returns contractors, and the path of the connection of each by their
// cookies. The connection has been made and renewed twice.
func (p *product) connected(b testing.TB, n int) (clients []*client, paths map[string]string) {
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

// statusContest lets people read a connection's page, and compares it with two bare Echo
// routes with a fixed page of the same size. The floor has the session check of
// frozenCheck, and the new floor has the product's own.
func statusContest(b testing.TB, readers int) contest {
	b.Helper()
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
	return contest{
		lasting: time.Second, rounds: 7, product: side{clients: clients, work: read},
		against: []side{{"floor", floor, read}, {"new-floor", newer, read}},
	}
}

// BenchmarkStatusPage counts the reads of a connection's page per second.
func BenchmarkStatusPage(b *testing.B) {
	const readers = 16
	b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) { statusContest(b, readers).run(b) })
}
