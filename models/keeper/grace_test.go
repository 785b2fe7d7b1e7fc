package keeper_test

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
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// moment is a handler in front of the sandbox. It tells when a token request has been
// under way for a certain time.
type moment struct {
	next http.Handler
	// armed holds how long the next token request has to be under way.
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

// A process is killed again and again at any moment of an answer. The next process repeats
// its requests within the issuer's grace period, so no connection is lost. With two
// processes on PostgreSQL, the next one is the other process in every second round, and
// whichever comes first in the rest.
func TestSoakKilledWithinGrace(t *testing.T) {
	for _, takes := range []time.Duration{200 * time.Millisecond, time.Second, 3 * time.Second} {
		for name, tt := range map[string]struct {
			processes   int
			newDatabase func(testing.TB) string
		}{"1 on SQLite": {1, testdb.SQLite}, "2 on PostgreSQL": {2, testdb.Postgres}} {
			t.Run(fmt.Sprintf("%s, answers take %s", name, takes), func(t *testing.T) {
				t.Parallel() // they wait for answers most of the time
				killWithinGrace(t, tt.processes, tt.newDatabase(t), takes, modeltest.Many(t, 2, 60))
			})
		}
	}
}

func killWithinGrace(t *testing.T, processes int, address string, takes time.Duration, kills int) {
	const keepAlive, connections = time.Second, 6
	// With few kills, a longer grace period shows the same, even on a busy machine: a lease
	// that does not end with its holder lasts longer than that.
	grace := time.Duration(modeltest.Many(t, 20, 5)) * time.Second
	k := modeltest.NewKept(t, modeltest.OpenAt(t, address), time.Now, func(_ *sandbox.Options, o *keeper.Options) { o.KeepAlive = keepAlive })
	m := newMoment()
	c := k.OverTheNetwork(address, grace, func(next http.Handler) http.Handler {
		m.next = next
		return m
	})
	c.KeepAlive = keepAlive
	k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Slow, Delay: takes, Path: sandbox.PathToken})
	ids := k.Seed(connections, time.Now(), time.Now())
	children := make([]*exec.Cmd, processes)
	for i := range children {
		children[i] = c.Start(t)
	}
	hit, hits, lost := 0, 0, 0
	var longest, restart time.Duration
	for kill := range kills {
		m.armed <- rand.N(takes + 100*time.Millisecond) // #nosec G404 -- any moment
		<-m.reached
		victim := kill / 2 % processes
		_ = children[victim].Process.Kill()
		_ = children[victim].Wait()
		killed := time.Now()
		leased := k.Count("SELECT count(*) FROM credentials WHERE lease_until IS NOT NULL")
		if hits += leased; leased > 0 {
			hit++
		}
		before := map[uuid.UUID]int64{}
		for _, id := range ids {
			before[id] = k.Connection(id).Generation
		}
		alone := kill%2 == 1 && processes > 1 // the other process has to do it alone
		if !alone {
			children[victim] = c.Start(t)
			restart = max(restart, time.Since(killed))
		}
		ended := map[uuid.UUID]models.Reason{}
		k.Until(func() bool { // each is renewed once more, or ended
			for _, id := range ids {
				now := k.Connection(id)
				if now.State == models.ReconnectNeeded {
					ended[id] = now.Reason
				} else if now.Generation == before[id] {
					return false
				}
			}
			return true
		})
		longest = max(longest, time.Since(killed))
		if alone {
			children[victim] = c.Start(t)
		}
		for id, reason := range ended {
			t.Errorf("kill %d: a connection is lost: %s; a token was retried %s after it was used, the process was back after %s at most",
				kill+1, reason, latestRetry(k), restart)
			lost++
			k.Reconnect(id)
		}
	}
	t.Logf("%d kills, of which %d met %d renewals under way: %d connections were lost; all were renewed within %s, processes back within %s, the latest retry %s after a token was used",
		kills, hit, hits, lost, longest.Round(10*time.Millisecond), restart.Round(10*time.Millisecond), latestRetry(k))
	for _, process := range children {
		_ = process.Process.Signal(syscall.SIGTERM)
		if err := process.Wait(); err != nil {
			t.Errorf("a process does not stop well: %v", err)
		}
	}
	if states := k.States(); states[models.Connected] != connections {
		t.Errorf("%v", states)
	}
	k.Invariants()
}

// latestRetry returns the longest time between a request whose answer did not arrive and its
// repetition.
func latestRetry(k *modeltest.Kept) time.Duration {
	var latest time.Duration
	before := map[string]sandbox.Request{}
	for _, r := range k.Sandbox.Requests() {
		if r.Path != sandbox.PathToken {
			continue
		}
		if last, again := before[r.About]; again && !last.Sent {
			latest = max(latest, r.Time.Sub(last.Time))
		}
		before[r.About] = r
	}
	return latest.Round(10 * time.Millisecond)
}

// Without a grace period, a kill loses the connections whose answers were on their way, and
// they show the reason. Those that were only leased or due are renewed.
func TestSoakKilledWithoutGrace(t *testing.T) {
	for name, newDatabase := range map[string]func(testing.TB) string{"SQLite": testdb.SQLite, "PostgreSQL": testdb.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killWithoutGrace(t, newDatabase(t))
		})
	}
}

func killWithoutGrace(t *testing.T, address string) {
	const leased = 10
	k := modeltest.NewKept(t, modeltest.OpenAt(t, address), time.Now)
	c := k.OverTheNetwork(address, 0)
	ids := append(k.Seed(leased, time.Now(), time.Now()), k.Seed(5, time.Now(), time.Now().Add(time.Hour))...)
	k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold, Path: sandbox.PathToken})
	slow := c
	slow.PerSecond = 1 // a few at once, and the rest wait for their turn
	victim := slow.Start(t)
	for range keeper.ForegroundShare {
		<-k.Sandbox.Held()
	}
	_ = victim.Process.Kill()
	_ = victim.Wait()
	if n := k.Count("SELECT count(*) FROM credentials WHERE lease_until IS NOT NULL"); n != leased {
		t.Errorf("%d were leased, want %d", n, leased)
	}
	k.Sandbox.Release()
	underWay := map[uuid.UUID]bool{}
	for _, id := range ids {
		b, err := keeper.KeeperOpenGrant(k.Keeper, storedCredential(k, id))
		if err != nil {
			t.Fatal(err)
		}
		if _, spent := k.Sandbox.DeadSince(b.Refresh.Reveal()); spent {
			underWay[id] = true
		}
	}
	if n := len(underWay); n < keeper.ForegroundShare || n == leased {
		t.Fatalf("the answers of %d were on their way", n)
	}
	next := c.Start(t)
	k.Until(func() bool {
		return k.Count("SELECT count(*) FROM credentials WHERE lease_until IS NOT NULL OR due_at <= ?", time.Now().UTC()) == 0
	})
	_ = next.Process.Signal(syscall.SIGTERM)
	if err := next.Wait(); err != nil {
		t.Errorf("a process does not stop well: %v", err)
	}
	for i, id := range ids {
		c := k.Connection(id)
		switch {
		case underWay[id] && (c.State != models.ReconnectNeeded || c.Reason != models.ReasonAnswerLost):
			t.Errorf("one whose answer was lost is %s, %s", c.State, c.Reason)
		case !underWay[id] && c.State != models.Connected, !underWay[id] && i < leased && c.Generation != 2:
			t.Errorf("one that was not under way is %s, %s, of generation %d", c.State, c.Reason, c.Generation)
		}
	}
	t.Logf("%d were leased and %d were under way: %v", leased, len(underWay), k.States())
	k.Invariants()
}
