package views

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
)

// constants reads the values of all constants of a type from the source of
// models, so that a new one is missed here at once.
func constants(t *testing.T, typeName string) []string {
	t.Helper()
	files, err := filepath.Glob("../models/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for node := range ast.Preorder(parsed) {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				continue
			}
			if named, ok := spec.Type.(*ast.Ident); !ok || named.Name != typeName {
				continue
			}
			literal, ok := spec.Values[0].(*ast.BasicLit)
			if !ok {
				continue
			}
			v, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, v)
		}
	}
	if len(values) < 4 {
		t.Fatalf("found %d constants of type %s", len(values), typeName)
	}
	return values
}

func TestEveryStateHasWords(t *testing.T) {
	for _, v := range constants(t, "State") {
		if w := states[models.State(v)]; w.Word == "" || w.Icon == "" || w.Tone == "" {
			t.Errorf("state %q has no words", v)
		}
	}
}

// The word for a state is written in one file, so that changing it takes one edit.
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
			if strings.Contains(string(text), strconv.Quote(w.word)) {
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
	for _, v := range constants(t, "Reason") {
		if reasons[models.Reason(v)] == "" {
			t.Errorf("reason %q has no words", v)
		}
		r := models.Reason(v)
		fails := r != models.ReasonNone && r != models.ReasonScopeMissing // which only a test can have
		if fails && (shortReasons[r] == "" || staffReasons[r].title == "") || fails != slices.Contains(models.FailureReasons(), r) {
			t.Errorf("reason %q: a connection fails for it: %t", v, fails)
		}
	}
}

func TestEveryEventHasWords(t *testing.T) {
	for _, v := range constants(t, "EventKind") {
		w, ok := events[models.EventKind(v)]
		if !ok || w.Title == "" || w.Icon == "" || w.Tone == "" {
			t.Errorf("event %q has no words", v)
			continue
		}
		if got := w.Text(models.Event{Kind: models.EventKind(v), Outcome: models.OutcomeDenied}); strings.HasPrefix(got, " ") || got == "" {
			t.Errorf("event %q by nobody reads %q", v, got)
		}
	}
}

// An event that a newer program recorded does not break the page of staff.
func TestUnknownEventHasWords(t *testing.T) {
	p := staffPage(models.Connected, models.ReasonNone)
	p.View.Events = []models.Event{{Kind: "fraud_suspected", At: *ago(time.Hour)}}
	show(t, StaffConnection(p)).says("Something new", "fraud_suspected")
}

func TestEveryOutcomeHasWords(t *testing.T) {
	for _, v := range constants(t, "Outcome") {
		outcome := models.Outcome(v)
		if outcome == models.OutcomeConnected || outcome == models.OutcomeFinishing {
			continue // pages of their own
		}
		w := outcomes[outcome]
		for part, words := range map[string]string{
			"icon": w.icon, "title": w.title, "lead": w.lead, "happened": w.happened, "unchanged": w.unchanged,
			"kept": w.kept, "next": w.next, "again": w.again, "event": w.event,
		} {
			if words == "" {
				t.Errorf("outcome %q has no %s", v, part)
			}
		}
	}
}

func TestEveryFilterHasWords(t *testing.T) {
	for _, s := range models.Statuses() {
		if statusWords[s] == "" {
			t.Errorf("status %q has no words", s)
		}
	}
	for _, a := range models.Ages() {
		if ageWords[a] == "" {
			t.Errorf("age %q has no words", a)
		}
	}
	for _, o := range models.Orders() {
		if orderWords[o] == "" {
			t.Errorf("order %q has no words", o)
		}
	}
}

// A list's address is read as it was written.
func TestFilterInAddress(t *testing.T) {
	f := models.ConnectionFilter{
		Query: "north & co", Status: models.NeedsAttention, Environment: "integration", Way: models.GuidedWay,
		Reason: models.ReasonRateLimited, Age: models.ADay, Order: models.ByCompany,
	}
	u, err := url.Parse(ListAddress(f, models.Cursor{}))
	if err != nil || u.Path != listPath {
		t.Fatal(u, err)
	}
	if got := models.ParseFilter(u.Query()); got != f {
		t.Errorf("%+v, want %+v", got, f)
	}
	if plain := ListAddress(models.ConnectionFilter{}, models.Cursor{}); plain != listPath {
		t.Errorf("the whole list is at %s", plain)
	}
}
