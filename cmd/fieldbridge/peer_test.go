package main

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// expressFolder has the connect flow as one would write it with Express and grant.
const expressFolder = root + "/.ci/peers/express"

// startExpress starts that program, and returns clients that are signed in to it. If it
// cannot run here, it says why instead.
func startExpress(b testing.TB, r role, n int) (clients []*client, why string) {
	b.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, "node is not installed"
	}
	if _, err := os.Stat(filepath.Join(expressFolder, "node_modules")); err != nil {
		return nil, "npm ci --prefix .ci/peers/express has not been run"
	}
	l, base := listen(b)
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		b.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{"base": base, "issuer": r.Issuer, "database": r.Database, "size": r.Size})
	if err != nil {
		b.Fatal(err)
	}
	p := exec.CommandContext(b.Context(), node, filepath.Join(expressFolder, "server.js"))
	p.Env = append(os.Environ(), "NODE_ENV=production", "PEER="+string(text))
	p.ExtraFiles, p.Stderr = []*os.File{file}, os.Stderr
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	})
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	for range n {
		c := newClient(base)
		c.wizard = wizard{choose: "/connect", authorize: "/oauth/servicetitan", callback: "/oauth/servicetitan/callback", sent: 302}
		b.Cleanup(c.transport.CloseIdleConnections)
		in, err := c.post("/signin", nil)
		if err != nil {
			b.Fatal(err)
		}
		c.keep(in)
		clients = append(clients, c)
	}
	return clients, ""
}
