package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
)

// goal is how good a figure of a benchmark should be: at least, or at most.
type goal struct {
	work              string
	benchmark, metric string
	least, most       float64
	// guarded is the worst that the guard accepts. See BenchmarkGuard.
	guarded float64
}

// goals are all goals for speed. The README has a dated table of what was measured.
var goals = []goal{
	{work: "connect flow, 64 contractors / floor", benchmark: "BenchmarkFlow/contractors=64", metric: "product/floor", least: 0.6, guarded: 0.38},
	{work: "its p99 / the floor's", benchmark: "BenchmarkFlow/contractors=64", metric: "p99-product/floor", most: 2},
	{work: "connect flow, 64 contractors / Express", benchmark: "BenchmarkFlow/contractors=64", metric: "product/express", least: 5},
	{work: "its p99 / Express's", benchmark: "BenchmarkFlow/contractors=64", metric: "p99-product/express", most: 0.125},
	{work: "status page / bare route", benchmark: "BenchmarkStatusPage/readers=16", metric: "product/floor", least: 0.6, guarded: 0.48},
	{work: "token from cache / bare route", benchmark: "BenchmarkToken/from=cache/readers=16", metric: "product/floor", least: 0.85, guarded: 0.6},
	{work: "token from database / bare route", benchmark: "BenchmarkToken/from=database/readers=16", metric: "product/floor", least: 0.6, guarded: 0.38},
	{work: "renewals on SQLite / asking directly", benchmark: "BenchmarkRenewal/on=SQLite/issuer=0s", metric: "one/direct", least: 0.4},
	{work: "staff list, 1 M / 1,000, SQLite", benchmark: "BenchmarkConsole/sqlite", metric: "worst-growth", most: 2},
	{work: "staff list, 1 M / 1,000, PostgreSQL", benchmark: "BenchmarkConsole/postgres", metric: "worst-growth", most: 2},
	{work: "start, 100,000 connections / none", benchmark: "BenchmarkStart/connections=100000", metric: "full/empty", most: 1.2},
	{work: "memory while 64 visit, MB", benchmark: "BenchmarkMemory", metric: "reading-MB", most: 100},
}

// met reports whether a figure meets the goal.
func (g goal) met(figure float64) bool {
	if g.least > 0 {
		return figure >= g.least
	}
	return figure <= g.most
}

// String returns the goal as the table shows it.
func (g goal) String() string {
	if g.least > 0 {
		return fmt.Sprint("at least ", g.least)
	}
	return fmt.Sprint("at most ", g.most)
}

// results are figures by benchmark and metric.
type results map[string]float64

var processors = regexp.MustCompile(`-\d+$`)

// readResults reads what benchmarks print. What they print themselves may stand between
// the name and the figures.
func readResults(output string) results {
	all, benchmark := results{}, ""
	for line := range strings.Lines(output) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "Benchmark") {
			benchmark = processors.ReplaceAllString(strings.TrimSpace(fields[0]), "")
		}
		for _, field := range fields {
			value, metric, _ := strings.Cut(strings.TrimSpace(field), " ")
			if figure, err := strconv.ParseFloat(value, 64); err == nil && metric != "" {
				all[benchmark+" "+metric] = figure
			}
		}
	}
	return all
}

// print prints a table of the goals that were measured, and marks those that are not
// met.
func (r results) print(to io.Writer) {
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, g := range goals {
		if figure, ok := r[g.benchmark+" "+g.metric]; ok {
			says := "ok"
			if !g.met(figure) {
				says = "falls short"
			}
			_, _ = fmt.Fprintf(t, "%s\t%.2f\t%v\t%s\n", g.work, figure, g, says)
		}
	}
	_ = t.Flush()
	if table.Len() > 0 {
		_, _ = fmt.Fprintf(to, "\nwork, median, and goal:\n\n%s\n", table.String())
	}
}

// withGoals prints the goals after the benchmarks, whose output it reads.
func withGoals(run func() int) int {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	screen := os.Stdout
	os.Stdout = w
	read := make(chan string)
	go func() {
		var text strings.Builder
		_, _ = io.Copy(io.MultiWriter(screen, &text), r)
		read <- text.String()
	}()
	code := run()
	os.Stdout = screen
	_ = w.Close()
	readResults(<-read).print(screen)
	return code
}

func TestGoals(t *testing.T) {
	got := readResults("BenchmarkFlow/contractors=64-2 \t 1\t 2.61 product/express\t 0.65 product/floor\n" +
		"--- BENCH: x\nBenchmarkConsole/sqlite-2 \tfirst page  1000: p50 1.00\ndeep page\n   1\t 2.50 worst-growth\nPASS\n")
	var table strings.Builder
	got.print(&table)
	for _, line := range []string{
		"connect flow, 64 contractors / floor    0.65  at least 0.6  ok\n",
		"connect flow, 64 contractors / Express  2.61  at least 5    falls short\n",
		"staff list, 1 M / 1,000, SQLite         2.50  at most 2     falls short\n",
	} {
		if !strings.Contains(table.String(), line) {
			t.Errorf("the table has no line %q:\n%s", line, table.String())
		}
	}
	if strings.Count(table.String(), "\n") != 3+4 {
		t.Errorf("the table has other lines:\n%s", table.String())
	}
	for _, g := range goals {
		if cmp.Compare(g.least, 0) == cmp.Compare(g.most, 0) || g.guarded > g.least {
			t.Errorf("the goal for %s is no goal", g.work)
		}
	}
}
