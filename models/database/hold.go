package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// ErrHeld says that another process holds the database: a demo holds it alone,
// and everything else shares it.
var ErrHeld = errors.New("a demo, or the app itself, is running with this database; stop it, or name another in FIELDBRIDGE_DATABASE_URL")

const (
	// holdLock names the advisory lock that holds a PostgreSQL database.
	holdLock = 0x64656d6f
	// letWithin bounds how long PostgreSQL may take to release the lock. If PostgreSQL
	// does not answer, the end of the connection releases it.
	letWithin = 2 * time.Second
)

// hold keeps other processes off a database.
type hold struct {
	mu sync.Mutex
	// release is nil while nothing is held.
	release func()
	// conn is the connection that has PostgreSQL's lock. It is nil on SQLite.
	conn *sql.Conn
}

// Hold holds the database until Close, for this process alone or shared with others
// that share it. It returns ErrHeld if another process holds the database in a way
// that excludes this one. A restart of PostgreSQL drops the lock, and calling Hold
// again takes it back. It writes nothing to the database.
func (db *DB) Hold(ctx context.Context, shared bool) error {
	h := db.held
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn != nil && h.conn.PingContext(ctx) != nil {
		h.let()
	}
	if h.release == nil {
		take := db.holdFile
		if db.OnPostgres() {
			take = db.holdAdvisory
		}
		if err := take(ctx, shared); err != nil {
			return fmt.Errorf("hold database: %w", err)
		}
	}
	return nil
}

func (h *hold) let() {
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
	if err := conn.QueryRowContext(ctx, take, holdLock).Scan(&held); err != nil {
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
		_, _ = conn.ExecContext(ctx, let, holdLock)
		_ = conn.Close()
	}
	return nil
}
