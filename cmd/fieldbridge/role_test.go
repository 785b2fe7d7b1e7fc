package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// roleVariable makes a process of the tests play a role, which it holds as JSON.
const roleVariable = "FIELDBRIDGE_TEST_ROLE"

// role is what a process beside the product does. It plays the issuer, or what the
// product is compared with, so that no side of a contest shares a process with another
// or with the load.
type role struct {
	Name roleName
	// Base is its own address, and Issuer is that of the issuer.
	Base, Issuer string
	// Database is the SQLite file that it reads.
	Database string
	// Size is that of its answers.
	Size int
}

type roleName string

const (
	playIssuer    roleName = "issuer"
	playFloor     roleName = "floor"
	playFrozen    roleName = "bare route with the frozen session check"
	playBare      roleName = "bare route"
	playBareAPI   roleName = "bare API"
	playFrozenAPI roleName = "bare API with the frozen key check"
	roleListener           = 3 // the file that a process inherits
)

// server returns the role's server.
func (r role) server(ctx context.Context) (*http.Server, error) {
	switch r.Name {
	case playIssuer:
		return &http.Server{Handler: newStubIssuer(), ReadHeaderTimeout: 5 * time.Second}, nil
	case playFloor:
		handler, err := newFloor(ctx, r)
		return &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}, err
	case playFrozen:
		check, err := openFrozenCheck(r.Database)
		return newServer(check.route(bytes.Repeat([]byte("x"), r.Size)), quiet()), err
	}
	db, err := database.Open(ctx, r.Database, time.Now)
	if err != nil {
		return nil, err
	}
	switch r.Name {
	case playBare:
		base, err := url.Parse(r.Base)
		return newServer(handlers.Bare(accounts.NewSessions(db), base, bytes.Repeat([]byte("x"), r.Size)), quiet()), err
	case playBareAPI:
		return newServer(bareAPI(checkKey(db), r.Size), quiet()), nil
	case playFrozenAPI:
		return newServer(bareAPI(frozenKeyCheck(db), r.Size), quiet()), nil
	}
	return nil, fmt.Errorf("nothing plays %q", r.Name)
}

// play serves a role until the process is killed.
func play(text string) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return err
	}
	l, err := net.FileListener(os.NewFile(roleListener, "listener"))
	if err != nil {
		return err
	}
	s, err := r.server(context.Background())
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// start plays the role in a process of its own until the benchmark ends, and returns
// its address. Requests wait until the process answers them.
func (r role) start(b testing.TB) (base string) {
	b.Helper()
	l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	r.Base = "http://" + l.Addr().String()
	text, err := json.Marshal(r)
	if err != nil {
		b.Fatal(err)
	}
	p := exec.CommandContext(b.Context(), os.Args[0])
	p.Env = append(os.Environ(), roleVariable+"="+string(text))
	p.ExtraFiles = []*os.File{file}
	p.Stderr = os.Stderr
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	})
	return r.Base
}
