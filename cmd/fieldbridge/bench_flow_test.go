package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"
)

// tenants issues tenant IDs that no earlier run has used.
type tenants struct{ last atomic.Int64 }

func newTenants() *tenants {
	t := &tenants{}
	t.last.Store(1_000_000_000 + time.Now().UnixMicro()%8_000_000_000) // ten digits
	return t
}

func (t *tenants) next() int64 { return t.last.Add(1) }

// connect goes through the whole flow and returns the path of the connection's page:
// the choice, the authorization at ServiceTitan, the callback, and the page.
func (c *client) connect(issuer string, tenant int64) (string, error) {
	number := strconv.FormatInt(tenant, 10)
	chosen, err := c.post(c.wizard.choose, url.Values{"env": {"production"}, "how": {"sign_in"}, "tenant": {number}})
	if err != nil {
		return "", err
	}
	_, choice, _ := strings.Cut(chosen.location, "choice=")
	sent, err := c.send(http.MethodPost, c.wizard.authorize, url.Values{"choice": {choice}}.Encode(), c.wizard.sent)
	if err != nil {
		return "", err
	}
	to, err := url.Parse(sent.location)
	if err != nil || !strings.HasPrefix(sent.location, issuer) {
		return "", fmt.Errorf("sent to %s", sent.location)
	}
	back := url.Values{"code": {stubCode(tenant)}, "state": {to.Query().Get("state")}, "iss": {issuer}}
	done, err := c.get(c.wizard.callback+"?"+back.Encode(), http.StatusSeeOther)
	if err != nil {
		return "", err
	}
	path, _, _ := strings.Cut(done.location, "?")
	shown, err := c.get(path, http.StatusOK)
	if err == nil && !bytes.Contains(shown.body, []byte(number)) {
		err = fmt.Errorf("tenant %s is not on the page", number)
	}
	return path, err
}

// flowContest lets contractors connect, each with a tenant of its own, with the product
// and with the floor, which is the least that could do the job. It returns the role of
// the floor, for others to compare.
func flowContest(b testing.TB, contractors int) (contest, role) {
	b.Helper()
	numbers := newTenants()
	p := newProduct(b, filepath.Join(b.TempDir(), "product.db"))
	p.unlimited(b)
	p.start(b)
	connect := func(c *client) error {
		_, err := c.connect(p.issuer, numbers.next())
		return err
	}
	c := contest{lasting: time.Second, rounds: 5, product: side{clients: p.contractors(b, contractors), work: connect}}
	path, err := c.product.clients[0].connect(p.issuer, numbers.next())
	if err != nil {
		b.Fatal(err)
	}
	shown, err := c.product.clients[0].get(path, http.StatusOK)
	if err != nil {
		b.Fatal(err)
	}
	floor := role{Database: filepath.Join(b.TempDir(), "floor.db"), Issuer: p.issuer, Size: len(shown.body)}
	c.against = []side{{"floor", startFloor(b, floor, contractors), connect}}
	return c, floor
}

// BenchmarkFlow counts the connections that contractors make per second. They have
// signed in before. The load, the issuer, and each side are processes that share the
// machine's cores. A company has room for 200 connections, so the turns are short.
func BenchmarkFlow(b *testing.B) {
	for _, n := range []int{64, 16} {
		b.Run(fmt.Sprintf("contractors=%d", n), func(b *testing.B) {
			c, floor := flowContest(b, n)
			if n < 64 {
				c.lasting /= 2
			}
			b.Logf("the database keeps every commit (synchronous=FULL); %s", disk(b, b.TempDir()))
			floor.Database = filepath.Join(b.TempDir(), "express.db")
			if express, why := startExpress(b, floor, n); why == "" {
				c.against = append(c.against, side{"express", express, c.product.work})
			} else {
				b.Log("this is not compared with Express, because ", why)
			}
			c.run(b)
		})
	}
}

// unlimited removes the limit on how often contractors may go to ServiceTitan.
func (p *product) unlimited(b testing.TB) {
	b.Helper()
	if err := p.db.Write(b.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`CREATE TRIGGER unlimited AFTER UPDATE ON throttles WHEN NEW.key LIKE '%authorizations:%' AND NEW.n > 5
			BEGIN UPDATE throttles SET n = 1 WHERE key = NEW.key; END`).Error
	}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkFlowPostgres runs only BenchmarkFlow's product, on the PostgreSQL database
// that FIELDBRIDGE_BENCH_POSTGRES names. What it writes stays there.
func BenchmarkFlowPostgres(b *testing.B) {
	address := os.Getenv("FIELDBRIDGE_BENCH_POSTGRES")
	if address == "" {
		b.Skip("FIELDBRIDGE_BENCH_POSTGRES names no database")
	}
	const contractors = 64
	p := newProduct(b, address)
	p.start(b)
	clients := p.contractors(b, contractors)
	numbers := newTenants()
	var r round
	for b.Loop() {
		var err error
		r, err = runRound(clients, 5*time.Second, func(c *client) error {
			_, err := c.connect(p.issuer, numbers.next())
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	report(b, "product", r)
	b.ReportMetric(0, "ns/op")
}
