package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // companies choose time zones, which not every server has

	"github.com/alecthomas/kong"
	"github.com/joho/godotenv"
)

type commands struct {
	Serve         serveCommand         `cmd:"" help:"Serve the app."`
	Demo          demoCommand          `cmd:"" help:"Serve the app and the sandbox, with made-up data."`
	Sandbox       sandboxCommand       `cmd:"" help:"Serve only the sandbox, which plays ServiceTitan in tests and demos."`
	Migrate       migrateCommand       `cmd:"" help:"Bring the database schema up to date, or show its version."`
	Staff         staffCommand         `cmd:"" help:"Manage the accounts of our own staff."`
	Invite        inviteCommand        `cmd:"" help:"Print a link with which a person creates an account for their company."`
	Apikey        apikeyCommand        `cmd:"" help:"Manage the API keys of back ends."`
	Keys          keysCommand          `cmd:"" help:"Manage the sealing keys."`
	Export        exportCommand        `cmd:"" help:"Write the connections of all companies as CSV."`
	Doctor        doctorCommand        `cmd:"" help:"Check configuration, database, keyset, clock, and ServiceTitan, and say what to fix."`
	ResetPassword resetPasswordCommand `cmd:"" help:"Print a link with which a person chooses a new password."`

	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	// Only the owner may read files with tokens or keys.
	syscall.Umask(0o077)
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		<-signals // a second one ends the process at once
		os.Exit(1)
	}()
	if err := godotenv.Load(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(os.Stderr, "fieldbridge: .env cannot be read:", err)
		os.Exit(1)
	}
	var c commands
	parser, err := newParser(&c, kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "fieldbridge:", err)
		os.Exit(1)
	}
	run, err := parser.Parse(os.Args[1:])
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok {
		sayUsage(os.Stderr, parser, wrong)
		os.Exit(usageExit)
	}
	if err == nil {
		err = run.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fieldbridge:", err)
		os.Exit(1)
	}
}
