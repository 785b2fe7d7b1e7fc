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

// BenchmarkFlow counts the connections that contractors make per second, each with a
// tenant of its own. It compares them with the floor, which is the least that could do
// the job, and with a program for Node, where that is installed. The contractors have signed in before. The load, the issuer, the floor, and
// the product are processes that share the machine's cores.
func BenchmarkFlow(b *testing.B) {
	const most = 64
	numbers := newTenants()
	address := filepath.Join(b.TempDir(), "product.db")
	p := newProduct(b, address)
	p.unlimited(b)
	p.start(b)
	productClients := p.contractors(b, most+16)
	path, err := productClients[0].connect(p.issuer, numbers.next())
	if err != nil {
		b.Fatal(err)
	}
	shown, err := productClients[0].get(path, http.StatusOK)
	if err != nil {
		b.Fatal(err)
	}
	floorClients := startFloor(b, role{Database: filepath.Join(b.TempDir(), "floor.db"), Issuer: p.issuer, Size: len(shown.body)}, most+16)
	expressClients, withoutExpress := startExpress(b, role{Database: filepath.Join(b.TempDir(), "express.db"), Issuer: p.issuer, Size: len(shown.body)}, most+16)
	connect := func(c *client) error {
		_, err := c.connect(p.issuer, numbers.next())
		return err
	}
	for first, n := range map[int]int{0: most, most: 16} { // each company has room for 200 connections
		b.Run(fmt.Sprintf("contractors=%d", n), func(b *testing.B) {
			b.Logf("the database keeps every commit (synchronous=FULL); %s", disk(b, filepath.Dir(address)))
			against := []side{{"floor", floorClients[first : first+n], connect}}
			if withoutExpress == "" {
				against = append(against, side{"express", expressClients[first : first+n], connect})
			} else {
				b.Log("this is not compared with Express, because ", withoutExpress)
			}
			contest{
				lasting: 2 * time.Second, rounds: 5, product: side{clients: productClients[first : first+n], work: connect}, against: against,
			}.run(b)
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
