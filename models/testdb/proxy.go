package testdb

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy sits between an app and PostgreSQL, and loses what a test tells it to lose.
type Proxy struct {
	// Address is where the app connects.
	Address string
	server  string
	lose    atomic.Int64
	lost    atomic.Int64
	swallow atomic.Bool

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// NewProxy starts a proxy for the database at the address.
func NewProxy(t testing.TB, address string) *Proxy {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(address, "@")
	server, database, _ := strings.Cut(rest, "/")
	p := &Proxy{Address: before + "@" + l.Addr().String() + "/" + database, server: server, conns: map[net.Conn]struct{}{}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			app, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(app) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.Cut()
		all.Wait()
	})
	return p
}

// LoseCommits lets the next n commits take effect, but drops the connection instead of
// confirming them.
func (p *Proxy) LoseCommits(n int) { p.lose.Store(int64(n)) }

// Lost returns how many commits were lost this way.
func (p *Proxy) Lost() int { return int(p.lost.Load()) }

// Swallow makes the server disappear. On every connection, old or new, nothing is
// passed on and nothing is closed.
func (p *Proxy) Swallow() { p.swallow.Store(true) }

// Restore makes the server reachable again. A connection on which something was
// swallowed stays silent, because what it lost never arrives.
func (p *Proxy) Restore() { p.swallow.Store(false) }

// Cut drops every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}

func (p *Proxy) serve(app net.Conn) {
	server, err := new(net.Dialer).Dial("tcp", p.server)
	if err != nil {
		_ = app.Close()
		return
	}
	p.mu.Lock()
	p.conns[app], p.conns[server] = struct{}{}, struct{}{}
	p.mu.Unlock()
	var losing, silent atomic.Bool
	// swallowed reports whether to drop what was sent.
	swallowed := func() bool {
		if p.swallow.Load() {
			silent.Store(true)
		}
		return silent.Load()
	}
	var both sync.WaitGroup
	both.Go(func() {
		defer func() { _ = server.Close() }()
		pass(server, app, swallowed, func(sent []byte) bool {
			if bytes.HasPrefix(sent, []byte("Q")) && bytes.Contains(sent, []byte("commit\x00")) && p.lose.Add(-1) >= 0 {
				losing.Store(true)
			}
			return true
		})
	})
	both.Go(func() {
		defer func() { _ = app.Close() }()
		pass(app, server, swallowed, func([]byte) bool {
			if losing.Load() {
				p.lost.Add(1)
				return false
			}
			return true
		})
	})
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, app)
	delete(p.conns, server)
}

// pass copies data while both sides are there and may allows it. It reads swallowed
// data and drops it.
func pass(to io.Writer, from io.Reader, swallowed func() bool, may func([]byte) bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !swallowed() {
			if !may(buffer[:n]) {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
