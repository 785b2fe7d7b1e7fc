package models

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// moment stands before the sandbox and tells when a token request has been
// under way for a while.
type moment struct {
	next http.Handler
	// armed holds for how long the next token request is to be under way.
	armed   chan time.Duration
	reached chan struct{}
}

func newMoment() *moment {
	return &moment{armed: make(chan time.Duration, 1), reached: make(chan struct{})}
}

func (m *moment) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == sandbox.PathToken {
		select {
		case after := <-m.armed:
			time.AfterFunc(after, func() { m.reached <- struct{}{} })
		default:
		}
	}
	m.next.ServeHTTP(w, r)
}

// A process is killed again and again at any moment of an answer. Whoever comes
// next retries what it had sent while the issuer still forgives that, so that
// no connection is lost. With two processes on PostgreSQL, it is the other one in
// every second round, and in the rest whoever is first.
func TestB7KilledWithinGrace(t *testing.T) {
	for _, takes := range []time.Duration{200 * time.Millisecond, time.Second, 3 * time.Second} {
		for name, tt := range map[string]struct {
			processes int
			database  func(testing.TB) string
		}{"1 on SQLite": {1, testdb.SQLite}, "2 on PostgreSQL": {2, testdb.Postgres}} {
			t.Run(fmt.Sprintf("%s, answers take %s", name, takes), func(t *testing.T) {
				t.Parallel() // they wait for answers most of the time
				killWithinGrace(t, tt.processes, tt.database(t), takes, many(t, 2, 60))
			})
		}
	}
}

func killWithinGrace(t *testing.T, processes int, database string, takes time.Duration, kills int) {
	const grace, keepAlive, connections = 5 * time.Second, time.Second, 6
	k := newKept(t, openAt(t, database), time.Now, func(_ *sandbox.Options, o *KeeperOptions) { o.KeepAlive = keepAlive })
	m := newMoment()
	c := k.overTheNetwork(database, grace, func(next http.Handler) http.Handler {
		m.next = next
		return m
	})
	c.KeepAlive = keepAlive
	k.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Slow, Delay: takes, Path: sandbox.PathToken})
	ids := k.seed(connections, time.Now(), time.Now())
	children := make([]*exec.Cmd, processes)
	for i := range children {
		children[i] = c.start(t)
	}
	hit, hits, lost := 0, 0, 0
	var longest time.Duration
	for kill := range kills {
		m.armed <- rand.N(takes + 100*time.Millisecond) // #nosec G404 -- any moment
		<-m.reached
		victim := kill / 2 % processes
		_ = children[victim].Process.Kill()
		_ = children[victim].Wait()
		killed := time.Now()
		leased := k.count("SELECT count(*) FROM credentials WHERE lease_until IS NOT NULL")
		if hits += leased; leased > 0 {
			hit++
		}
		before := map[uuid.UUID]int64{}
		for _, id := range ids {
			before[id] = k.connection(id).Generation
		}
		alone := kill%2 == 1 && processes > 1 // the other one is left alone with it
		if !alone {
			children[victim] = c.start(t)
		}
		ended := map[uuid.UUID]Reason{}
		k.until(func() bool { // each is renewed once more, or ended
			for _, id := range ids {
				now := k.connection(id)
				if now.State == ReconnectNeeded {
					ended[id] = now.Reason
				} else if now.Generation == before[id] {
					return false
				}
			}
			return true
		})
		longest = max(longest, time.Since(killed))
		if alone {
			children[victim] = c.start(t)
		}
		for id, reason := range ended {
			t.Errorf("kill %d: a connection is lost: %s", kill+1, reason)
			lost++
			k.reconnect(id)
		}
	}
	t.Logf("%d kills, of which %d met %d renewals under way: %d connections were lost; all were renewed within %s",
		kills, hit, hits, lost, longest.Round(10*time.Millisecond))
	for _, process := range children {
		_ = process.Process.Signal(syscall.SIGTERM)
		if err := process.Wait(); err != nil {
			t.Errorf("a process does not stop well: %v", err)
		}
	}
	if states := k.states(); states[Connected] != connections {
		t.Errorf("%v", states)
	}
}
