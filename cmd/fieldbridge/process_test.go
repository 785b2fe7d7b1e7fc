package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/handlers/browsertest"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// serveVariable makes a process of the tests run the product.
const serveVariable = "FIELDBRIDGE_TEST_SERVE"

func TestMain(m *testing.M) {
	if text := os.Getenv(roleVariable); text != "" {
		fmt.Fprintln(os.Stderr, play(text))
		os.Exit(1)
	}
	if os.Getenv(serveVariable) != "" {
		if text := os.Getenv(profileVariable); text != "" {
			go offerProfiles(text)
		}
		os.Args = []string{"fieldbridge", "serve"}
		main()
		os.Exit(0)
	}
	if os.Getenv(commandVariable) != "" {
		main()
		os.Exit(0)
	}
	run := func() int { return browsertest.Main(func() int { return testdb.Main(m, withTheSchema) }) }
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() != "" {
		os.Exit(withGoals(run))
	}
	os.Exit(run())
}

// withTheSchema brings the schema up to date for the copies of testdb.
func withTheSchema(address string) error {
	return inDB(context.Background(), config{DatabaseURL: address}, database.Open, func(db *database.DB) error {
		_, err := accounts.Migrate(context.Background(), db, accounts.MigrationWatch{})
		return err
	})
}

// newApp opens the database, and wires an app to it.
func newApp(ctx context.Context, c config, keys *seal.Keys, demo *handlers.Demo, log *slog.Logger) (*app, error) {
	db, err := database.Open(ctx, c.DatabaseURL, time.Now)
	if err != nil {
		return nil, err
	}
	a, err := wire(ctx, c, db, keys, demo, log)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

// process is the product as an operator runs it: fieldbridge serve in a process of its
// own, with all its background work.
type process struct {
	*exec.Cmd
	base string
}

// startProcess starts the product, and waits until it answers.
func startProcess(b testing.TB, database, keyset, issuer string, more ...string) *process {
	b.Helper()
	l, base := listen(b)
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	p := &process{Cmd: exec.CommandContext(b.Context(), os.Args[0], "serve"), base: base}
	p.Dir = b.TempDir()
	p.Env = append(append(os.Environ(), serveVariable+"=1",
		"FIELDBRIDGE_ADDR="+strings.TrimPrefix(base, "http://"), "FIELDBRIDGE_ADMIN_ADDR=127.0.0.1:0", "FIELDBRIDGE_BASE_URL="+base,
		"FIELDBRIDGE_DATABASE_URL="+database, "FIELDBRIDGE_KEYSET_FILE="+keyset,
		"SERVICETITAN_PRODUCTION_AUTH_URL="+issuer, "SERVICETITAN_PRODUCTION_API_URL="+issuer, "SERVICETITAN_PRODUCTION_APP_KEY=ak1.bench",
		"SERVICETITAN_PRODUCTION_CLIENT_ID=cid.bench", "SERVICETITAN_PRODUCTION_CLIENT_SECRET=cs1.bench", "SERVICETITAN_PRODUCTION_WAYS=sign_in",
	), more...)
	// The product must not outlive a test process that is killed.
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Start(); err != nil {
		b.Fatal(err)
	}
	c := newClient(base)
	defer c.transport.CloseIdleConnections()
	again, limit := time.NewTicker(10*time.Millisecond), time.After(30*time.Second)
	defer again.Stop()
	for {
		_, err := c.get("/", http.StatusOK)
		if err == nil {
			return p
		}
		select {
		case <-again.C:
		case <-limit:
			_ = p.Process.Kill()
			b.Fatal("the product does not start: ", err, p.Wait())
		}
	}
}

// stop lets the product finish the work under way.
func (p *process) stop(b *testing.B) {
	b.Helper()
	_ = p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		b.Fatal("the product does not stop well: ", err)
	}
}

// megabytes reads a figure of the process's memory by its name in proc(5). VmRSS is the
// resident memory, and VmHWM is the most that it ever was.
func (p *process) megabytes(name string) (float64, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.Process.Pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return n / 1024, err
		}
	}
	return 0, fmt.Errorf("no %s in %s", name, text)
}

// watch records the resident memory ten times a second.
func (p *process) watch(lasting time.Duration, resident *[]float64) error {
	tick, end := time.NewTicker(100*time.Millisecond), time.After(lasting)
	defer tick.Stop()
	for {
		n, err := p.megabytes("VmRSS")
		if err != nil {
			return err
		}
		*resident = append(*resident, n)
		select {
		case <-tick.C:
		case <-end:
			return nil
		}
	}
}
