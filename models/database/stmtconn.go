package database

import (
	"context"
	"database/sql"
	"errors"
)

// stmtConn is one database connection that prepares each statement once.
// GORM's own cache prepares it again in every transaction. Only one goroutine may use
// a stmtConn at a time.
type stmtConn struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

// maxStmts bounds the cache. The app has far fewer statements, but some of them differ
// by how many values they list.
const maxStmts = 512

func newStmtConn(conn *sql.Conn) *stmtConn {
	return &stmtConn{conn: conn, stmts: map[string]*sql.Stmt{}}
}

func (c *stmtConn) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if len(c.stmts) >= maxStmts {
		for q, old := range c.stmts {
			delete(c.stmts, q)
			if err := old.Close(); err != nil {
				return nil, err
			}
			break
		}
	}
	c.stmts[query] = s
	return s, nil
}

// PrepareContext prepares a statement outside the cache, as GORM's interface demands.
func (c *stmtConn) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return c.conn.PrepareContext(ctx, query)
}

// ExecContext runs a statement.
func (c *stmtConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := c.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

// QueryContext runs a query.
func (c *stmtConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := c.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// QueryRowContext runs a query for one row.
func (c *stmtConn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := c.stmt(ctx, query)
	if err != nil {
		// A Row cannot be made from an error, so the connection makes one.
		return c.conn.QueryRowContext(ctx, query, args...)
	}
	return s.QueryRowContext(ctx, args...)
}

// Close closes the statements and the connection.
func (c *stmtConn) Close() error {
	var err error
	for _, s := range c.stmts {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, c.conn.Close())
}
