// Package testdb gives each test its own database. Only tests import it.
package testdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// requireAll turns each skip because of a missing program into a failure.
const requireAll = "FIELDBRIDGE_TEST_REQUIRE_ALL"

// Missing skips a test because a program is missing. Where all programs are required,
// it fails the test.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(requireAll) != "" {
		t.Fatalf("%s is missing", what)
	}
	t.Skipf("skipped: %s is not installed", what)
}

// cluster is the PostgreSQL server of this process's tests. The first test that needs
// it starts it.
var cluster struct {
	once    sync.Once
	address string
	stop    func()
	err     error
	names   atomic.Int64
}

// Main runs the tests, and then stops the server if one was started. Call it from
// TestMain. migrate brings the schema of the database at an address up to date.
func Main(m *testing.M, migrate func(address string) error) int {
	migrateOnce(migrate)
	code := m.Run()
	if cluster.stop != nil {
		cluster.stop()
	}
	return code
}

var errNotInstalled = errors.New("PostgreSQL")

// EmptyPostgres returns the address of a new, empty database.
func EmptyPostgres(t testing.TB) string {
	t.Helper()
	startCluster(t)
	return newPostgres(t, "template0")
}

func startCluster(t testing.TB) {
	t.Helper()
	cluster.once.Do(func() {
		// The data need not outlive the tests, so the server trades safety for speed.
		cluster.address, cluster.stop, cluster.err = start(parent(postgresRoom), "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	})
	if errors.Is(cluster.err, errNotInstalled) {
		Missing(t, "PostgreSQL")
	}
	if cluster.err != nil {
		t.Fatal(cluster.err)
	}
}

func newPostgres(t testing.TB, template string) string {
	t.Helper()
	name := "test" + strconv.FormatInt(cluster.names.Add(1), 10)
	if err := control("CREATE DATABASE " + name + " TEMPLATE " + template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := control("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return cluster.address + name
}

// control runs a statement in the server's own database, not in one of a test's.
func control(statement string) error {
	db, err := sql.Open("pgx", cluster.address+"postgres")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(context.Background(), statement)
	return errors.Join(err, db.Close())
}

// Durable returns the address of an empty database on a server of its own, which keeps
// every commit as PostgreSQL does by default. Benchmarks use it.
func Durable(t testing.TB) string {
	t.Helper()
	address, stop, err := start("")
	if errors.Is(err, errNotInstalled) {
		Missing(t, "PostgreSQL")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return address + "postgres"
}

// start makes a cluster in a temporary folder, below parent or else in the usual
// place, and serves it.
func start(parent string, settings ...string) (address string, stop func(), err error) {
	initdb, server := find("initdb"), find("postgres")
	if initdb == "" || server == "" {
		return "", nil, errNotInstalled
	}
	dir, err := os.MkdirTemp(parent, "fieldbridge-postgres-")
	if err != nil {
		return "", nil, err
	}
	as, err := account(dir)
	if err != nil {
		return "", nil, err
	}
	command := func(program string, args ...string) *exec.Cmd {
		c := exec.CommandContext(context.Background(), program, args...) // #nosec G204 -- found on this machine
		c.Dir = dir
		// The server must not outlive a test process that is killed.
		c.SysProcAttr = &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGKILL}
		return c
	}
	data := filepath.Join(dir, "data")
	if out, err := command(initdb, "-D", data, "-U", "app", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8").CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	c := command(server, append([]string{"-D", data, "-c", "listen_addresses=127.0.0.1", "-p", port, "-k", dir, "-c", "max_connections=300"}, settings...)...)
	if err := c.Start(); err != nil {
		return "", nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	stop = func() {
		_ = c.Process.Signal(syscall.SIGQUIT) // immediate shutdown
		_ = c.Wait()
		_ = os.RemoveAll(dir)
	}
	address = "postgres://app@127.0.0.1:" + port + "/"
	if err := answering(address + "postgres"); err != nil {
		stop()
		return "", nil, err
	}
	return address, stop, nil
}

// find looks for a program in PATH, and where Debian installs PostgreSQL's programs.
func find(program string) string {
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	paths, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + program)
	if len(paths) == 0 {
		return ""
	}
	return paths[len(paths)-1]
}

// account returns the user to run PostgreSQL as, because it refuses to run as root.
func account(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, errNotInstalled
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
}

func freePort() (string, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, _ := strings.Cut(l.Addr().String(), ":")
	return port, l.Close()
}

// answering waits until the server accepts connections.
func answering(address string) error {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if err = db.PingContext(ctx); err == nil {
			return db.Close()
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("PostgreSQL does not answer: %w", err), db.Close())
		}
	}
}
