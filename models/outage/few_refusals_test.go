package outage_test

import (
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// Three companies whose access ends at the same moment, by coincidence or on purpose, look
// like an outage among the few connections that are tried in a minute. Once the others have
// answered, they no longer do, so that refusals count again within the hour.
func TestAFewRefusalsAreNoLongOutage(t *testing.T) {
	clock := modeltest.NewClock()
	w := newWorld(t, modeltest.OpenBy(t, testdb.SQLite(t), clock.Now), clock, 100, 1)
	w.pass(2*time.Hour, works)
	refused := func(i int) servicetitan.ErrorKind {
		if i < 3 {
			return servicetitan.NotAllowed
		}
		return ""
	}
	for i := range 3 {
		w.note(i, refused(i))
	}
	w.pass(time.Minute, refused)
	if w.open() == nil {
		t.Fatal("no outage at first")
	}
	w.pass(time.Hour, refused)
	if w.open() != nil || w.instances[0].Excuses(servicetitan.Production, outage.Tokens, servicetitan.NotAllowed) {
		t.Error("after an hour, 3 refusals of 100 still count as an outage")
	}
}

// The last connections that are refused when an outage ends are still excused, but not for
// long.
func TestExcusesShortlyAfterTheEnd(t *testing.T) {
	clock := modeltest.NewClock()
	w := newWorld(t, modeltest.OpenBy(t, testdb.SQLite(t), clock.Now), clock, 100, 1)
	none := func(int) servicetitan.ErrorKind { return "" }
	half := share(50, servicetitan.NotAllowed)
	for i := range w.ids {
		w.note(i, none(i))
	}
	w.pass(time.Minute, none)
	for i := range w.ids {
		w.note(i, half(i))
	}
	w.turn()
	w.turn()
	if w.open() == nil {
		t.Fatal("no outage")
	}
	excused := func() bool {
		return w.instances[0].Excuses(servicetitan.Production, outage.Tokens, servicetitan.NotAllowed)
	}
	for limit := clock.Now().Add(time.Hour); w.open() != nil; w.pass(10*time.Second, none) {
		if clock.Now().After(limit) {
			t.Fatal("the outage does not end")
		}
		if !excused() {
			t.Fatal("not excused during the outage")
		}
	}
	if !excused() {
		t.Error("not excused right after the end")
	}
	clock.Add(5 * time.Minute)
	w.turn()
	if excused() {
		t.Error("still excused five minutes after the end")
	}
}
