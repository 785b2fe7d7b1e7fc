package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"runtime"
	lookup "runtime/pprof"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// profileVariable makes a process that runs the product offer profiles. Only the tests
// can do that: the program has no such listener.
const profileVariable = "FIELDBRIDGE_TEST_PROFILES"

// profiling says what a process records, and on which Unix socket it offers profiles.
type profiling struct {
	Socket string
	// Allocations and Waits record each allocation, and each time that something
	// waited. That takes time, so neither is on while processor time is measured.
	Allocations, Waits bool
}

// offerProfiles offers profiles until the process ends.
func offerProfiles(text string) {
	var p profiling
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		panic(err)
	}
	if p.Allocations {
		runtime.MemProfileRate = 1
	}
	if p.Waits {
		runtime.SetBlockProfileRate(1)
		runtime.SetMutexProfileFraction(1)
	}
	l, err := net.Listen("unix", p.Socket)
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cpu", pprof.Profile)
	mux.HandleFunc("GET /{name}", func(w http.ResponseWriter, r *http.Request) {
		// A profile of allocations has those up to the collection before the last.
		runtime.GC()
		runtime.GC()
		_ = lookup.Lookup(r.PathValue("name")).WriteTo(w, 0)
	})
	panic((&http.Server{Handler: mux, ReadHeaderTimeout: time.Second}).Serve(l))
}

// save saves a profile.
func (p profiling) save(path, file string) error {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", p.Socket)
	}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("http://product" + path) //nolint:noctx // it ends with the process
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("profile %s: %s", path, resp.Status)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, resp.Body)
	return errors.Join(err, out.Close())
}

// costs are what one layer costs for each request.
type costs struct{ microseconds, allocations, kilobytes, waits float64 }

// costsOf divides those stacks of a profile that count among the layers. Add adds the
// values of a sample, divided by the number of requests.
func costsOf(b testing.TB, into map[string]costs, file string, requests int, counts func([]string) bool, add func(*costs, []int64, float64)) {
	b.Helper()
	for _, s := range readProfile(b, file) {
		if !counts(s.stack) {
			continue
		}
		name := layerOf(s.stack)
		c := into[name]
		add(&c, s.values, float64(requests))
		into[name] = c
	}
}

// profiled is the product with something to do, whose profiles are taken.
type profiled struct {
	name, folder string
	lasting      time.Duration
	// prepare starts the product with more variables, and returns the clients and
	// what they do.
	prepare func(b *testing.B, more ...string) ([]*client, func(*client) error)
}

// run takes the profiles one after another, each of a product that has just started,
// and returns what each layer costs.
func (p profiled) run(b *testing.B) map[string]costs {
	b.Helper()
	all := make(map[string]costs)
	file := func(kind string) string { return filepath.Join(p.folder, p.name+"."+kind+".pprof") }
	during := func(b *testing.B, record profiling, profile func(profiling, func() int) int) (requests int) {
		b.Helper()
		b.Run(p.name, func(b *testing.B) {
			record.Socket = filepath.Join(b.TempDir(), "socket")
			text, err := json.Marshal(record)
			if err != nil {
				b.Fatal(err)
			}
			clients, work := p.prepare(b, profileVariable+"="+string(text))
			load := func() int {
				r, err := runRound(clients, p.lasting, work)
				if err != nil {
					b.Fatal(err)
				}
				return r.times
			}
			load() // statements are prepared
			requests = profile(record, load)
			b.ReportMetric(0, "ns/op")
		})
		return requests
	}
	between := func(kinds ...string) func(profiling, func() int) int {
		return func(of profiling, load func() int) int {
			take := func(when string) {
				for _, kind := range kinds {
					if err := of.save("/"+kind, file(kind+when)); err != nil {
						b.Fatal(err)
					}
				}
			}
			take(".before")
			requests := load()
			take("")
			return requests
		}
	}
	requests := during(b, profiling{}, func(of profiling, load func() int) int {
		saved := make(chan error)
		go func() {
			saved <- of.save(fmt.Sprintf("/cpu?seconds=%d", int(p.lasting.Seconds())), file("cpu"))
		}()
		n := load()
		if err := <-saved; err != nil {
			b.Fatal(err)
		}
		return n
	})
	costsOf(b, all, file("cpu"), requests, working, func(c *costs, v []int64, n float64) { c.microseconds += float64(v[1]) / 1000 / n })
	requests = during(b, profiling{Allocations: true}, between("allocs"))
	allocations := func(sign int) func(*costs, []int64, float64) {
		return func(c *costs, v []int64, n float64) {
			c.allocations += float64(sign) * float64(v[0]) / n
			c.kilobytes += float64(sign) * float64(v[1]) / 1024 / n
		}
	}
	costsOf(b, all, file("allocs"), requests, working, allocations(1))
	costsOf(b, all, file("allocs.before"), requests, working, allocations(-1))
	requests = during(b, profiling{Waits: true}, between("block", "mutex"))
	waits := func(sign int) func(*costs, []int64, float64) {
		return func(c *costs, v []int64, n float64) { c.waits += float64(sign) * float64(v[1]) / 1000 / n }
	}
	costsOf(b, all, file("block"), requests, serving, waits(1))
	costsOf(b, all, file("block.before"), requests, serving, waits(-1))
	return all
}

// printCosts prints a table, the most expensive layer first. Layers that hardly cost
// anything share the last line.
func printCosts(w io.Writer, title string, all map[string]costs) {
	var total costs
	for _, c := range all {
		total.microseconds += c.microseconds
		total.allocations += c.allocations
		total.kilobytes += c.kilobytes
		total.waits += c.waits
	}
	const least = 0.007
	rest := all[restLayer]
	delete(all, restLayer)
	for name, c := range all {
		if c.microseconds < least*total.microseconds && c.allocations < least*total.allocations && c.waits < least*total.waits {
			rest.microseconds += c.microseconds
			rest.allocations += c.allocations
			rest.kilobytes += c.kilobytes
			rest.waits += c.waits
			delete(all, name)
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', tabwriter.AlignRight|tabwriter.Debug)
	line := func(name string, c costs) {
		_, _ = fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.1f\t%.0f\t\n", name, c.microseconds, c.allocations, c.kilobytes, c.waits)
	}
	_, _ = fmt.Fprintf(t, "%s\tµs of processor\tallocations\tKiB\tµs waited\t\n", title)
	for _, name := range slices.SortedFunc(maps.Keys(all), func(one, other string) int {
		return strings.Compare(fmt.Sprintf("%09.1f %s", all[other].microseconds, other), fmt.Sprintf("%09.1f %s", all[one].microseconds, one))
	}) {
		line(name, all[name])
	}
	line(restLayer, rest)
	line("all", total)
	_ = t.Flush()
}
