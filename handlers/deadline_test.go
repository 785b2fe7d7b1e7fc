package handlers_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// Whoever sends a client ID and secret, or asks whether they work, waits for ServiceTitan,
// and has the time for it.
func TestCredentialsHaveTimeForServiceTitan(t *testing.T) {
	for _, r := range handlers.Routes() {
		for _, waiting := range []string{"/credentials", "/:id/secret", "/connections/:id/test", "/try-again"} {
			if r.Method == http.MethodPost && strings.HasSuffix(r.Path, waiting) && !handlers.WaitsForServiceTitan(r) {
				t.Errorf("%s has no more time than others", r)
			}
		}
	}
}

// A PostgreSQL host that disappears blocks no request forever. Each request is
// answered with 503, even if there are more of them than connections in the pool.
// Everything works again once the host is back.
func TestVanishedPostgreSQLIsA503(t *testing.T) {
	proxy := testdb.NewProxy(t, testdb.Postgres(t))
	a := newAppOn(t, proxy.Address+"?connect_timeout=1")
	a.instance.requestLimit = 2 * time.Second
	first := a.db
	a.serve(a.wire(slog.New(slog.NewTextHandler(a.log, nil))))
	a.db = first // it outlives the test, for the invariants
	amy := a.signUp("A", "Amy")
	amy.get("/connections").want(a, 200)
	key := a.backEnd(amy)
	key.ask("/connections").want(a, 200)

	proxy.Swallow()
	const each = 12
	answers := make(chan answer)
	for range each {
		go func() { answers <- amy.get("/connections") }()
		go func() {
			answers <- amy.post("/connect", "environment", "sandbox", "way", "sign_in", "tenant", "842193311")
		}()
		go func() { answers <- key.ask("/connections") }()
	}
	for range 3 * each {
		got := <-answers
		if got.want(a, 503); got.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", got.request)
		}
	}

	proxy.Restore()
	// A connection attempt that was under way has to be given up first.
	for tries := 0; amy.get("/connections").status != 200; tries++ {
		if tries == 30 {
			t.Fatal("the app does not come back")
		}
	}
	for range 2 * each {
		go func() { answers <- amy.get("/connections") }()
	}
	for range 2 * each {
		(<-answers).want(a, 200)
	}
}
