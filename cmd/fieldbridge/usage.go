package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// usageExit is the exit code of a command line that is not understood.
const usageExit = 2

// newParser returns the parser that reads command lines into c.
func newParser(c *commands, options ...kong.Option) (*kong.Kong, error) {
	return kong.New(c, append(options,
		kong.Name("fieldbridge"),
		kong.Description("Connects contractors' ServiceTitan accounts and keeps the connections alive."),
		kong.Help(withAlternatives(kong.DefaultHelpPrinter)),
	)...)
}

// sayUsage writes a short usage, and then what is wrong with the command line.
func sayUsage(screen io.Writer, parser *kong.Kong, wrong *kong.ParseError) {
	parser.Stdout = screen
	_ = withAlternatives(kong.DefaultShortHelpPrinter)(kong.HelpOptions{}, wrong.Context)
	_, _ = fmt.Fprintln(screen, "fieldbridge:", wrong)
}

// withAlternatives prints help that shows required, mutually exclusive flags as
// alternatives. Kong prints them as if all were required.
func withAlternatives(printer kong.HelpPrinter) kong.HelpPrinter {
	return func(options kong.HelpOptions, ctx *kong.Context) error {
		var text bytes.Buffer
		out := ctx.Stdout
		ctx.Stdout = &text
		err := printer(options, ctx)
		ctx.Stdout = out
		if err != nil {
			return err
		}
		_, err = io.WriteString(out, strings.NewReplacer(alternatives(ctx.Model.Node)...).Replace(text.String()))
		return err
	}
}

// alternatives returns pairs: how Kong prints a group of required flags below a
// command, and how to print them instead.
func alternatives(n *kong.Node) []string {
	groups, order := map[string][]string{}, []string(nil)
	for _, flag := range n.Flags {
		if !flag.Required {
			continue
		}
		for _, group := range flag.Xor {
			if groups[group] == nil {
				order = append(order, group)
			}
			groups[group] = append(groups[group], flag.Summary())
		}
	}
	var pairs []string
	for _, group := range order {
		pairs = append(pairs, strings.Join(groups[group], " "), "("+strings.Join(groups[group], " | ")+")")
	}
	for _, child := range n.Children {
		pairs = append(pairs, alternatives(child)...)
	}
	return pairs
}
