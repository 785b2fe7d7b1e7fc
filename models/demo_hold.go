package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// ErrHeld says that another process has the same database: a demo has it for
// itself, and what is no demo shares it with its like.
var ErrHeld = errors.New("a demo, or the app itself, is running with this database; stop it, or name another in FIELDBRIDGE_DATABASE_URL")

const (
	// demoLock names PostgreSQL's advisory lock of a database's demo.
	demoLock = 0x64656d6f
	// letWithin is for how long PostgreSQL may take to let go. The connection's end
	// does it too, if PostgreSQL does not answer.
	letWithin = 2 * time.Second
)

// demoHold is what keeps demos off a database.
type demoHold struct {
	mu sync.Mutex
	// release is nil while nothing is held.
	release func()
	// conn has PostgreSQL's lock for as long as it lasts.
	conn *sql.Conn
}

// HoldForDemo keeps the database for this process's demo until it is closed;
// ErrHeld if somebody else has it, ErrNotDemo if there is anything else in it.
// Nothing is written. Asked again, it takes back what a restart of PostgreSQL
// has taken away.
func (db *DB) HoldForDemo(ctx context.Context) error {
	if err := db.hold(ctx, false); err != nil {
		return err
	}
	_, err := begunOrEmpty(db.Read(ctx))
	return err
}

// KeepDemosOff keeps demos off the database until it is closed, also while it is
// empty; ErrHeld if one is running with it, ErrDemoData if one has been. Nothing
// is written. After a restart of PostgreSQL it is what is in the database that
// keeps them off.
func (db *DB) KeepDemosOff(ctx context.Context) error {
	if err := db.hold(ctx, true); err != nil {
		return err
	}
	return db.CheckNoDemo(ctx)
}

// hold has the database for this process, or shared with those that share it.
func (db *DB) hold(ctx context.Context, shared bool) error {
	h := db.held
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn != nil && h.conn.PingContext(ctx) != nil {
		h.let()
	}
	if h.release == nil {
		hold := db.holdFile
		if db.dialect == postgresDialect {
			hold = db.holdAdvisory
		}
		if err := hold(ctx, shared); err != nil {
			return fmt.Errorf("hold database: %w", err)
		}
	}
	return nil
}

func (h *demoHold) let() {
	if h.release != nil {
		h.release()
	}
	h.release, h.conn = nil, nil
}

func (db *DB) holdFile(_ context.Context, shared bool) (err error) {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	db.held.release, err = lockFile(db.path+".held", how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrHeld
	}
	return err
}

func (db *DB) holdAdvisory(ctx context.Context, shared bool) error {
	take, let := "SELECT pg_try_advisory_lock($1)", "SELECT pg_advisory_unlock($1)"
	if shared {
		take, let = "SELECT pg_try_advisory_lock_shared($1)", "SELECT pg_advisory_unlock_shared($1)"
	}
	pool, err := db.reader.DB()
	if err != nil {
		return err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	var held bool
	if err := conn.QueryRowContext(ctx, take, demoLock).Scan(&held); err != nil {
		return errors.Join(err, conn.Close())
	}
	if !held {
		return errors.Join(ErrHeld, conn.Close())
	}
	db.held.conn = conn
	db.held.release = func() {
		ctx, cancel := context.WithTimeout(context.Background(), letWithin)
		defer cancel()
		// Back in the pool, the connection would keep the lock.
		_, _ = conn.ExecContext(ctx, let, demoLock)
		_ = conn.Close()
	}
	return nil
}
