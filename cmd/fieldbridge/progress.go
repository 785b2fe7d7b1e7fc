package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

const (
	// quietFor is how long nothing is shown. Most work ends before that.
	quietFor = time.Second
	// lineEvery and barEvery are how often a line and the bar are updated.
	lineEvery = 5 * time.Second
	barEvery  = 100 * time.Millisecond
)

// progress shows how far long work has come: with a bar on a terminal, and otherwise
// with a line now and then. It is safe for concurrent use.
type progress struct {
	out  io.Writer
	what string
	bar  *progressbar.ProgressBar // nil without a terminal

	mu          sync.Mutex
	done, total int64
	began, said time.Time
}

// newProgress starts a progress. what is the past participle of the work, as in
// "resealed". A total of 0 means that the total is unknown.
func newProgress(out io.Writer, what string, total int64) *progress {
	f, isFile := out.(*os.File)
	return newProgressOn(out, isFile && isatty.IsTerminal(f.Fd()), what, total)
}

func newProgressOn(out io.Writer, terminal bool, what string, total int64) *progress {
	now := time.Now()
	p := &progress{out: out, what: what, total: total, began: now, said: now}
	if terminal {
		most := total
		if most == 0 {
			most = -1
		}
		p.bar = progressbar.NewOptions64(most, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(""), progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(barEvery), progressbar.OptionClearOnFinish(), progressbar.OptionSetSpinnerChangeInterval(0))
		p.bar.StartWithoutRender()
	}
	return p
}

// add reports that n more are done.
func (p *progress) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.show(p.done + n)
}

// set reports how many are done.
func (p *progress) set(done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.show(done)
}

func (p *progress) show(done int64) {
	p.done = done
	switch now := time.Now(); {
	case now.Sub(p.began) < quietFor:
	case p.bar != nil:
		if p.total > 0 {
			done = min(done, p.total) // the bar rejects more than its total
		}
		_ = p.bar.Set64(done) // a display error must not stop the work
	case now.Sub(p.said) >= lineEvery && (done < p.total || p.total == 0): // the last line reports the end
		p.said = now
		_, _ = fmt.Fprintln(p.out, p.line())
	}
}

// end removes the bar, and says how many were done.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := p.line()
	if took := time.Since(p.began); took >= quietFor {
		line += " in " + took.Round(time.Second).String()
		if p.bar != nil {
			_ = p.bar.Clear()
		}
	}
	if p.bar != nil {
		_ = p.bar.Exit()
	}
	_, _ = fmt.Fprintln(p.out, line)
}

func (p *progress) line() string {
	if p.total == 0 {
		return fmt.Sprintf("%s %s", p.what, thousands(p.done))
	}
	return fmt.Sprintf("%s %s of %s (%d%%)", p.what, thousands(p.done), thousands(p.total), min(100*p.done/p.total, 100))
}

// thousands formats a count with thousands separators.
func thousands(n int64) string { return message.NewPrinter(language.English).Sprint(n) }
