package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/mattn/go-sqlite3"
)

// WatchFunc is told a statement that reads or writes rows, with its values.
type WatchFunc func(statement string, values []any)

// Watch tells see each statement that the database is given from now on, until stop is
// called, however the statement was built. Tests use it to count statements and to
// explain them. It leaves out what begins and ends transactions.
func (db *DB) Watch(see WatchFunc) (stop func()) {
	before := db.watch.see.Swap(&see)
	return func() { db.watch.see.Store(before) }
}

// watch holds who is told about statements, if anybody is.
type watch struct{ see atomic.Pointer[WatchFunc] }

func (w *watch) tell(statement string, values func() []any) {
	see := w.see.Load()
	if see == nil {
		return
	}
	first, _, _ := strings.Cut(strings.TrimLeft(statement, " \t\n;"), " ")
	switch strings.ToUpper(first) {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "REPLACE":
		(*see)(statement, values())
	}
}

func (w *watch) tellNamed(statement string, args []driver.NamedValue) {
	w.tell(statement, func() []any {
		values := make([]any, len(args))
		for i, a := range args {
			values[i] = a.Value
		}
		return values
	})
}

// TraceQueryStart is called by PostgreSQL's driver. Before the values, the driver has
// options.
func (w *watch) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	w.tell(data.SQL, func() []any {
		return slices.DeleteFunc(slices.Clone(data.Args), func(value any) bool {
			_, option := value.(pgx.QueryResultFormatsByOID)
			return option
		})
	})
	return ctx
}

// TraceQueryEnd is called by PostgreSQL's driver.
func (*watch) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// openWatched opens a SQLite pool whose statements are watched.
func openWatched(dsn string, w *watch) *sql.DB {
	return sql.OpenDB(&watchedFile{dsn: dsn, watch: w})
}

// watchedFile connects to a SQLite file.
type watchedFile struct {
	driver sqlite3.SQLiteDriver
	dsn    string
	watch  *watch
}

// Connect opens a connection.
func (f *watchedFile) Connect(context.Context) (driver.Conn, error) {
	conn, err := f.driver.Open(f.dsn)
	if err != nil {
		return nil, err
	}
	return &watchedConn{conn.(*sqlite3.SQLiteConn), f.watch}, nil
}

// Driver returns SQLite's driver.
func (f *watchedFile) Driver() driver.Driver { return &f.driver }

type watchedConn struct {
	*sqlite3.SQLiteConn
	watch *watch
}

// PrepareContext prepares a statement.
func (c *watchedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.SQLiteConn.PrepareContext(ctx, planOnce(query))
	if err != nil {
		return nil, err
	}
	return &watchedStmt{stmt.(*sqlite3.SQLiteStmt), query, c.watch}, nil
}

// QueryContext runs a query that is not prepared.
func (c *watchedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.watch.tellNamed(query, args)
	return c.SQLiteConn.QueryContext(ctx, query, args)
}

// ExecContext runs a statement that is not prepared.
func (c *watchedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.watch.tellNamed(query, args)
	return c.SQLiteConn.ExecContext(ctx, query, args)
}

type watchedStmt struct {
	*sqlite3.SQLiteStmt
	query string
	watch *watch
}

// QueryContext runs a prepared query.
func (s *watchedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.watch.tellNamed(s.query, args)
	return s.SQLiteStmt.QueryContext(ctx, args)
}

// ExecContext runs a prepared statement.
func (s *watchedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.watch.tellNamed(s.query, args)
	return s.SQLiteStmt.ExecContext(ctx, args)
}
