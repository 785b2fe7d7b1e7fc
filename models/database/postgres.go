package database

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// postgresPool bounds the connections of one instance.
	postgresPool = 20
	// connectLimit bounds connecting, including TLS and authentication.
	connectLimit = 5 * time.Second
	// connectionLife is how long a connection is used. After a failover that ended
	// no connection, it is also how long one may stay on the old primary.
	connectionLife = 30 * time.Minute
)

// settings of a PostgreSQL session, in milliseconds.
type settings []struct {
	name   string
	millis time.Duration
}

// appSettings keep one statement or transaction from holding up the others.
var appSettings = settings{
	{"statement_timeout", 30 * time.Second},
	{"lock_timeout", 10 * time.Second},
	{"idle_in_transaction_session_timeout", time.Minute},
}

// migrationSettings let a migration of a large table take its time, whatever the
// address says.
const migrationSettings = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0"

// missing returns the SQL for the settings that the address does not set itself.
func (s settings) missing(config *pgx.ConnConfig) string {
	var statements []string
	for _, setting := range s {
		if _, given := config.RuntimeParams[setting.name]; given || strings.Contains(config.RuntimeParams["options"], setting.name) {
			continue
		}
		statements = append(statements, fmt.Sprintf("SET %s = %d", setting.name, setting.millis.Milliseconds()))
	}
	return strings.Join(statements, "; ")
}

// openPool opens a pool whose sessions begin with some statements. They are sent
// after connecting, because PgBouncer refuses settings before. tracer may be nil.
func openPool(config *pgx.ConnConfig, statements string, tracer pgx.QueryTracer) *sql.DB {
	config = config.Copy()
	config.Tracer = tracer
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectLimit
	}
	config.DialFunc = dialer().DialContext
	pool := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		if statements == "" {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, config.ConnectTimeout)
		defer cancel()
		_, err := conn.Exec(ctx, statements)
		return err
	}))
	pool.SetMaxOpenConns(postgresPool)
	pool.SetMaxIdleConns(postgresPool)
	pool.SetConnMaxLifetime(connectionLife)
	return pool
}

// dialer makes connections that notice within half a minute that the other side
// is gone.
func dialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control:         limitUnanswered,
	}
}

// unansweredLimit is how long sent data may remain unacknowledged.
const unansweredLimit = 20 * time.Second
