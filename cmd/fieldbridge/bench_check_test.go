package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// BenchmarkChecks measures what the checks of 100,000 connections cost that are all in use,
// by one instance in a process of its own. In one case each is checked once an hour, which
// is the default. In the other, all are due at once, so that the machine is the limit. A
// check writes three rows: its lease, its result, and the count of its day.
func BenchmarkChecks(b *testing.B) {
	const connections, lasting = 100_000, 20 * time.Second
	for _, database := range []struct {
		name    string
		address func(*testing.B) string
	}{
		{"SQLite", func(b *testing.B) string { return filepath.Join(b.TempDir(), "product.db") }},
		{"PostgreSQL", func(b *testing.B) string { return testdb.Durable(b) }},
	} {
		b.Run("on="+database.name, func(b *testing.B) {
			r := newRenewals(b, database.address(b), connections)
			later := r.db.Now().Add(2 * time.Hour)
			for i := 0; i < connections; i += 1000 { // one statement for all takes too long on PostgreSQL
				from, to := filledID(i), filledID(i+1000)
				change(b, r.db, "UPDATE connections SET last_used_at = ?, expires_at = ? WHERE id >= ? AND id < ?", r.db.Now(), later, from, to)
				change(b, r.db, "UPDATE credentials SET due_at = NULL, expires_at = ? WHERE connection_id >= ? AND connection_id < ?", later, from, to) // no renewals
			}
			for _, due := range []string{"within an hour", "at once"} {
				b.Run("due="+strings.ReplaceAll(due, " ", "-"), func(b *testing.B) {
					if due == "at once" {
						r.spread(b, time.Second)
					} else {
						r.spread(b, time.Hour)
					}
					for b.Loop() {
						r.check(b, lasting)
					}
					b.ReportMetric(0, "ns/op")
				})
			}
		})
	}
}

// spread makes the checks due one after the other from now on, at the same distance.
func (r *renewals) spread(b *testing.B, over time.Duration) {
	b.Helper()
	err := r.db.Write(b.Context(), func(tx *gorm.DB) error {
		const steps = 3600
		now := r.db.Now()
		for i := range steps {
			from, to := filledID(i*r.connections/steps), filledID((i+1)*r.connections/steps)
			err := tx.Exec("UPDATE checks SET due_at = ? WHERE connection_id >= ? AND connection_id < ?", now.Add(over*time.Duration(i)/steps), from, to).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// check reports what an instance does about checks in a period of time.
func (r *renewals) check(b *testing.B, lasting time.Duration) {
	b.Helper()
	const made = "SELECT coalesce(sum(checks_ok), 0) FROM renewal_days"
	p := startProcess(b, r.database, r.keyset, r.issuer, "FIELDBRIDGE_CHECKS_PER_SECOND="+strconv.Itoa(unlimited))
	defer p.stop(b)
	<-time.After(lasting / 4) // it prepares its statements
	calls, checks, used, began := r.stub.calls.Load(), number(b, r.db, made), cpuTime(b, p.Process.Pid), time.Now()
	<-time.After(lasting)
	took := time.Since(began).Seconds()
	perSecond := float64(number(b, r.db, made)-checks) / took
	b.ReportMetric(float64(r.stub.calls.Load()-calls)/took, "requests/s")
	b.ReportMetric(100*(cpuTime(b, p.Process.Pid)-used).Seconds()/took, "core-%")
	b.ReportMetric(3600*3*perSecond, "rows/hour")
}

// cpuTime returns the processor time that a process has used.
func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), ") ") // the name may have spaces
	var ticks int64
	for _, field := range strings.Fields(after)[11:13] { // utime and stime, see proc(5)
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	const perSecond = 100 // USER_HZ is 100 on every Linux
	return time.Duration(ticks) * time.Second / perSecond
}
