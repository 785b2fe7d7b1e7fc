package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"syscall"
)

// ErrDemoRuns says that another process runs a demo with the same database.
var ErrDemoRuns = errors.New("a demo is running with this database; stop it, or name another in FIELDBRIDGE_DATABASE_URL")

// demoLock names PostgreSQL's advisory lock of a database's demo.
const demoLock = 0x64656d6f

// demoHold is what keeps other demos off a database.
type demoHold struct {
	mu sync.Mutex
	// release is nil while nothing is held.
	release func()
	// conn has PostgreSQL's lock for as long as it lasts.
	conn *sql.Conn
}

// HoldForDemo keeps the database for this process's demo until it is closed;
// ErrDemoRuns if it is another's, ErrNotDemo if there is anything else in it.
// Nothing is written. Asked again, it takes back what a restart of PostgreSQL
// has taken away.
func (db *DB) HoldForDemo(ctx context.Context) error {
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
		if err := hold(ctx); err != nil {
			return fmt.Errorf("hold database: %w", err)
		}
	}
	_, err := begunOrEmpty(db.Read(ctx))
	return err
}

func (h *demoHold) let() {
	if h.release != nil {
		h.release()
	}
	h.release, h.conn = nil, nil
}

func (db *DB) holdFile(context.Context) (err error) {
	db.held.release, err = lockFile(db.path+".demo", syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrDemoRuns
	}
	return err
}

func (db *DB) holdAdvisory(ctx context.Context) error {
	pool, err := db.reader.DB()
	if err != nil {
		return err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	var held bool
	if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", demoLock).Scan(&held); err != nil {
		return errors.Join(err, conn.Close())
	}
	if !held {
		return errors.Join(ErrDemoRuns, conn.Close())
	}
	db.held.conn = conn
	db.held.release = func() {
		// Back in the pool, the connection would keep the lock.
		_, _ = conn.ExecContext(context.Background(), "SELECT pg_advisory_unlock($1)", demoLock)
		_ = conn.Close()
	}
	return nil
}
