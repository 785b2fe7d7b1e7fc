package views

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

func TestEveryStateHasWords(t *testing.T) {
	for _, v := range pagetest.Constants[models.State](t) {
		if w := states[v]; w.Word == "" || w.Icon == "" || w.Tone == "" {
			t.Errorf("state %q has no words", v)
		}
	}
}

// The word for a state is in one file, so that changing it takes one edit.
func TestWordsOfStatesAreInOneFile(t *testing.T) {
	read := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		ours := strings.HasSuffix(path, ".templ") || strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_templ.go") && !strings.HasSuffix(path, "_test.go")
		if err != nil || d.IsDir() || !ours || path == "status.go" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		read++
		for state, w := range states {
			if strings.Contains(string(text), strconv.Quote(w.Word)) {
				t.Errorf("%s has its own word for %s", path, state)
			}
		}
		return nil
	})
	if err != nil || read < 30 {
		t.Errorf("read %d files, %v", read, err)
	}
}

func TestEveryReasonHasWords(t *testing.T) {
	for _, r := range pagetest.Constants[models.Reason](t) {
		if reasons[r] == "" {
			t.Errorf("reason %q has no words", r)
		}
	}
}

func TestEveryEventHasWords(t *testing.T) {
	for _, v := range pagetest.Constants[models.EventKind](t) {
		w, ok := events[v]
		if !ok || w.Title == "" || w.Icon == "" || w.Tone == "" {
			t.Errorf("event %q has no words", v)
			continue
		}
		if got := w.Text(models.Event{Kind: v, Outcome: models.OutcomeDenied}); strings.HasPrefix(got, " ") || got == "" {
			t.Errorf("event %q by nobody reads %q", v, got)
		}
	}
}

func TestEveryOutcomeHasWords(t *testing.T) {
	for _, outcome := range pagetest.Constants[models.Outcome](t) {
		if outcome == models.OutcomeConnected || outcome == models.OutcomeFinishing {
			continue // they have their own pages
		}
		w := outcomes[outcome]
		for part, words := range map[string]string{
			"icon": w.icon, "title": w.title, "lead": w.lead, "happened": w.happened, "unchanged": w.unchanged,
			"kept": w.kept, "next": w.next, "again": w.again, "event": w.event,
		} {
			if words == "" {
				t.Errorf("outcome %q has no %s", outcome, part)
			}
		}
	}
}
