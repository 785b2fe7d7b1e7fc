package models

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
)

// ErrDemoRuns says that another process runs a demo with the same database.
var ErrDemoRuns = errors.New("a demo is running with this database; stop it, or name another in FIELDBRIDGE_DATABASE_URL")

// demoLock names PostgreSQL's advisory lock of a database's demo.
const demoLock = 0x64656d6f

// Hold keeps the database for this demo until it is closed or the process ends;
// ErrDemoRuns if it is another's. On PostgreSQL that is for as long as one
// connection to the server lasts.
func (d *Demo) Hold(ctx context.Context) error {
	db := d.connections.db
	hold := db.holdFile
	if db.dialect == postgresDialect {
		hold = db.holdAdvisory
	}
	release, err := hold(ctx)
	if err != nil {
		return fmt.Errorf("hold database: %w", err)
	}
	closeRest := db.close
	db.close = func() error {
		release()
		return closeRest()
	}
	return nil
}

func (db *DB) holdFile(context.Context) (release func(), err error) {
	path, err := filepath.EvalSymlinks(db.path) // one file, by whatever name
	if err != nil {
		return nil, err
	}
	release, err = lockFile(path+".demo", syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrDemoRuns
	}
	return release, err
}

func (db *DB) holdAdvisory(ctx context.Context) (release func(), err error) {
	pool, err := db.reader.DB()
	if err != nil {
		return nil, err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var held bool
	if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", demoLock).Scan(&held); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if !held {
		return nil, errors.Join(ErrDemoRuns, conn.Close())
	}
	return func() {
		// Back in the pool, the connection would keep the lock.
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", demoLock)
		_ = conn.Close()
	}, nil
}
