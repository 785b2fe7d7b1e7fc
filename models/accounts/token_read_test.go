package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// Reads of tokens are recorded by key, connection, address, and hour. A read causes
// no write, and the number of addresses of a key is limited.
func TestTokenReadsAreRecorded(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ctx, ids, ada := t.Context(), d.Seed(2, d.Clock.Now(), d.Clock.Now().Add(time.Hour)), d.Staff("Ada", accounts.Admin)
		keys := accounts.NewAPIKeys(d.DB)
		key, _, err := keys.Create(ctx, accounts.CommandLine("root"), accounts.NewKey{Name: "Warehouse", Scopes: accounts.Scopes()})
		d.Must(err)
		d.Clock.Add(time.Hour - time.Duration(d.DB.Now().UnixNano())%time.Hour) // the hour begins
		first := d.DB.Now()
		for range 3 {
			keys.CountRead(key.ID, ids[0], "203.0.113.7")
			d.Clock.Add(time.Second)
		}
		if n := d.Count("SELECT count(*) FROM token_reads"); n != 0 {
			t.Errorf("%d rows are written before the flush", n)
		}
		d.Must(keys.Flush(ctx))
		keys.CountRead(key.ID, ids[0], "203.0.113.7")
		keys.CountRead(key.ID, ids[0], "198.51.100.4")
		keys.CountRead(key.ID, ids[1], "203.0.113.7")
		d.Must(keys.Flush(ctx))
		d.Must(keys.Flush(ctx)) // nothing is written twice
		view, err := d.Support.View(ctx, ada, ids[0], support.TimelinePlace{})
		d.Must(err)
		if len(view.Reads) != 2 || view.Reads[0].N != 4 || view.Reads[1].N != 1 || view.Reads[0].KeyName != "Warehouse" || view.Reads[0].Address != "203.0.113.7" ||
			!view.Reads[0].FirstAt.Equal(first) || !view.Reads[0].LastAt.Equal(first.Add(3*time.Second)) {
			t.Errorf("staff see %+v", view.Reads)
		}
		d.Clock.Add(time.Hour)
		for i := range 3 * accounts.AddressesNamed {
			keys.CountRead(key.ID, ids[1], fmt.Sprintf("203.0.113.%d", i))
		}
		d.Must(keys.Flush(ctx))
		if n := d.Count("SELECT count(*) FROM token_reads WHERE connection_id = ?", ids[1]); n != 1+accounts.AddressesNamed+1 {
			t.Errorf("%d rows, want one of the first hour, one for each of %d addresses, and one for the others", n, accounts.AddressesNamed)
		}
		if n := d.Count("SELECT n FROM token_reads WHERE address = ?", accounts.OtherAddresses); n != 2*accounts.AddressesNamed {
			t.Errorf("%d reads from other addresses, want %d", n, 2*accounts.AddressesNamed)
		}
		d.Clock.Add(accounts.TokenReadsKept)
		d.Must(keyring.Sweep(ctx, d.DB, time.Hour))
		if n := d.Count("SELECT count(*) FROM token_reads"); n != accounts.AddressesNamed+1 {
			t.Errorf("%d rows after 90 days, want those of the second hour", n)
		}
	})
}

// While the database accepts no writes, reads wait in limited memory. Reads that
// have no room are reported.
func TestTokenReadsWait(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		keys := accounts.NewAPIKeys(db)
		key, connection := database.NewID(), database.NewID()
		down := errors.New("down")
		restore := db.Intercept(func(database.WriteFunc) database.WriteFunc {
			return func(context.Context, func(*gorm.DB) error) error { return down }
		})
		for range 2 {
			keys.CountRead(key, connection, "203.0.113.7")
			if err := keys.Flush(t.Context()); !errors.Is(err, down) {
				t.Errorf("flushing: got %v", err)
			}
		}
		for range accounts.ReadsWaiting {
			keys.CountRead(key, uuid.New(), "203.0.113.7")
		}
		if n := keys.Waiting(); n != accounts.ReadsWaiting {
			t.Errorf("%d wait, want %d", n, accounts.ReadsWaiting)
		}
		restore()
		if err := accounts.APIKeysFlushTokenReads(keys, t.Context()); err == nil {
			t.Error("reads that had no room are not reported")
		}
		var n int64
		if err := db.Read(t.Context()).Raw("SELECT n FROM token_reads WHERE connection_id = ?", connection).Scan(&n).Error; err != nil || n != 2 {
			t.Errorf("%d reads are recorded, want 2 (%v)", n, err)
		}
	})
}

// If a key that exists is refused, the database shows how often, when, and from
// where.
func TestRefusedKeysAreCounted(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ctx, ada := t.Context(), d.Staff("Ada", accounts.Admin)
		keys := accounts.NewAPIKeys(d.DB)
		key, secret, err := keys.Create(ctx, accounts.CommandLine("root"), accounts.NewKey{CompanyID: &d.CompanyID, Name: "own", Scopes: accounts.Scopes()})
		d.Must(err)
		refused := func(want error, n int) {
			t.Helper()
			if _, err := keys.Check(ctx, secret, "198.51.100.4"); !errors.Is(err, want) {
				t.Errorf("checking: got %v, want %v", err, want)
			}
			d.Must(keys.Flush(ctx))
			if got := d.Count("SELECT refused FROM api_keys WHERE id = ? AND refused_address = '198.51.100.4' AND refused_at IS NOT NULL", key.ID); got != n {
				t.Errorf("%d refusals, want %d", got, n)
			}
		}
		d.Must(d.Support.Lock(ctx, ada, d.CompanyID, "They asked for it."))
		refused(accounts.ErrLocked, 1)
		d.Must(keys.Revoke(ctx, accounts.CommandLine("root"), nil, key.ID))
		refused(database.ErrNotFound, 2)
		if n := d.Count("SELECT count(*) FROM audit_records WHERE target_id = ? AND actor_id IS NULL AND actor_name = 'command line (root)'", key.ID); n != 2 {
			t.Errorf("%d audit records of the key, want 2", n)
		}
	})
}
