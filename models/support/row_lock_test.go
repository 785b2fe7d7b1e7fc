package support_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pquerna/otp/totp"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// stop is a transaction that stops in the middle, because a trigger waits for a lock
// that the test holds.
type stop struct {
	*modeltest.SupportTest
	release func()
}

// stopping makes each insert into a table that meets a condition wait until release
// is called.
func stopping(d *modeltest.SupportTest, table, when string) stop {
	d.Helper()
	d.Exec("CREATE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(13); RETURN NEW; END $$")
	d.Exec("CREATE TRIGGER stand_still BEFORE INSERT ON " + table + " FOR EACH ROW WHEN (" + when + ") EXECUTE FUNCTION stand_still()")
	pool, err := d.DB.Read(d.Context()).DB()
	d.Must(err)
	conn, err := pool.Conn(d.Context())
	d.Must(err)
	_, err = conn.ExecContext(d.Context(), "SELECT pg_advisory_lock(13)")
	d.Must(err)
	release := sync.OnceFunc(func() {
		_, err := conn.ExecContext(d.Context(), "SELECT pg_advisory_unlock(13)")
		if err := errors.Join(err, conn.Close()); err != nil {
			d.Error(err)
		}
	})
	return stop{d, release}
}

// waiting returns how many sessions wait for an advisory lock, or for another kind of
// lock.
func (s stop) waiting(advisory bool) int {
	return s.Count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND (wait_event = 'advisory') = ?", advisory)
}

// meeting is a connection that retries and has an open setup, with the people who act
// on it.
type meeting struct {
	*modeltest.SupportTest
	id            uuid.UUID
	ada, sam, lee accounts.Staff
	// code passes Lee's second factor.
	code string
}

func newMeeting(t *testing.T, db *database.DB, clock *modeltest.Clock) *meeting {
	t.Helper()
	m := &meeting{SupportTest: modeltest.NewSupportTest(t, db, clock)}
	m.ada, m.sam, m.lee = m.Staff("Ada", accounts.Admin), m.Staff("Sam", accounts.Support), m.Staff("Lee", accounts.Support)
	m.Person("Amy", accounts.Owner)
	m.id = m.Seed(1, m.Clock.Now(), m.Clock.Now().Add(time.Hour))[0]
	m.Exec("UPDATE connections SET state = 'degraded', reason = 'unavailable', failures = 1 WHERE id = ?", m.id)
	openSetupOf(m.SupportTest, m.id)
	begun, err := m.Accounts.Enroll(t.Context(), m.lee.Person(), "")
	m.Must(err)
	codeAt := func(at time.Time) string {
		code, err := totp.GenerateCode(begun.Key.Reveal(), at)
		m.Must(err)
		return code
	}
	_, err = m.Accounts.ConfirmFactor(t.Context(), m.lee.Person(), begun.Kept, codeAt(m.DB.Now()))
	m.Must(err)
	m.Clock.Add(time.Minute)
	m.code = codeAt(m.DB.Now())
	return m
}

// Transactions that run at the same time do not deadlock.
func TestTransactionsThatMeetDoNotDeadlock(t *testing.T) {
	type party func(m *meeting) error
	lock := func(m *meeting) error { return m.Support.Lock(m.Context(), m.ada, m.CompanyID, "Asked for by phone.") }
	recovers := func(m *meeting) error {
		_, err := m.Keeper.Renew(m.Context(), m.CompanyID, m.id, 1)
		return err
	}
	reconnect := func(m *meeting) error { return m.TryReconnect(m.id) }
	allowed := func(m *meeting) error { return m.Connections.AccessAllowed(m.Context(), m.Owner(), m.id) }
	withdraw := func(m *meeting) error { return m.Connections.WithdrawSetup(m.Context(), m.Owner(), m.id) }
	disconnect := func(m *meeting) error { return m.Connections.Disconnect(m.Context(), m.Owner(), m.id) }
	test := func(m *meeting) error { return m.Connections.Test(m.Context(), m.Owner(), m.id) }
	note := func(m *meeting) error { return m.Support.AddNote(m.Context(), m.sam, m.id, "Called back.") }
	newCodes := func(m *meeting) error {
		_, err := m.Accounts.NewRecoveryCodes(m.Context(), m.lee.UserID, m.code)
		return err
	}
	reset := func(m *meeting) error {
		return m.Accounts.ResetFactor(m.Context(), accounts.CommandLine("test"), m.lee.Email)
	}
	// acts does what accounts.StillAllowed does for staff, with an insert between its
	// two rows at which it can be stopped.
	acts := func(m *meeting) error {
		return m.DB.Write(m.Context(), func(tx *gorm.DB) error {
			return errors.Join(
				tx.Clauses(clause.Locking{Strength: "SHARE"}).Where("id = ?", m.CompanyID).Take(&accounts.Company{}).Error,
				models.Record(tx, models.Event{CompanyID: m.CompanyID, Kind: models.EventLinkGiven, At: m.DB.Now()}),
				tx.Clauses(clause.Locking{Strength: "SHARE"}).Where("id = ? AND staff_role <> ''", m.ada.UserID).Take(&accounts.User{}).Error,
			)
		})
	}
	for name, tt := range map[string]struct {
		// first stops at its insert into the table. Second runs in the meantime.
		first       party
		table, when string
		second      party
		// waits says that the second has to wait for the first.
		waits bool
		// refused is the error that the second then returns.
		refused error
	}{
		"lock, then a renewal that recovers": {first: lock, table: "notes", when: "true", second: recovers},
		"a renewal that recovers, then lock": {first: recovers, table: "events", when: "NEW.kind = 'recovered'", second: lock},
		"lock, then a reconnect":             {first: lock, table: "notes", when: "true", second: reconnect, waits: true, refused: accounts.ErrLocked},
		"lock, then a setup step":            {first: lock, table: "notes", when: "true", second: allowed},
		"lock, then a disconnect":            {first: lock, table: "notes", when: "true", second: disconnect, waits: true, refused: accounts.ErrLocked},
		"lock, then a test":                  {first: lock, table: "notes", when: "true", second: test},
		"lock, then a note":                  {first: lock, table: "events", when: "NEW.kind = 'locked'", second: note},
		"staff who act, then lock":           {first: acts, table: "events", when: "NEW.kind = 'link_given'", second: lock, waits: true},
		"a setup step, then withdraw":        {first: allowed, table: "events", when: "NEW.kind = 'setup_allowed'", second: withdraw, waits: true},
		"a setup step, then a reconnect":     {first: allowed, table: "events", when: "NEW.kind = 'setup_allowed'", second: reconnect, waits: true},
		"a setup step, then a disconnect":    {first: allowed, table: "events", when: "NEW.kind = 'setup_allowed'", second: disconnect, waits: true},
		"withdraw, then a setup step":        {first: withdraw, table: "events", when: "NEW.kind = 'setup_withdrawn'", second: allowed, waits: true},
		"a note, then a renewal that recovers": {
			first: note, table: "notes", when: "true", second: recovers, waits: true,
		},
		"new recovery codes, then a reset of the second factor": {first: newCodes, table: "recovery_codes", when: "true", second: reset, waits: true},
	} {
		t.Run(name, func(t *testing.T) {
			clock := modeltest.NewClock()
			db := modeltest.OpenBy(t, testdb.Postgres(t), clock.Now)
			var mu sync.Mutex
			var deadlocks []error
			db.Intercept(func(write database.WriteFunc) database.WriteFunc {
				return func(ctx context.Context, fn func(*gorm.DB) error) error {
					return write(ctx, func(tx *gorm.DB) error {
						err := fn(tx)
						if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code[:2] == "40" {
							mu.Lock()
							defer mu.Unlock()
							deadlocks = append(deadlocks, err)
						}
						return err
					})
				}
			})
			m := newMeeting(t, db, clock)
			s := stopping(m.SupportTest, tt.table, tt.when)
			defer s.release()
			ended := make(chan error, 2)
			go func() { ended <- tt.first(m) }()
			s.Until(func() bool {
				select {
				case err := <-ended:
					t.Fatalf("the first does not stop: %v", err)
				default:
				}
				return s.waiting(true) == 1
			})
			second := make(chan error, 1)
			go func() { second <- tt.second(m) }()
			var err error
			came := false
			s.Until(func() bool {
				select {
				case err = <-second:
					came = true
				default:
				}
				return came || s.waiting(false) > 0
			})
			if came == tt.waits {
				t.Errorf("the second waits: %t, want %t (%v)", !came, tt.waits, err)
			}
			s.release()
			if !came {
				err = <-second
			}
			if tt.refused != nil {
				if !errors.Is(err, tt.refused) {
					t.Errorf("the second is told %v, want %v", err, tt.refused)
				}
				err = nil
			}
			if err := errors.Join(<-ended, err); err != nil && !errors.Is(err, models.ErrNoSetup) {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(deadlocks) > 0 {
				t.Errorf("rolled back: %v", deadlocks)
			}
		})
	}
}

// openSetupOf opens a guided setup of a connection, at the step of the company.
func openSetupOf(d *modeltest.SupportTest, id uuid.UUID) {
	d.Helper()
	c := d.Connection(id)
	now := d.DB.Now()
	d.Write(func(tx *gorm.DB) error {
		s := models.Setup{
			ID: database.NewID(), ConnectionID: id, CompanyID: c.CompanyID, Environment: c.Environment, TenantID: c.TenantID,
			RequestedByName: "Amy", RequestedAt: now, TenantAddedAt: &now, Step: models.StepAllowAccess, WaitsFor: models.TheCompany, Since: now,
		}
		return errors.Join(tx.Create(&s).Error, tx.Model(&models.Connection{}).Where("id = ?", id).Update("setting_up", true).Error)
	})
}

// When PostgreSQL makes a transaction run again, the variables outside it that the
// transaction sets are set again.
func TestWritesRunAgain(t *testing.T) {
	db := modeltest.OpenAt(t, testdb.Postgres(t))
	var runs, again int
	var mu sync.Mutex // the keeper writes from several goroutines
	db.Intercept(func(write database.WriteFunc) database.WriteFunc {
		return func(ctx context.Context, fn func(*gorm.DB) error) error {
			mu.Lock()
			defer mu.Unlock()
			runs++
			return write(ctx, func(tx *gorm.DB) error {
				if runs > 0 { // the first of its runs: all that it did is rolled back
					runs, again = runs-1, again+1
					if err := fn(tx); err != nil {
						return err
					}
					return tx.Exec("DO $$ BEGIN RAISE EXCEPTION 'raised by the test' USING ERRCODE = '40001'; END $$").Error
				}
				return fn(tx)
			})
		}
	})
	d := modeltest.NewSupportTest(t, db, modeltest.NewClock())
	ada := d.Staff("Ada", accounts.Admin)
	ids := d.Seed(3, d.Clock.Now(), d.Clock.Now())
	stop := d.Run(d.Keeper)
	d.Until(func() bool {
		return d.Count("SELECT count(*) FROM credentials WHERE generation = 2 AND lease_until IS NULL") == len(ids)
	})
	stop()
	d.Reconnect(ids[0])
	if n := d.Count("SELECT count(*) FROM revocations"); n != 0 {
		t.Errorf("%d revocations are left of a reconnect", n)
	}
	d.Disconnect(ids[0])
	if n := d.Count("SELECT count(*) FROM revocations"); n != 0 {
		t.Errorf("%d revocations are left of a disconnect", n)
	}
	openSetupOf(d, ids[1])
	d.Must(d.Connections.AccessAllowed(t.Context(), d.Owner(), ids[1]))
	d.Must(d.Connections.WithdrawSetup(t.Context(), d.Owner(), ids[1]))
	d.Must(d.Support.Lock(t.Context(), ada, d.CompanyID, "Asked for by phone."))
	d.Must(d.Support.Unlock(t.Context(), ada, d.CompanyID, "Settled."))
	d.Sandbox.RevokeGrants(modeltest.Northgate)
	if _, err := d.Keeper.Renew(t.Context(), d.CompanyID, ids[2], 2); !errors.Is(err, models.ErrReconnectNeeded) {
		t.Errorf("got %v", err)
	}
	box := &modeltest.Mailbox{}
	outbox := models.NewOutbox(d.DB, box.Send, d.Logger())
	outbox.HoldNothing()
	_, err := outbox.DeliverDue(t.Context())
	d.Must(err)
	if got := box.Take(); !slices.Equal(got, []string{"reconnect_needed Amy grant_refused"}) {
		t.Errorf("mails %q", got)
	}
	if again < 20 {
		t.Errorf("%d writes ran again", again)
	}
	for kind, want := range map[models.EventKind]int{models.EventReconnected: 1, models.EventDisconnected: 1, models.EventSetupAllowed: 1, models.EventLocked: 4, models.EventReconnectNeeded: 1, models.EventRevoked: 2} {
		if n := d.Count("SELECT count(*) FROM events WHERE kind = ?", kind); n != want {
			t.Errorf("%d events %s, want %d", n, kind, want)
		}
	}
	d.Invariants()
}
