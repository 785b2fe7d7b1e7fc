package models

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// Reads of tokens are recorded by key, connection, address and hour, without a
// write for each, and the addresses of a key are bounded.
func TestTokenReadsAreRecorded(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		ctx, ids, ada := t.Context(), d.seed(2, d.clock.Now(), d.clock.Now().Add(time.Hour)), d.staff("Ada", Admin)
		keys := NewAPIKeys(d.db)
		key, _, err := keys.Create(ctx, CommandLine("root"), nil, "Warehouse")
		d.must(err)
		d.clock.Add(time.Hour - time.Duration(d.db.Now().UnixNano())%time.Hour) // the hour begins
		first := d.db.Now()
		for range 3 {
			keys.CountRead(key.ID, ids[0], "203.0.113.7")
			d.clock.Add(time.Second)
		}
		if n := d.count("SELECT count(*) FROM token_reads"); n != 0 {
			t.Errorf("%d rows are written before the flush", n)
		}
		d.must(keys.Flush(ctx))
		keys.CountRead(key.ID, ids[0], "203.0.113.7")
		keys.CountRead(key.ID, ids[0], "198.51.100.4")
		keys.CountRead(key.ID, ids[1], "203.0.113.7")
		d.must(keys.Flush(ctx))
		d.must(keys.Flush(ctx)) // nothing is written twice
		view, err := d.desk.View(ctx, ada, ids[0], nil)
		d.must(err)
		if len(view.Reads) != 2 || view.Reads[0].N != 4 || view.Reads[1].N != 1 || view.Reads[0].KeyName != "Warehouse" || view.Reads[0].Address != "203.0.113.7" ||
			!view.Reads[0].FirstAt.Equal(first) || !view.Reads[0].LastAt.Equal(first.Add(3*time.Second)) {
			t.Errorf("staff see %+v", view.Reads)
		}
		d.clock.Add(time.Hour)
		for i := range 3 * addressesNamed {
			keys.CountRead(key.ID, ids[1], fmt.Sprintf("203.0.113.%d", i))
		}
		d.must(keys.Flush(ctx))
		if n := d.count("SELECT count(*) FROM token_reads WHERE connection_id = ?", ids[1]); n != 1+addressesNamed+1 {
			t.Errorf("%d rows, want the first hour's, %d addresses and the others", n, addressesNamed)
		}
		if n := d.count("SELECT n FROM token_reads WHERE address = ?", otherAddresses); n != 2*addressesNamed {
			t.Errorf("%d reads from other addresses, want %d", n, 2*addressesNamed)
		}
		d.clock.Add(tokenReadsKept)
		d.must(Sweep(ctx, d.db, time.Hour))
		if n := d.count("SELECT count(*) FROM token_reads"); n != addressesNamed+1 {
			t.Errorf("%d rows after 90 days, want the second hour's", n)
		}
	})
}

// While the database takes nothing, reads wait, in bounded memory; those that
// have no room are reported.
func TestTokenReadsWait(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ *clock) {
		keys := NewAPIKeys(db)
		key, connection := newID(), newID()
		down := errors.New("down")
		restore := db.Intercept(func(WriteFunc) WriteFunc {
			return func(context.Context, func(*gorm.DB) error) error { return down }
		})
		for range 2 {
			keys.CountRead(key, connection, "203.0.113.7")
			if err := keys.Flush(t.Context()); !errors.Is(err, down) {
				t.Errorf("flushed: %v", err)
			}
		}
		for range readsWaiting {
			keys.CountRead(key, uuid.New(), "203.0.113.7")
		}
		if n := len(keys.reads.counts); n != readsWaiting {
			t.Errorf("%d wait, want %d", n, readsWaiting)
		}
		restore()
		if err := keys.flushTokenReads(t.Context()); err == nil {
			t.Error("nothing is said of what had no room")
		}
		var n int64
		if err := db.Read(t.Context()).Raw("SELECT n FROM token_reads WHERE connection_id = ?", connection).Scan(&n).Error; err != nil || n != 2 {
			t.Errorf("%d reads are recorded, want 2 (%v)", n, err)
		}
	})
}

// A key that exists and is refused leaves a count, when, and from where.
func TestRefusedKeysAreCounted(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		ctx, ada := t.Context(), d.staff("Ada", Admin)
		keys := NewAPIKeys(d.db)
		key, secret, err := keys.Create(ctx, CommandLine("root"), &d.companyID, "own")
		d.must(err)
		refused := func(want error, n int) {
			t.Helper()
			if _, err := keys.Check(ctx, secret, "198.51.100.4"); !errors.Is(err, want) {
				t.Errorf("checked: %v, want %v", err, want)
			}
			d.must(keys.Flush(ctx))
			if got := d.count("SELECT refused FROM api_keys WHERE id = ? AND refused_address = '198.51.100.4' AND refused_at IS NOT NULL", key.ID); got != n {
				t.Errorf("%d refusals, want %d", got, n)
			}
		}
		d.must(d.desk.Lock(ctx, ada, d.companyID, "They asked for it."))
		refused(ErrLocked, 1)
		d.must(keys.Revoke(ctx, CommandLine("root"), key.ID))
		refused(ErrNotFound, 2)
		if n := d.count("SELECT count(*) FROM audit_records WHERE target_id = ? AND actor_id IS NULL AND actor_name = 'command line (root)'", key.ID); n != 2 {
			t.Errorf("%d audit records of the key, want 2", n)
		}
	})
}
