package keeper_test

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// Processes that share a database are killed again and again while they renew. In the end,
// every connection is renewed. None is renewed twice unless an answer died with a process,
// and the server never refuses a token as used.
func TestSoakKilledWhileRenewing(t *testing.T) {
	for name, tt := range map[string]struct {
		processes   int
		newDatabase func(t *testing.T) string
	}{
		"4 on PostgreSQL": {4, func(t *testing.T) string { return testdb.Postgres(t) }},
		"1 on SQLite":     {1, func(t *testing.T) string { return testdb.SQLite(t) }},
	} {
		t.Run(name, func(t *testing.T) {
			killWhileRenewing(t, tt.processes, tt.newDatabase(t), modeltest.Many(t, 400, 5000))
		})
	}
}

func killWhileRenewing(t *testing.T, processes int, address string, connections int) {
	db := modeltest.OpenAt(t, address)
	k := modeltest.NewKept(t, db, time.Now)
	c := k.OverTheNetwork(address, time.Hour)
	k.Seed(connections, time.Now(), time.Now())
	children := make([]*exec.Cmd, processes)
	for i := range children {
		children[i] = c.Start(t)
	}
	began := time.Now()
	kills := 0
	for kill := range 8 {
		k.Until(func() bool { return k.TokenRequests() >= (kill+1)*connections/10 })
		victim := children[kill%processes]
		_ = victim.Process.Kill()
		_ = victim.Wait()
		kills++
		children[kill%processes] = c.Start(t)
	}
	k.Until(func() bool { return k.Count("SELECT count(*) FROM connections WHERE generation = 1") == 0 })
	for _, process := range children {
		_ = process.Process.Signal(syscall.SIGTERM)
		if err := process.Wait(); err != nil {
			t.Errorf("a process does not stop well: %v", err)
		}
	}
	if states := k.States(); states[models.Connected] != connections {
		t.Errorf("%v", states)
	}
	again := k.TokenRequests() - connections
	t.Logf("%d connections, %d kills in %s: %d token requests, %.0f a second, %d answers died with a process",
		connections, kills, time.Since(began), k.TokenRequests(), float64(k.TokenRequests())/time.Since(began).Seconds(), again)
	if k.Refusals() != 0 || again < 0 || again > kills*keeper.ParallelRenewals {
		t.Errorf("%d refused, %d more requests than connections", k.Refusals(), again)
	}
	k.Invariants()
}
