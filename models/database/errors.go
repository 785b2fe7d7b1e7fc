package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
	"gorm.io/gorm"
)

// ErrNotFound says that something does not exist or belongs to another company.
var ErrNotFound = errors.New("not found")

// ErrUnavailable says that the database or ServiceTitan does not answer for now.
var ErrUnavailable = errors.New("not available for now")

// Unavailable says whether the error is temporary, so that trying again makes sense.
// Such an error comes from the database, the connection to it, or a time limit.
func Unavailable(err error) bool {
	if errors.Is(err, ErrUnavailable) || errors.Is(err, errWriterClosed) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, sql.ErrTxDone) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed) {
		return true
	}
	if e, ok := errors.AsType[sqlite3.Error](err); ok {
		switch e.Code {
		case sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrReadonly, sqlite3.ErrCantOpen:
			return true
		}
		return false
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return temporary(e.Code) || stalePlan(e)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	// The driver had not sent anything yet, or gave up waiting.
	return pgconn.SafeToRetry(err) || pgconn.Timeout(err)
}

// OutOfSpace says whether a write failed because the disk is full.
func OutOfSpace(err error) bool {
	if e, ok := errors.AsType[sqlite3.Error](err); ok {
		return e.Code == sqlite3.ErrFull || errors.Is(e.SystemErrno, syscall.ENOSPC) || errors.Is(e.SystemErrno, syscall.EDQUOT)
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "53100" // disk_full
}

// ReadOnly says whether a write failed because the database takes none: its files may
// not be written, or the server is a standby or set to be read only.
func ReadOnly(err error) bool {
	if e, ok := errors.AsType[sqlite3.Error](err); ok {
		return e.Code == sqlite3.ErrReadonly || e.Code == sqlite3.ErrCantOpen || e.Code == sqlite3.ErrPerm || errors.Is(e.SystemErrno, syscall.EROFS)
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "25006" // read_only_sql_transaction
}

// Busy says whether an error means that others kept the database from its work. It says
// nothing about the database itself.
func Busy(err error) bool {
	if e, ok := errors.AsType[sqlite3.Error](err); ok {
		return e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "55P03", "57014", "40001", "40P01": // lock_not_available, query_canceled, serialization_failure, deadlock_detected
			return true
		}
		return false
	}
	return errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err)
}

// temporary says whether an SQLSTATE stands for a condition that ends by itself
// (PostgreSQL documentation, appendix A).
func temporary(state string) bool {
	switch state {
	case "25006", // read_only_sql_transaction: after a failover, the server is no longer the primary
		"25P03", "25P04": // the server ended a transaction that took too long
		return true
	}
	if len(state) != 5 {
		return false
	}
	switch state[:2] {
	case "08", // connection exception
		"40", // transaction rollback: deadlock, serialization failure
		"53", // insufficient resources
		"55", // object not in prerequisite state: lock_not_available
		"57", // operator intervention: shutdown, query_canceled by statement_timeout
		"58": // system error
		return true
	}
	return false
}

// Gone says whether the error means that something does not exist, or no longer does.
// The row that a write refers to may have been deleted since it was read.
func Gone(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, gorm.ErrRecordNotFound) || errors.Is(err, gorm.ErrForeignKeyViolated)
}

// Found wraps an error with what was attempted, and turns GORM's ErrRecordNotFound
// into ErrNotFound. It returns nil if err is nil.
func Found(err error, doing string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = ErrNotFound
	}
	return fmt.Errorf("%s: %w", doing, err)
}
