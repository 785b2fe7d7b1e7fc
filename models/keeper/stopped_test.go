package keeper_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// asked is a child process that renews when it is told to.
type asked struct {
	*exec.Cmd
	orders  io.Writer
	answers chan string
}

// renew orders a renewal of the generation.
func (a *asked) renew(t *testing.T, generation int64) {
	t.Helper()
	if _, err := fmt.Fprintln(a.orders, generation); err != nil {
		t.Fatal(err)
	}
}

// got waits until the child says that it has a generation.
func (a *asked) got(t *testing.T, want int64) {
	t.Helper()
	select {
	case answer := <-a.answers:
		if answer != fmt.Sprint(want, " <nil>") {
			t.Fatalf("a process says %q, want generation %d", answer, want)
		}
	case <-time.After(time.Minute):
		t.Fatalf("a process does not come to generation %d", want)
	}
}

// stop stops the process at once, until SIGCONT.
func (a *asked) stop(t *testing.T) {
	t.Helper()
	var how syscall.WaitStatus
	err := a.Process.Signal(syscall.SIGSTOP)
	if err == nil {
		_, err = syscall.Wait4(a.Process.Pid, &how, syscall.WUNTRACED, nil)
	}
	if err != nil || !how.Stopped() {
		t.Fatalf("the process does not stop: %v", err)
	}
}

// Two to five processes renew one connection, round after round. In every other round, the
// process that has ServiceTitan's answer is stopped until its lease has ended and another
// process has renewed. When it continues, its late save changes nothing, and it gets what
// the other one got.
func TestSoakHolderIsStopped(t *testing.T) {
	rounds := modeltest.Many(t, 12, 250)
	for processes := 2; processes <= 5; processes++ {
		t.Run(fmt.Sprint(processes), func(t *testing.T) { stopHolders(t, processes, rounds) })
	}
}

func stopHolders(t *testing.T, processes, rounds int) {
	address := testdb.Postgres(t)
	db := modeltest.OpenAt(t, address)
	k := modeltest.NewKept(t, db, time.Now)
	c := k.OverTheNetwork(address, time.Hour)
	c.Company, c.Connection = k.CompanyID, k.Seed(1, time.Now(), time.Now().Add(time.Hour))[0]
	children := make([]*asked, processes)
	for i := range children {
		children[i] = startAsked(t, c)
	}
	stops, generation, asks := 0, int64(1), 0
	for round := range rounds {
		if round%2 == 0 { // all at once
			for _, child := range children {
				child.renew(t, generation)
			}
			generation++
			for _, child := range children {
				child.got(t, generation)
			}
			if asks++; k.TokenRequests() != asks {
				t.Fatalf("round %d: %d token requests, want %d", round, k.TokenRequests(), asks)
			}
			continue
		}
		holder := children[round/2%processes]
		k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold})
		holder.renew(t, generation)
		<-k.Sandbox.Held()
		holder.stop(t)
		stops++
		k.Sandbox.Release()
		k.Until(func() bool { // the answer is on its way
			asked := k.Sandbox.Requests()
			return asked[len(asked)-1].EndedAs != 0
		})
		k.ExpireLeases(true) // half a minute passes
		for _, child := range children {
			if child != holder {
				child.renew(t, generation)
			}
		}
		generation++
		for _, child := range children {
			if child != holder {
				child.got(t, generation)
			}
		}
		before := storedCredential(k, c.Connection)
		if err := holder.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		holder.got(t, generation)
		if after := storedCredential(k, c.Connection); after.Generation != before.Generation || string(after.AccessSealed) != string(before.AccessSealed) {
			t.Fatalf("round %d: the late save changed the credential", round)
		}
		if asks += 2; k.TokenRequests() != asks {
			t.Fatalf("round %d: %d token requests, want %d", round, k.TokenRequests(), asks)
		}
	}
	if stops != rounds/2 || k.Sandbox.Fired(sandbox.Hold) != stops {
		t.Errorf("%d stops in %d rounds, %d answers were held", stops, rounds, k.Sandbox.Fired(sandbox.Hold))
	}
	if n := k.Sandbox.Count(sandbox.PathRevocation); n != 0 || k.Refusals() != 0 {
		t.Errorf("%d revocations, %d refusals", n, k.Refusals())
	}
	t.Logf("%d processes, %d rounds, %d stops: %d token requests", processes, rounds, stops, asks)
	k.Invariants()
}

func startAsked(t *testing.T, c modeltest.Child) *asked {
	t.Helper()
	var a asked
	var out io.Reader
	a.Cmd, out = c.Command(t)
	orders, err := a.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	a.orders, a.answers = orders, make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			a.answers <- lines.Text()
		}
	}()
	if line := <-a.answers; line != "renewing" {
		t.Fatalf("child says %q", line)
	}
	t.Cleanup(func() {
		_ = a.Process.Kill()
		_ = a.Wait()
	})
	return &a
}

// An instance that is stopped between its lease and its request does not send the request when
// it continues, because the refresh token may be spent.
func TestStoppedBeforeAsking(t *testing.T) {
	modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
		ids := k.Seed(8, time.Now(), time.Now())
		var stopped atomic.Bool
		other := k.NewKeeper(k.Options)
		db := *k.DB
		db.Intercept(func(write database.WriteFunc) database.WriteFunc {
			return func(ctx context.Context, fn func(*gorm.DB) error) error {
				err := write(ctx, fn)
				if k.TokenRequests() == 0 && stopped.CompareAndSwap(false, true) { // it has its leases
					<-time.After(database.LeaseLife + time.Second)
					var all sync.WaitGroup
					for _, id := range ids {
						all.Go(func() { renewNow(k, other, id) })
					}
					all.Wait()
				}
				return err
			}
		})
		(*k.Keeper.DBField()) = &db
		k.Start()
		k.Pass(time.Minute)
		if !stopped.Load() {
			t.Fatal("nobody was stopped")
		}
		if n := k.TokenRequests(); n != len(ids) || k.Refusals() != 0 {
			t.Errorf("%d token requests for %d connections, %d refused", n, len(ids), k.Refusals())
		}
		if states := k.States(); states[models.Connected] != len(ids) {
			t.Errorf("%v", states)
		}
	})
}

func renewNow(k *modeltest.Kept, instance *keeper.Keeper, id uuid.UUID) {
	k.Helper()
	if access, err := instance.Renew(k.Context(), k.CompanyID, id, 1); err != nil || access.Generation != 2 {
		k.Errorf("renewed to generation %d, error %v", access.Generation, err)
	}
}
