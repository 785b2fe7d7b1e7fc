package outage_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// What it costs to note a result, to take a turn, and to remember 100,000 connections.
func BenchmarkMonitor(b *testing.B) {
	const connections = 100_000
	ids := make([]uuid.UUID, connections)
	for i := range ids {
		ids[i] = uuid.New()
	}
	for name, err := range map[string]error{"working": nil, "failing": &servicetitan.Error{Kind: servicetitan.Unavailable}} {
		m := newMonitor(modeltest.OpenAt(b, testdb.SQLite(b)))
		note := func(i int) {
			m.Note(outage.Result{Environment: servicetitan.Production, Endpoint: outage.API, ConnectionID: ids[i%connections], Err: err})
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.GC() // of what the first one only marked
		runtime.ReadMemStats(&before)
		for i := range connections {
			note(i)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.Run(name+"/note", func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				note(i)
			}
			b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/connections, "B/connection")
		})
		b.Run(name+"/turn", func(b *testing.B) {
			for range b.N {
				m.Turn(b.Context())
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(time.Millisecond), "ms/turn")
		})
		runtime.KeepAlive(m)
	}
}
