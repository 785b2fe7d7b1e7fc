package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// work does 10 seconds of work, in equal steps.
func work(p *progress, steps int, each int64) {
	for range steps {
		<-time.After(time.Second)
		p.add(each)
	}
	p.end()
}

func TestProgressInLines(t *testing.T) {
	for name, tt := range map[string]struct {
		total int64
		steps int
		each  int64
		want  string
	}{
		"total known": {100_000, 10, 10_000, `resealed 50,000 of 100,000 (50%)
resealed 100,000 of 100,000 (100%) in 10s
`},
		"nobody knows the total":      {0, 6, 1500, "resealed 7,500\nresealed 9,000 in 6s\n"},
		"more than were expected":     {10, 2, 6, "resealed 12 of 10 (100%) in 2s\n"},
		"ended before a line was due": {10, 3, 1, "resealed 3 of 10 (30%) in 3s\n"},
		"nothing to do":               {0, 0, 0, "resealed 0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				work(newProgress(&out, "resealed", tt.total), tt.steps, tt.each)
				if got := out.String(); got != tt.want {
					t.Errorf("got\n%swant\n%s", got, tt.want)
				}
			})
		})
	}
}

func TestProgressInABar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgressOn(&out, true, "resealed", 100_000)
		p.set(1)
		if out.Len() > 0 {
			t.Errorf("at once: %q", out.String())
		}
		p.set(0)
		work(p, 4, 10_000)
		bars := strings.Split(out.String(), "\r")
		shown := strings.Join(bars, "\n")
		// Count, rate, elapsed time, and remaining time.
		if !regexp.MustCompile(`resealed +20% \|█+ +\| \(20000/100000, 10000 /s\) \[2s:8s\]`).MatchString(shown) {
			t.Errorf("no bar in %q", bars)
		}
		if last := bars[len(bars)-1]; last != "resealed 40,000 of 100,000 (40%) in 4s\n" {
			t.Errorf("in the end: %q", last)
		}
	})
}

func TestProgressInABarWithoutTotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		work(newProgressOn(&out, true, "resealed", 0), 3, 1500)
		bars := strings.Split(out.String(), "\r")
		if shown := strings.Join(bars, "\n"); !strings.Contains(shown, "resealed (3000/-, 1500 /s)") {
			t.Errorf("no count in %q", bars)
		}
		if last := bars[len(bars)-1]; last != "resealed 4,500 in 3s\n" {
			t.Errorf("in the end: %q", last)
		}
	})
}

// Work that ends soon shows no bar, but only its last line.
func TestProgressOfAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, terminal := range []bool{false, true} {
			var out bytes.Buffer
			p := newProgressOn(&out, terminal, "wrote", 3)
			p.add(3)
			p.end()
			if got := out.String(); got != "wrote 3 of 3 (100%)\n" {
				t.Errorf("terminal %t: %q", terminal, got)
			}
		}
	})
}
