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
	"github.com/fieldbridge/fieldbridge/models"
)

type exportCommand struct {
	To          string `arg:"" help:"The file to write, or - for standard output. A file that is there is replaced once all is written, and keeps its permissions."`
	Q           string `help:"Part of a company's name, a tenant ID, an email, an ID or a support code."`
	State       string `help:"One state, attention, or overdue."`
	Environment string `help:"One environment of ServiceTitan."`
	Way         string `help:"One way to connect."`
	Reason      string `help:"One reason why a connection does not work."`
	Age         string `help:"How long, at least, in the state."`
	Sort        string `help:"The order: longest, latest, company, or newest. By default, what needs attention comes first."`
}

// Help says which values there are, and what becomes of changes.
func (exportCommand) Help() string {
	return `Writes the CSV of /staff/connections, of all connections or of those that the flags pick. A flag takes the
value that the list's address has when the same is chosen there.

Connections may change while it is written. With --sort company or --sort newest, what the flags pick from beginning
to end is in it once. In the other orders, and always with --age or --state overdue, one that changes meanwhile also
moves, and may be in it twice or not at all. In any order, one that is new or comes to be picked meanwhile may be
missing. With --q there is one order, by what was found, and --sort changes nothing.`
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
	err = withSchema(ctx, c, func(db *models.DB) error {
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

// filter is what the flags pick.
func (e exportCommand) filter() (models.ConnectionFilter, error) {
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
		// The list passes over what it does not know; here it would be all connections.
		if models.ParseFilter(url.Values{flag.parameter: {flag.value}}) == (models.ConnectionFilter{}) {
			return models.ConnectionFilter{}, fmt.Errorf("--%s %q is not one that the list has; choose it at /staff/connections and take it from the address, behind %s=", flag.name, flag.value, flag.parameter)
		}
		all.Set(flag.parameter, flag.value)
	}
	return models.ParseFilter(all), nil
}

// deskOf is a desk that only reads: it has no keys.
func deskOf(c config, db *models.DB) *models.Desk {
	clients := clientsOf(c, db)
	log := slog.New(slog.DiscardHandler)
	keeper := models.NewKeeper(db, nil, clients, models.KeeperOptions{KeepAlive: c.KeepAlive, PerSecond: c.PerSecond}, log)
	return models.NewDesk(db, keeper, models.NewConnections(db, nil, clients, keeper, "", log))
}

// exportTo writes the CSV, and on the screen how far it is.
func exportTo(ctx context.Context, desk *models.Desk, filter models.ConnectionFilter, w io.Writer, screen io.Writer) error {
	totals, err := desk.Totals(ctx)
	if err != nil {
		return err
	}
	total, _ := totals.Known(filter)
	p := newProgress(screen, "wrote", total)
	defer p.end()
	out := handlers.NewConnectionsCSV(w)
	return desk.Each(ctx, filter, func(list []models.ListedConnection) error {
		err := out.Write(list)
		if err == nil {
			p.add(int64(len(list)))
		}
		return err
	})
}
