package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/retry"
)

const (
	drainLimit  = 15 * time.Second
	sweepEvery  = 10 * time.Minute
	expireEvery = time.Minute
	flushEvery  = 15 * time.Second
)

type serveCommand struct{}

// Help lists the environment variables.
func (serveCommand) Help() string { return variablesHelp(serveDefaults()) }

// Run serves until the context ends.
func (serveCommand) Run(ctx context.Context) error {
	c, log, err := servedConfig(servedDefaults(os.LookupEnv))
	if err != nil {
		return err
	}
	keys, err := loadKeys(c.KeysetFile)
	if err != nil {
		return err
	}
	ready := func() {
		log.Info("serving", "address", c.BaseURL.String(), "listener", c.Addr, "admin", c.AdminAddr)
	}
	if c.SandboxAddr != "" {
		log.Warn("this is a demo: anyone may sign in to its made-up companies", "sandbox", c.SandboxURL.String(), "listener", c.SandboxAddr)
		return serveDemo(ctx, c, keys, true, log, ready)
	}
	db, err := database.Open(ctx, c.DatabaseURL, time.Now)
	if err != nil {
		return err
	}
	if err := db.HoldForServing(ctx); err != nil { // before any migration
		return errors.Join(err, db.Close())
	}
	a, err := wire(ctx, c, db, keys, nil, log)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	if len(c.environments) == 0 {
		log.Warn(noEnvironment + "; see fieldbridge serve --help")
	}
	ls, err := listenOn(ctx, c.Addr, c.AdminAddr)
	if err != nil {
		return errors.Join(err, a.db.Close())
	}
	return errors.Join(a.run(ctx, log, ls.serve(a.public, a.admin), ready), a.db.Close())
}

// servedDefaults returns the defaults of serve. With a sandbox, some of them are a
// demo's.
func servedDefaults(lookup func(string) (string, bool)) kong.Vars {
	vars := serveDefaults()
	if addr, _ := lookup("FIELDBRIDGE_SANDBOX_ADDR"); strings.TrimSpace(addr) != "" {
		vars["keepalive"], vars["check_every"], vars["proxy_paths"] = demoKeepAlive, demoCheckEvery, demoProxyPaths
	}
	return vars
}

// listeners are open, but not served yet.
type listeners []net.Listener

// listenOn opens a listener at each of the addresses. If one fails, it closes the
// others.
func listenOn(ctx context.Context, addresses ...string) (listeners, error) {
	var ls listeners
	for _, address := range addresses {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen: %w", err), ls.close())
		}
		ls = append(ls, l)
	}
	return ls, nil
}

func (ls listeners) close() (err error) {
	for _, l := range ls {
		err = errors.Join(err, l.Close())
	}
	return err
}

// servedListener is a listener with its handler.
type servedListener struct {
	listener net.Listener
	handler  http.Handler
}

// serve pairs each listener with its handler, in the same order.
func (ls listeners) serve(handlers ...http.Handler) []servedListener {
	var all []servedListener
	for i, l := range ls {
		all = append(all, servedListener{l, handlers[i]})
	}
	return all
}

// run serves until the context ends. The first server, which is the public one, stops
// first and finishes the requests under way. Then the background work ends, with all
// renewals under way. The other servers stop last, because one of them may be the
// sandbox, which has to answer those renewals.
func (a *app) run(ctx context.Context, log *slog.Logger, all []servedListener, ready func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var servers []*http.Server
	failed := make(chan error, len(all))
	for _, one := range all {
		s := newServer(one.handler, log)
		servers = append(servers, s)
		go func() { failed <- s.Serve(one.listener) }()
	}
	var background sync.WaitGroup
	background.Go(func() { a.sweep(ctx, log) })
	background.Go(func() { a.deleteCompanies(ctx, log) })
	background.Go(func() { a.expireSessions(ctx, log) })
	background.Go(func() { a.outages.Run(ctx) })
	background.Go(func() { a.keeper.Run(ctx) })
	background.Go(func() { a.checker.Run(ctx) })
	background.Go(func() { a.flush(ctx, log) })
	background.Go(func() { a.outbox.Run(ctx) })
	background.Go(func() { a.webhooks.Run(ctx) })
	background.Go(func() { a.live.Run(ctx) })
	background.Go(func() { a.ready.Run(ctx) })
	background.Go(func() { a.failures.Run(ctx) })
	for _, run := range a.background {
		background.Go(func() { run(ctx) })
	}
	ready()
	var err error
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case failure := <-failed:
		err = fmt.Errorf("serve: %w", failure)
	}
	cancel(nil)
	began := time.Now()
	err = errors.Join(err, shutdown(servers[:1], drainLimit))
	// Work under way is saved before the database is closed.
	background.Wait()
	a.keeper.Wait()
	if flushed := a.failures.Flush(context.WithoutCancel(ctx)); flushed != nil {
		log.Warn("failures could not be saved", "error", flushed)
	}
	return errors.Join(err, shutdown(servers[1:], max(time.Second, drainLimit-time.Since(began))))
}

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      45 * time.Second, // a callback may wait for ServiceTitan
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// shutdown finishes the requests under way within the limit.
func shutdown(servers []*http.Server, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var err error
	for _, s := range servers {
		err = errors.Join(err, s.Shutdown(ctx))
	}
	return err
}

// flush saves the use of API keys, the record of sign-ins, and the counts of calls, now
// and then and at the end.
func (a *app) flush(ctx context.Context, log *slog.Logger) {
	for range retry.Every(ctx, flushEvery) {
		a.flushNow(ctx, log)
	}
	a.flushNow(ctx, log)
}

// flushNow saves them even if the context has ended.
func (a *app) flushNow(ctx context.Context, log *slog.Logger) {
	if err := a.apiKeys.Flush(context.WithoutCancel(ctx)); err != nil {
		log.Warn("the use of API keys could not be saved yet", "error", err)
	}
	if err := a.accounts.FlushSignIns(context.WithoutCancel(ctx)); err != nil {
		log.Warn("sign-ins could not be saved yet", "error", err)
	}
	if err := a.calls.Flush(context.WithoutCancel(ctx)); err != nil {
		log.Warn("counts of calls could not be saved yet", "error", err)
	}
}

// sweep deletes expired rows, now and then.
func (a *app) sweep(ctx context.Context, log *slog.Logger) {
	for range retry.NowAndEvery(ctx, sweepEvery) {
		if err := keyring.Sweep(ctx, a.db, a.kept); err != nil && ctx.Err() == nil {
			log.Warn("deleting expired rows failed", "error", err)
		}
	}
}

// expireSessions ends connect sessions whose time is over, now and then, so that back
// ends hear of it.
func (a *app) expireSessions(ctx context.Context, log *slog.Logger) {
	for range retry.NowAndEvery(ctx, expireEvery) {
		if err := a.connections.ExpireSessions(ctx); err != nil && ctx.Err() == nil {
			log.Warn("ending connect sessions failed", "error", err)
		}
	}
}

// deleteCompanies deletes the companies whose time has come, now and then.
func (a *app) deleteCompanies(ctx context.Context, log *slog.Logger) {
	for range retry.NowAndEvery(ctx, sweepEvery) {
		if err := keyring.DeleteCompanies(ctx, a.db, a.connections); err != nil && ctx.Err() == nil {
			log.Warn("deleting companies failed", "error", err)
		}
	}
}

// variablesHelp returns the table of environment variables.
func variablesHelp(defaults kong.Vars) string {
	var b strings.Builder
	b.WriteString("Configuration comes from environment variables, also from a file .env in the working folder:\n\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, v := range new(config).variables(defaults) {
		value := strings.Replace(v.Default, defaultScopes, "(see cmd/fieldbridge/README.md)", 1)
		_, _ = fmt.Fprintf(w, "  %s\t%s\t%s\n", v.Envs[0], value, v.Help)
	}
	_ = w.Flush()
	return b.String()
}
