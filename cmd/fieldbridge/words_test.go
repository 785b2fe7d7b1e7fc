package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// readersOf says for whom the texts in a file are, by the beginning of its path. The
// first that fits counts. Files that fit none have no texts for people.
var readersOf = []struct {
	path    string
	readers pagetest.Readers
}{
	{"views/pagetest/", 0},
	{"views/staff/", pagetest.Staff},
	{"views/developer", pagetest.Engineers},
	{"views/api", pagetest.Engineers},
	{"views/demo", pagetest.Audiences},
	{"views/tour", pagetest.Audiences},
	{"views/", pagetest.Contractors},
	{"handlers/staff", pagetest.Staff},
	{"handlers/developer", pagetest.Engineers},
	{"handlers/api/", pagetest.Engineers},
	{"handlers/sandbox/", pagetest.Audiences},
	{"handlers/browsertest/", 0},
	{"handlers/metrics", pagetest.Operators},
	{"handlers/", pagetest.Contractors},
	{"models/next_step.go", pagetest.Engineers},
	{"cmd/fieldbridge/testdata/", 0},
	{"cmd/fieldbridge/demo_", pagetest.Audiences},
	{"cmd/fieldbridge/", pagetest.Operators},
}

var (
	markup = regexp.MustCompile(`(?s)<(?:svg|style).*?</(?:svg|style)>|<[^>]*>`)
	// addresses of pages and servers are no words.
	addresses = regexp.MustCompile(`\S*(?:://|/:)\S*`)
	coded     = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`|<!--.*?-->")
)

// The texts of pages, letters, and commands, and the documents, have no words that
// their readers should not read. WellMade asks the same of each page as it is shown.
func TestHouseWords(t *testing.T) {
	texts := 0
	check := func(readers pagetest.Readers, file, text string) {
		texts++
		for _, misfit := range pagetest.Misfits(readers, addresses.ReplaceAllString(text, "·")) {
			t.Errorf("%s: %s", file, misfit)
		}
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		file, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || file == "bin" || file == "data"):
			return fs.SkipDir
		case strings.HasSuffix(file, ".md"):
			check(pagetest.Operators, file, coded.ReplaceAllString(read(t, path), "·"))
		case strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go"):
			for _, of := range readersOf {
				if strings.HasPrefix(file, of.path) {
					if of.readers != 0 {
						for _, text := range textsOf(t, path) {
							check(of.readers, file, text)
						}
					}
					break
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check(pagetest.Operators, "openapi.yaml", coded.ReplaceAllString(read(t, filepath.Join(root, "handlers/api/openapi.yaml")), "·"))
	if texts < 3000 {
		t.Errorf("only %d texts were read", texts)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// textsOf returns the strings in a Go file that have words, tags of fields among them.
// What templ has made of a page is one text.
func textsOf(t *testing.T, path string) (texts []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "WriteString" && len(n.Args) == 3 {
				page.WriteString(unquoted(n.Args[2]) + "·")
				return false
			}
		case *ast.BasicLit:
			if text := unquoted(n); strings.Contains(text, " ") {
				texts = append(texts, markup.ReplaceAllString(text, " "))
			}
		}
		return true
	})
	return append(texts, html.UnescapeString(markup.ReplaceAllString(page.String(), " ")))
}

// unquoted returns the value of a string, or nothing if it is none.
func unquoted(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		if text, err := strconv.Unquote(lit.Value); err == nil {
			return text
		}
	}
	return ""
}
