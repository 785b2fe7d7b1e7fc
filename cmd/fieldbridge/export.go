package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/support"
)

type exportCommand struct {
	To          string `arg:"" help:"The file to write, or - for standard output. An existing file is replaced once everything is written, and keeps its permissions."`
	Q           string `help:"Part of a company's name, a tenant ID, an email, an ID, or a support code."`
	State       string `help:"One state, attention, or overdue."`
	Environment string `help:"One environment of ServiceTitan."`
	Way         string `help:"One way to connect."`
	Reason      string `help:"One reason why a connection does not work."`
	Age         string `help:"How long, at least, in the state."`
	Sort        string `help:"The order: longest, latest, company, or newest. By default, what needs attention comes first."`
}

// Help lists the values of the flags, and says what happens when connections change.
func (exportCommand) Help() string {
	return `Writes the CSV of /staff/connections, for all connections or for those that the flags select. To find a flag's
value, choose the same filter at /staff/connections, and copy the value from the address.

Connections may change during the export. With --sort company or --sort newest, a connection that matches the flags
from beginning to end appears once. In the other orders, and always with --age or --state overdue, a connection that
changes during the export also moves, and may appear twice or not at all. In any order, a connection that is new or
begins to match during the export may be missing. With --q, the order depends on what was found, and --sort has no
effect.`
}

// Run writes the CSV.
func (e exportCommand) Run(ctx context.Context) error {
	c, err := environmentConfig(serveDefaults())
	if err != nil {
		return err
	}
	filter, err := e.filter()
	if err != nil {
		return err
	}
	err = withSchema(ctx, c, func(db *database.DB) error {
		if e.To == "-" {
			return exportTo(ctx, deskOf(c, db), filter, stoppable{ctx, os.Stdout}, os.Stderr)
		}
		return writeOutput(ctx, e.To, func(w io.Writer) error { return exportTo(ctx, deskOf(c, db), filter, w, os.Stderr) })
	})
	if err != nil && ctx.Err() != nil && !errors.Is(err, errStopped) {
		return fmt.Errorf("%w: %w", errStopped, err)
	}
	return err
}

// filter returns the filter that the flags describe.
func (e exportCommand) filter() (support.ConnectionFilter, error) {
	all := url.Values{}
	for _, flag := range []struct{ name, value, parameter string }{
		{"q", e.Q, "q"},
		{"state", e.State, "status"},
		{"environment", e.Environment, "env"},
		{"way", e.Way, "way"},
		{"reason", e.Reason, "reason"},
		{"age", e.Age, "age"},
		{"sort", e.Sort, "sort"},
	} {
		if flag.value == "" {
			continue
		}
		// The list ignores a value that it does not know. Here that would export all
		// connections.
		if support.ParseFilter(url.Values{flag.parameter: {flag.value}}) == (support.ConnectionFilter{}) {
			return support.ConnectionFilter{}, fmt.Errorf("--%s %q is not a value of the list; choose one at /staff/connections, and copy it from the address, after %s=", flag.name, flag.value, flag.parameter)
		}
		all.Set(flag.parameter, flag.value)
	}
	return support.ParseFilter(all), nil
}

// deskOf returns a desk that only reads, and so needs no keys.
func deskOf(c config, db *database.DB) *support.Support {
	clients := clientsOf(c, db)
	log := slog.New(slog.DiscardHandler)
	keeper := keeper.New(db, nil, clients, keeper.Options{KeepAlive: c.KeepAlive, PerSecond: c.PerSecond}, log)
	return support.New(db, keeper, connect.New(db, nil, clients, keeper, nil, "", log))
}

// exportTo writes the CSV, and shows its progress on the screen.
func exportTo(ctx context.Context, desk *support.Support, filter support.ConnectionFilter, w io.Writer, screen io.Writer) error {
	totals, err := desk.Totals(ctx)
	if err != nil {
		return err
	}
	total, _ := totals.Known(filter)
	p := newProgress(screen, "wrote", total)
	defer p.end()
	out := handlers.NewConnectionsCSV(w)
	return desk.Each(ctx, filter, func(list []support.ListedConnection) error {
		err := out.Write(list)
		if err == nil {
			p.add(int64(len(list)))
		}
		return err
	})
}
