package main

import (
	"strings"
	"testing"
)

// For a usage error, a short usage goes to standard error, and the exit code is 2. Help
// that is asked for goes to standard output.
func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		args     []string
		code     int
		out, err []string
	}{
		{[]string{}, 2, nil, []string{"Usage: fieldbridge <command>", "fieldbridge: expected one of"}},
		{[]string{"serv"}, 2, nil, []string{"Usage: fieldbridge <command>", "fieldbridge: unexpected argument serv"}},
		{[]string{"serve", "--port"}, 2, nil, []string{"Usage: fieldbridge serve", "fieldbridge: unknown flag --port"}},
		{[]string{"staff", "add"}, 2, nil, []string{"Usage: fieldbridge staff add <email>", "fieldbridge: expected"}},
		{[]string{"apikey", "create", "reports"}, 2, nil, []string{"Usage: fieldbridge apikey create (--company=ID | --all) <name>", "fieldbridge: missing flags: --company=ID or --all"}},
		{[]string{"apikey", "create", "reports", "--all", "--company=x"}, 2, nil, []string{"fieldbridge: --company and --all can't be used together"}},
		{[]string{"--help"}, 0, []string{"Usage: fieldbridge <command>"}, nil},
		{[]string{"apikey", "create", "--help"}, 0, []string{"Usage: fieldbridge apikey create (--company=ID | --all) <name>", "Either --company or --all is needed"}, nil},
		{[]string{"serve", "--help"}, 0, []string{"FIELDBRIDGE_BASE_URL"}, nil},
		{[]string{"apikey", "create", "reports", "--company=x"}, 1, nil, []string{`"x" is not the ID of a company`}},
	} {
		got := end(t, command(t, nil, tt.args...))
		if got.code != tt.code {
			t.Errorf("%q ends with %d, want %d", tt.args, got.code, tt.code)
		}
		for _, stream := range []struct {
			name, has string
			wants     []string
		}{{"standard output", got.out, tt.out}, {"standard error", got.err, tt.err}} {
			if len(stream.wants) == 0 && stream.has != "" {
				t.Errorf("%q writes to %s:\n%s", tt.args, stream.name, stream.has)
			}
			for _, words := range stream.wants {
				if strings.Count(stream.has, words) != 1 {
					t.Errorf("%q: %q is not once on %s:\n%s", tt.args, words, stream.name, stream.has)
				}
			}
		}
		if lines := strings.Count(got.err, "\n"); lines > 12 {
			t.Errorf("%q: the usage has %d lines", tt.args, lines)
		}
	}
}
