package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/fieldbridge/fieldbridge"
)

// The top level has only these, besides LICENSE and dot files.
func TestHouseTopLevel(t *testing.T) {
	want := []string{"Makefile", "README.md", "cmd", "go.mod", "go.sum", "handlers", "models", "static", "templ.go", "views"}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	made := []string{"bin", "data"} // by make build and make run; git ignores them
	var got []string
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && name != "LICENSE" && !slices.Contains(made, name) {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// mayImport lists the packages of ours that each of our packages may import. A package
// that is not listed may import none.
var mayImport = map[string][]string{
	"cmd/fieldbridge":              {"handlers", "handlers/sandbox", "models", "models/seal", "models/secret", "models/servicetitan", "static"},
	"handlers":                     {"views", "views/staff", "models", "models/secret", "models/servicetitan", "static", ""},
	"handlers/sandbox":             {"static"},
	"handlers/sandbox/sandboxtest": {"handlers/sandbox"},
	"handlers/browsertest":         {"models/testdb"},
	"views":                        {"models", "static"},
	"views/staff":                  {"views", "models", "models/secret"},
	"views/pagetest":               {"models", "static"},
	"models":                       {"models/servicetitan", "models/seal", "models/secret", "models/retry"},
	"models/retry":                 {},
	"models/secret":                {},
	"models/servicetitan":          {"models/secret"},
	"models/seal":                  {},
	"models/testdb":                {},
	"static":                       {},
	"":                             {},
}

func TestImportRules(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	local := func(path string) (string, bool) {
		if path == module {
			return "", true
		}
		return strings.CutPrefix(path, module+"/")
	}
	seen := 0
	for d := json.NewDecoder(bytes.NewReader(out)); ; seen++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name, _ := local(p.ImportPath)
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("package %q has no import rule", name)
		}
		for _, imported := range p.Imports {
			if to, ours := local(imported); ours && !slices.Contains(allowed, to) {
				t.Errorf("%q may not import %q", name, to)
			}
			if name == "models" && slices.Contains([]string{"net/http", "github.com/labstack/echo/v4", "github.com/a-h/templ"}, imported) {
				t.Errorf("models may not know %s", imported)
			}
		}
	}
	if seen != len(mayImport) {
		t.Errorf("%d packages, %d rules", seen, len(mayImport))
	}
}

// What no source file may contain, and how long a file may be.
func TestHouseRules(t *testing.T) {
	forbidden := map[string]*regexp.Regexp{
		"an init function":         regexp.MustCompile(`(?m)^func init\(\)`),
		"templ's way past escapes": regexp.MustCompile(`templ\.(Raw|SafeURL|SafeCSS|SafeCSSProperty|JSUnsafeFuncCall|SafeScript)\b|templ\.SafeClass`),
		"a sleep in a test":        regexp.MustCompile(`time\.Sleep\(`),
	}
	quick := regexp.MustCompile(`\.QuickHashes\b`)
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == "data") {
			return filepath.SkipDir
		}
		generated := strings.HasSuffix(path, "_templ.go")
		if (filepath.Ext(path) != ".go" && filepath.Ext(path) != ".templ") || generated || d.Name() == "house_test.go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for what, pattern := range forbidden {
			if pattern.Match(text) {
				t.Errorf("%s has %s", path, what)
			}
		}
		if quick.Match(text) && !strings.HasSuffix(path, "_test.go") && filepath.Base(filepath.Dir(path)) != "modeltest" {
			t.Errorf("%s hashes passwords as only tests may", path)
		}
		if lines := bytes.Count(text, []byte("\n")); lines > 400 && !strings.HasSuffix(path, "_test.go") {
			t.Errorf("%s has %d lines", path, lines)
		}
		return nil
	})
	if err != nil || files < 50 {
		t.Errorf("%d files, %v", files, err)
	}
}
