package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// DB is a SQLite or PostgreSQL database. On SQLite, it has a single writer and a pool
// for reading. Its methods behave alike on both.
type DB struct {
	reader *gorm.DB
	write  WriteFunc
	// writes is held for reading by each ordinary write, and for writing by a write
	// that must be alone.
	writes *sync.RWMutex
	now    func() time.Time
	// ahead is how far the database's clock is ahead of the app's, in nanoseconds. It
	// is 0 on SQLite.
	ahead *atomic.Int64
	// full is when a write last failed because the disk was full, in microseconds.
	full    *atomic.Int64
	close   func() error
	held    *hold
	watch   *watch
	alive   liveness
	dialect dialect
	// alone says that the app's clock counts on PostgreSQL too.
	alone  bool
	limits limits
	path   string // of the SQLite file
	// postgres is how to connect to PostgreSQL.
	postgres *pgx.ConnConfig
}

type dialect string

const (
	sqliteDialect   dialect = "sqlite"
	postgresDialect dialect = "postgres"
)

// OnPostgres says whether the database is PostgreSQL. Otherwise it is SQLite.
func (db *DB) OnPostgres() bool { return db.dialect == postgresDialect }

// IsPostgres says whether a handle or transaction belongs to PostgreSQL.
func IsPostgres(db *gorm.DB) bool { return dialect(db.Name()) == postgresDialect }

// Open opens the database at a SQLite path or a postgres:// address. now is the app's
// clock. Where instances must agree on the time, SharedNow returns the database's.
func Open(ctx context.Context, address string, now func() time.Time) (*DB, error) {
	db := &DB{ahead: new(atomic.Int64), full: new(atomic.Int64), writes: new(sync.RWMutex), held: new(hold), watch: new(watch), limits: defaultLimits(), now: func() time.Time { return now().UTC().Truncate(time.Microsecond) }}
	if err := CheckAddress(address); err != nil {
		return nil, fmt.Errorf("open database: the address %w", err)
	}
	var err error
	if isPostgres(address) {
		err = db.openPostgres(address)
	} else {
		err = db.openSQLite(address)
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	pool, err := db.reader.DB()
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	reached, cancel := db.within(ctx, db.limits.Write)
	defer cancel()
	if err := pool.PingContext(reached); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", redactDSN(err, address)), db.Close())
	}
	shared, err := db.SharedNow(db.Read(reached))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), db.Close())
	}
	db.Follow(shared)
	return db, nil
}

func (db *DB) openPostgres(address string) error {
	parsed, err := pgx.ParseConfig(address)
	if err != nil {
		return redactDSN(err, address)
	}
	config := gormConfig()
	// The driver prepares each statement once for each connection. GORM would prepare
	// and close it in every transaction.
	config.PrepareStmt = false
	config.DisableAutomaticPing = true // the ping would have no deadline
	sqlDB := openPool(parsed, appSettings.missing(parsed), db.watch)
	pool, err := gorm.Open(postgres.New(postgres.Config{Conn: sqlDB}), config)
	if err != nil {
		return errors.Join(err, sqlDB.Close())
	}
	db.dialect, db.reader, db.close, db.postgres, db.alive = postgresDialect, pool, sqlDB.Close, parsed, newSessionLiveness(address)
	db.write = func(ctx context.Context, fn func(*gorm.DB) error) error {
		return writeAgain(ctx, func(ctx context.Context, fn func(*gorm.DB) error) error { return pool.WithContext(ctx).Transaction(fn) }, fn)
	}
	return nil
}

func (db *DB) openSQLite(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	// The names of the files beside it follow the real file, whatever links to it.
	if file, err := filepath.EvalSymlinks(path); err == nil {
		path = file
	}
	// Two processes that switch the file to WAL at the same moment do not wait for
	// each other, and one would fail.
	release, err := lockFile(path+".lock", syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer release()
	// SQLite would create a file that everybody can read.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- the operator names the file
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	w, err := newWriter(path, db.watch)
	if err != nil {
		return err
	}
	reader, err := openSQLiteReader(path, db.watch)
	if err != nil {
		return errors.Join(err, w.Close())
	}
	db.dialect, db.path, db.reader, db.write, db.alive = sqliteDialect, path, reader, w.Write, &fileLiveness{path: path}
	db.close = func() error {
		pool, err := reader.DB()
		if err == nil {
			err = pool.Close()
		}
		return errors.Join(err, w.Close())
	}
	return nil
}

// Write runs fn in a transaction of its own. Use values that fn read or made only if
// Write returns nil. PostgreSQL may roll the transaction back because of others. Then
// fn runs again, so it must reset whatever it keeps outside. On SQLite, the writes that
// wait at the same moment share one commit. If one of them fails, the others still
// succeed.
func (db *DB) Write(ctx context.Context, fn func(tx *gorm.DB) error) error {
	db.writes.RLock()
	defer db.writes.RUnlock()
	ctx, cancel := db.within(ctx, db.limits.Write)
	defer cancel()
	return db.noteSpace(db.write(ctx, fn))
}

// WriteAlone is like Write, but this process makes no other write meanwhile. A write
// that touches most tables could otherwise deadlock with the others on PostgreSQL.
func (db *DB) WriteAlone(ctx context.Context, fn func(tx *gorm.DB) error) error {
	db.writes.Lock()
	defer db.writes.Unlock()
	ctx, cancel := db.within(ctx, aloneLimit)
	defer cancel()
	return db.noteSpace(db.write(ctx, fn))
}

// noteSpace notes when the disk was full, and returns the error as it is.
func (db *DB) noteSpace(err error) error {
	if err != nil && OutOfSpace(err) {
		db.full.Store(db.Now().UnixMicro())
	}
	return err
}

// LastFull returns when a write last failed because the disk was full. A write that needs
// no more room may have worked since. It is zero if none has failed.
func (db *DB) LastFull() time.Time {
	at := db.full.Load()
	if at == 0 {
		return time.Time{}
	}
	return time.UnixMicro(at).UTC()
}

// Read returns the pool for queries. They see every write that has returned.
func (db *DB) Read(ctx context.Context) *gorm.DB { return db.reader.WithContext(ctx) }

// Now returns the time of the app's clock, corrected by the database's clock. It is in
// UTC, in microseconds, which both databases keep.
func (db *DB) Now() time.Time {
	return db.now().Add(time.Duration(db.ahead.Load())).Truncate(time.Microsecond)
}

// Follow corrects Now by shared, which is the current time of the database's clock.
// It does nothing on SQLite.
func (db *DB) Follow(shared time.Time) {
	if db.dialect == postgresDialect && !db.alone {
		db.ahead.Store(int64(shared.Sub(db.now())))
	}
}

// SharedNow returns the time on which all instances agree, which is PostgreSQL's. On
// SQLite there is one process, and SharedNow returns Now.
func (db *DB) SharedNow(tx *gorm.DB) (time.Time, error) {
	if db.dialect == sqliteDialect || db.alone {
		return db.Now(), nil
	}
	var now time.Time
	if err := tx.Raw("SELECT clock_timestamp()").Scan(&now).Error; err != nil {
		return time.Time{}, fmt.Errorf("read database clock: %w", err)
	}
	return now.UTC(), nil
}

// Ping returns an error if the database does not answer.
func (db *DB) Ping(ctx context.Context) error {
	return db.Read(ctx).Exec("SELECT 1").Error
}

// Close ends all writes and closes the connections.
func (db *DB) Close() error {
	db.held.mu.Lock()
	defer db.held.mu.Unlock()
	db.held.let()
	db.alive.close()
	return db.close()
}

// gormConfig returns a new configuration for each database. A shared one would keep
// the first dialect's clause builders.
func gormConfig() *gorm.Config {
	return &gorm.Config{
		Logger:                 logger.Discard, // its lines would show parameters
		SkipDefaultTransaction: true,
		PrepareStmt:            true,
		TranslateError:         true,
	}
}

// redactDSN removes the address, with its password, from the driver's error.
func redactDSN(err error, address string) error {
	if err == nil || !strings.Contains(err.Error(), address) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), address, "[database address]"))
}
