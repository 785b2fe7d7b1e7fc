package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime/debug"
	"sync"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// writer is SQLite's single writer. A commit costs an fsync, and SQLite
// takes one writer at a time, so the writes that wait at the same moment share
// a transaction, each behind a savepoint of its own.
type writer struct {
	pool  *sql.DB
	conn  *stmtConn
	db    *gorm.DB
	queue chan *pendingWrite
	quit  chan struct{}
	done  chan struct{}
	once  sync.Once
}

type pendingWrite struct {
	ctx    context.Context
	fn     func(*gorm.DB) error
	err    error
	answer chan error
}

// maxGroup bounds how many writes share a commit, and therefore how long the first of
// them waits.
const maxGroup = 128

// errWriterClosed answers writes that come after Close.
var errWriterClosed = errors.New("database is closed")

func sqliteDSN(path string, more url.Values) string {
	v := url.Values{
		"_journal_mode":  {"WAL"},
		"_busy_timeout":  {"5000"},
		"_foreign_keys":  {"on"},
		"_secure_delete": {"on"},
		// A renewed token lost to a power cut would be a lost connection.
		"_synchronous": {"FULL"},
	}
	for name, values := range more {
		v[name] = values
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: v.Encode()}).String()
}

func openSQLiteReader(path string, w *watch) (*gorm.DB, error) {
	pool := openWatched(sqliteDSN(path, url.Values{"_query_only": {"true"}}), w)
	pool.SetMaxOpenConns(4)
	pool.SetMaxIdleConns(4)
	db, err := gorm.Open(sqlite.New(sqlite.Config{Conn: pool}), gormConfig())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open for reading: %w", err), pool.Close())
	}
	return db, nil
}

func newWriter(path string, watch *watch) (*writer, error) {
	pool := openWatched(sqliteDSN(path, nil), watch)
	pool.SetMaxOpenConns(1)
	raw, err := pool.Conn(context.Background())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open for writing: %w", err), pool.Close())
	}
	conn := newStmtConn(raw)
	config := gormConfig()
	config.PrepareStmt = false // the connection does
	db, err := gorm.Open(sqlite.New(sqlite.Config{Conn: conn}), config)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open for writing: %w", err), raw.Close(), pool.Close())
	}
	w := &writer{
		pool: pool, conn: conn, db: db,
		queue: make(chan *pendingWrite, maxGroup),
		quit:  make(chan struct{}), done: make(chan struct{}),
	}
	go w.run()
	return w, nil
}

// Write queues fn and waits for the commit that holds it.
func (w *writer) Write(ctx context.Context, fn func(*gorm.DB) error) error {
	p := &pendingWrite{ctx: ctx, fn: fn, answer: make(chan error, 1)}
	select {
	case w.queue <- p:
	case <-w.quit:
		return errWriterClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-p.answer:
		return err
	case <-w.done:
		// The answer may have come at the same moment.
		select {
		case err := <-p.answer:
			return err
		default:
			return errWriterClosed
		}
	}
}

func (w *writer) run() {
	defer close(w.done)
	group := make([]*pendingWrite, 0, maxGroup)
	for {
		select {
		case p := <-w.queue:
			group = append(group[:0], p)
		case <-w.quit:
			return
		}
	gather:
		for len(group) < maxGroup {
			select {
			case p := <-w.queue:
				group = append(group, p)
			default:
				break gather
			}
		}
		err := w.commit(group)
		for _, p := range group {
			if err != nil {
				p.err = err
			}
			p.answer <- p.err
		}
	}
}

// commit runs the group in one transaction. If it returns an error, every write of the
// group has failed.
func (w *writer) commit(group []*pendingWrite) error {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	for _, p := range group {
		if p.err = context.Cause(p.ctx); p.err != nil {
			continue
		}
		if err := w.exec("SAVEPOINT one"); err != nil {
			return errors.Join(fmt.Errorf("savepoint: %w", err), w.exec("ROLLBACK"))
		}
		if p.err = w.try(p); p.err != nil {
			// A full disk ends the whole transaction by itself; then this fails too.
			if err := w.exec("ROLLBACK TO one"); err != nil {
				return errors.Join(p.err, w.rollback())
			}
		}
		if err := w.exec("RELEASE one"); err != nil {
			return errors.Join(fmt.Errorf("release: %w", err), w.rollback())
		}
	}
	if err := w.exec("COMMIT"); err != nil {
		return errors.Join(fmt.Errorf("commit: %w", err), w.rollback())
	}
	return nil
}

// rollback ends a transaction that SQLite may have ended already.
func (w *writer) rollback() error {
	_ = w.exec("ROLLBACK") // #nosec G104 -- "no transaction is active" is the good case
	return nil
}

// try runs one write. It continues if the caller goes away, because an interrupt would
// roll the whole group back.
func (w *writer) try(p *pendingWrite) (err error) {
	defer func() {
		if r := recover(); r != nil {
			// The panic's text may contain values. Its type and stack contain none.
			err = fmt.Errorf("write panicked with a %T\n%s", r, debug.Stack())
		}
	}()
	return p.fn(w.db.WithContext(context.WithoutCancel(p.ctx)))
}

func (w *writer) exec(statement string) error {
	_, err := w.conn.ExecContext(context.Background(), statement)
	return err
}

// Close lets the current group finish and closes the connection.
func (w *writer) Close() error {
	var err error
	w.once.Do(func() {
		close(w.quit)
		<-w.done
		err = errors.Join(w.conn.Close(), w.pool.Close())
	})
	return err
}
