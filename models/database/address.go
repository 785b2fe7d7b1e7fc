package database

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNoDatabase says that there is no SQLite file at the path.
var ErrNoDatabase = errors.New("there is no database yet; make one with: fieldbridge migrate")

// errUnknownAddress says what the address of a database must look like.
var errUnknownAddress = errors.New("is neither a path nor begins with postgres://; a SQLite path with a colon begins with ./ or /")

// oddAddress matches a mistyped address: an unknown scheme, a part of one, or a
// connection string of keywords. If it were opened as a SQLite file, production data
// would end up in the working folder.
var oddAddress = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+:|[A-Za-z]+//|(host|hostaddr|port|user|password|dbname|service|sslmode)\s*=)`)

func isPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

// CheckAddress returns an error that says what is wrong with the address of a
// database. The error never shows the password.
func CheckAddress(address string) error {
	if isPostgres(address) {
		if _, err := pgx.ParseConfig(address); err != nil {
			return errors.New("cannot be read as a postgres:// address, or names a file that cannot be read") // the driver's own error may show the password
		}
		return nil
	}
	if oddAddress.MatchString(address) {
		return errUnknownAddress
	}
	return nil
}

// ProvesServer says whether every server at the address is on this machine or must
// prove by its certificate that it is the named host. Only sslmode=verify-full
// demands that proof.
func ProvesServer(address string) bool {
	if !isPostgres(address) {
		return true
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return false
	}
	proves := func(host string, c *tls.Config) bool {
		return onThisMachine(host) || (c != nil && !c.InsecureSkipVerify && c.ServerName == host)
	}
	for _, f := range config.Fallbacks {
		if !proves(f.Host, f.TLSConfig) {
			return false
		}
	}
	return proves(config.Host, config.TLSConfig)
}

// onThisMachine says whether a host is loopback or the folder of a Unix socket.
func onThisMachine(host string) bool {
	if host == "localhost" || strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// OpenExisting is like Open, but it makes no SQLite file. If the file is missing, it
// returns ErrNoDatabase.
func OpenExisting(ctx context.Context, address string, now func() time.Time) (*DB, error) {
	if CheckAddress(address) == nil && !isPostgres(address) {
		if _, err := os.Stat(address); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("open %s: %w", address, ErrNoDatabase)
		}
	}
	return Open(ctx, address, now)
}
