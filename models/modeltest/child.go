package modeltest

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox/sandboxtest"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/outbound"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// childVariable holds what a child process of the tests keeps.
const childVariable = "FIELDBRIDGE_TEST_KEEPER"

// Child is a process with one kind of work. It renews whatever is due, renews one
// connection on demand, encrypts everything again, or sends webhooks.
type Child struct {
	Database, Keyset, Issuer, Secret string
	Company, Connection              uuid.UUID
	Reseals, Sends                   bool
	KeepAlive                        time.Duration
	PerSecond                        int
}

func keeperClients(issuer *url.URL, clientSecret string) models.Clients {
	return models.Clients{servicetitan.NewClient(servicetitan.Environment{
		Name: servicetitan.Sandbox, AuthURL: issuer, APIURL: issuer, ClientID: "cid.sandbox",
		ClientSecret: secret.New(clientSecret), AppKey: secret.New("ak1.stc_key"), Scopes: KeptScopes, Ways: []models.Way{models.SignInWay},
	}, servicetitan.NewTransport(), time.Now)}
}

// runAsChild renews until the process is told to stop, or killed.
func runAsChild() {
	var c Child
	fail := func(err error) {
		if err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
	}
	fail(json.Unmarshal([]byte(os.Getenv(childVariable)), &c))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	keys, err := seal.Load(c.Keyset)
	fail(err)
	db, err := database.Open(ctx, c.Database, time.Now)
	fail(err)
	if c.Reseals {
		_, err := keyring.Reseal(ctx, db, keys, func(done, _ int64) { fmt.Println(done) })
		fail(err)
		fail(db.Close())
		os.Exit(0)
	}
	if c.Sends {
		fmt.Println("sending")
		webhook.New(db, keys, outbound.New(outbound.Rules{Loopback: true}), slog.New(slog.DiscardHandler)).Run(ctx)
		fail(db.Close())
		os.Exit(0)
	}
	issuer, err := url.Parse(c.Issuer)
	fail(err)
	k := keeper.New(db, keys, keeperClients(issuer, c.Secret), keeper.Options{KeepAlive: cmp.Or(c.KeepAlive, time.Hour), PerSecond: cmp.Or(c.PerSecond, 2000)}, slog.New(slog.DiscardHandler))
	fmt.Println("renewing")
	if c.Connection == uuid.Nil {
		k.Run(ctx)
	}
	for orders := bufio.NewScanner(os.Stdin); c.Connection != uuid.Nil && orders.Scan(); {
		generation, err := strconv.ParseInt(orders.Text(), 10, 64)
		fail(err)
		access, err := k.Renew(ctx, c.Company, c.Connection, generation)
		fmt.Println(access.Generation, err)
	}
	fail(db.Close())
	os.Exit(0)
}

// Command returns the command that starts a child, and its output.
func (c Child) Command(t *testing.T) (*exec.Cmd, io.Reader) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	process := exec.CommandContext(t.Context(), os.Args[0]) // #nosec G204 -- this test itself
	process.Env = append(os.Environ(), childVariable+"="+string(text))
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	return process, out
}

// Start starts a child and waits until it renews, or sends.
func (c Child) Start(t *testing.T) *exec.Cmd {
	t.Helper()
	process, out := c.Command(t)
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "renewing\n" && line != "sending\n" {
		t.Fatalf("child says %q, %v", line, err)
	}
	return process
}

// OverTheNetwork serves the sandbox, behind wraps, at an address that other processes
// reach, and returns the child that uses it.
func (k *Kept) OverTheNetwork(database string, grace time.Duration, wraps ...func(http.Handler) http.Handler) Child {
	k.Helper()
	server := httptest.NewUnstartedServer(nil)
	c := Child{Database: database, Keyset: k.Keyset, Issuer: "http://" + server.Listener.Addr().String(), Secret: "cs1.stc_secret"}
	k.Sandbox = sandboxtest.New(sandbox.Options{
		URL: c.Issuer, ClientID: "cid.sandbox", ClientSecret: c.Secret, AppKey: "ak1.stc_key",
		RedirectURIs: []string{"https://app.example/callback"}, Scopes: KeptScopes, RefreshGrace: grace,
	})
	server.Config.Handler = k.Sandbox
	for _, wrap := range wraps {
		server.Config.Handler = wrap(server.Config.Handler)
	}
	server.Start()
	k.Cleanup(server.Close)
	return c
}

// Until waits until done returns true. It fails the test after a minute.
func (k *Kept) Until(done func() bool) {
	k.Helper()
	limit, again := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-limit:
			k.Fatal("it does not come to pass")
		}
	}
}

// ExpireLeases ends all leases, as if their time had passed, if nobody alive holds
// one.
func (k *Kept) ExpireLeases(nobody bool) {
	k.Helper()
	if nobody {
		k.Write(func(tx *gorm.DB) error {
			return tx.Exec("UPDATE credentials SET lease_until = NULL WHERE lease_until IS NOT NULL").Error
		})
	}
}

// Run runs a keeper until stop is called.
func (k *Kept) Run(keeper *keeper.Keeper) (stop func()) {
	ctx, cancel := context.WithCancel(k.Context())
	done := make(chan struct{})
	go func() {
		keeper.Run(ctx)
		close(done)
	}()
	return func() {
		cancel()
		<-done
	}
}

// NetworkClients returns clients that reach the sandbox at the address that child
// processes use.
func (k *Kept) NetworkClients(c Child) models.Clients {
	k.Helper()
	issuer, err := url.Parse(c.Issuer)
	if err != nil {
		k.Fatal(err)
	}
	return keeperClients(issuer, c.Secret)
}
