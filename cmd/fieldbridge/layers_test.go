package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sample is a stack of a profile, with its values. The first frame is the innermost.
type sample struct {
	values []int64
	stack  []string
}

// readProfile returns the samples of a profile. Frames that were inlined count.
func readProfile(b testing.TB, file string) []sample {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), "go", "tool", "pprof", "-raw", "-symbolize=none", file).Output()
	if err != nil {
		b.Fatal("read profile: ", err)
	}
	return parseProfile(b, out)
}

var (
	rawSample   = regexp.MustCompile(`^\s*(\d+(?:\s+\d+)*): ([\d ]+)$`)
	rawLocation = regexp.MustCompile(`^\s*(?:(\d+): 0x[0-9a-f]+ (?:M=\d+ )?(?:\[F\] )?)?(\S.*?)(?: \S+:\d+:\d+ s=\d+.*)?$`)
)

// parseProfile reads what go tool pprof -raw prints: samples, which refer to numbered
// locations, and then the locations, each with the functions that were inlined there.
func parseProfile(b testing.TB, raw []byte) []sample {
	b.Helper()
	type numbered struct {
		values    []int64
		locations []string
	}
	var found []numbered
	frames := make(map[string][]string)
	section, location := "", ""
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		line := lines.Text()
		switch line {
		case "Samples:", "Locations", "Mappings":
			section = line
			continue
		}
		switch section {
		case "Samples:":
			m := rawSample.FindStringSubmatch(line)
			if m == nil {
				continue // the names of the values, or a label
			}
			var values []int64
			for _, field := range strings.Fields(m[1]) {
				n, err := strconv.ParseInt(field, 10, 64)
				if err != nil {
					b.Fatal(err)
				}
				values = append(values, n)
			}
			found = append(found, numbered{values, strings.Fields(m[2])})
		case "Locations":
			m := rawLocation.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			if m[1] != "" {
				location = m[1]
			}
			frames[location] = append(frames[location], m[2])
		}
	}
	samples := make([]sample, len(found))
	for i, n := range found {
		samples[i].values = n.values
		for _, at := range n.locations {
			samples[i].stack = append(samples[i].stack, frames[at]...)
		}
	}
	return samples
}

const (
	restLayer    = "rest"
	readingLayer = "reading the request"
)

// layer names what a frame works for.
type layer struct {
	frame *regexp.Regexp
	name  string
}

// layers are asked in this order about each frame, from the innermost outward. The first
// that matches names the layer of the whole stack.
var layers = []layer{
	{regexp.MustCompile(`^runtime\.(gcBgMarkWorker|gcAssistAlloc|bgsweep|bgscavenge|gcStart|gcMarkDone|gcMarkTermination|deductSweepCredit|deductAssistCredit)`), "garbage collection"},
	{regexp.MustCompile(`^runtime\.(mcall|schedule|findRunnable|park_m|goschedImpl|sysmon|mstart|notetsleep|goexit0|gopreempt_m|rt0_go|ready)\b`), "scheduler"},
	{regexp.MustCompile(`^log/slog\.`), "log"},
	{regexp.MustCompile(`^(github\.com/tink-crypto/|github\.com/fieldbridge/fieldbridge/models/seal\.)`), "encryption"},
	{regexp.MustCompile(`^(github\.com/fieldbridge/fieldbridge/models/servicetitan\.|net/http\.\(\*(persistConn|Transport|Client)\))`), "asking ServiceTitan"},
	{regexp.MustCompile(`^net/http\.(\(\*response\)|\(\*chunkWriter\)|checkConnErrorWriter)\.`), "writing"},
	{regexp.MustCompile(`^github\.com/fieldbridge/fieldbridge/handlers\.\(\*?(writer|response|answer)[A-Za-z]*\)`), "writing"},
	{regexp.MustCompile(`^(compress/|github\.com/klauspost/compress)`), "compression"},
	{regexp.MustCompile(`^net/http\.\(\*conn\)\.readRequest|^net/http\.\(\*connReader\)`), readingLayer},
	{regexp.MustCompile(`^github\.com/fieldbridge/fieldbridge/(views|static)`), "rendering"},
	{regexp.MustCompile(`^github\.com/fieldbridge/fieldbridge\.`), "rendering"},
	{regexp.MustCompile(`^(github\.com/alexedwards/scs/|github\.com/fieldbridge/fieldbridge/models/accounts\.\(\*Sessions\)|github\.com/fieldbridge/fieldbridge/handlers\.\(\*sessions\))`), "session"},
	{regexp.MustCompile(`^github\.com/fieldbridge/fieldbridge/models/accounts\.\(\*Accounts\)\.Visitor`), "visitor"},
	{regexp.MustCompile(`^github\.com/fieldbridge/fieldbridge/models/database\.\(\*writer\)`), "commit"},
	{regexp.MustCompile(`^github\.com/fieldbridge/fieldbridge/handlers\.`), "handlers"},
	{regexp.MustCompile(`^github\.com/labstack/echo/`), "echo"},
	{regexp.MustCompile(`^net/http\.\(\*conn\)\.serve`), "net/http"},
}

// modelFunction is a function of a model. Those of models/database work for another.
var modelFunction = regexp.MustCompile(`^github\.com/fieldbridge/fieldbridge/(models(?:/[a-z]+)?)\.(?:\(\*?([A-Za-z]+)\)\.)?([A-Za-z]+)`)

// asksDatabase is a frame of a query or a statement.
var asksDatabase = regexp.MustCompile(`^(gorm\.io/|database/sql\.|github\.com/mattn/go-sqlite3|github\.com/fieldbridge/fieldbridge/models/database\.)`)

// layerOf returns the layer of a stack. A model's function that asks the database is a
// layer by itself, so that each query has a line.
func layerOf(stack []string) string {
	query := false
	for _, frame := range stack {
		query = query || asksDatabase.MatchString(frame)
		for _, l := range layers {
			if l.frame.MatchString(frame) {
				return l.name
			}
		}
		if m := modelFunction.FindStringSubmatch(frame); m != nil && m[1] != "models/database" {
			kind := "model"
			if query {
				kind = "query"
			}
			name := strings.TrimPrefix(m[1], "models/") + "." + m[3]
			if m[2] != "" {
				name = strings.TrimPrefix(m[1], "models/") + "." + m[2] + "." + m[3]
			}
			return fmt.Sprintf("%s %s", kind, name)
		}
	}
	return restLayer
}

// working reports whether a stack is not of the profiles themselves.
func working(stack []string) bool {
	return !slices.ContainsFunc(stack, func(frame string) bool {
		return strings.HasPrefix(frame, "runtime/pprof.") || strings.HasPrefix(frame, "net/http/pprof.") || strings.Contains(frame, ".offerProfiles")
	})
}

// serving reports whether a stack is of a request that is being answered, and not of
// background work, or of a connection that waits for the next request.
func serving(stack []string) bool {
	return working(stack) && slices.Contains(stack, "net/http.(*conn).serve") && layerOf(stack) != readingLayer
}
