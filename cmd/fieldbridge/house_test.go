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

// Packages that stand on each other, from below. What a package is for, and which
// tables it owns, is in its doc.go.
var (
	onAccounts = []string{"models/retry", "models/secret", "models/seal", "models/servicetitan", "models/database", "models/accounts"}
	onWebhook  = append(slices.Clip(onAccounts), "models/failure", "models/calls", "models/outbound", "models/webhook")
	onOutage   = append(slices.Clip(onWebhook), "models/outage")
	onRecords  = append(slices.Clip(onOutage), "models")
	onKeeper   = append(slices.Clip(onRecords), "models/keeper")
	onCheck    = append(slices.Clip(onKeeper), "models/check")
	onConnect  = append(slices.Clip(onCheck), "models/connect")
	onSupport  = append(slices.Clip(onConnect), "models/support")
)

// mayImport says which of our packages each of our packages may import. A package
// without a row fails the test.
var mayImport = map[string][]string{
	"models/retry":        {},
	"models/secret":       {},
	"models/servicetitan": {"models/secret"},
	"models/seal":         {"models/secret"},
	"models/database":     {"models/retry", "models/secret", "models/seal"},
	"models/accounts":     {"models/retry", "models/secret", "models/seal", "models/database"},
	"models/failure":      {"models/retry", "models/database"},
	"models/calls":        {"models/servicetitan", "models/database"},
	"models/outbound":     {},
	"models/webhook":      {"models/retry", "models/secret", "models/seal", "models/database", "models/accounts", "models/outbound"},
	"models/outage":       {"models/retry", "models/servicetitan", "models/database"},
	"models":              onOutage,
	"models/keeper":       onRecords,
	"models/check":        onKeeper,
	"models/connect":      onCheck,
	"models/live":         onRecords,
	"models/support":      onConnect,
	"models/keyring":      onConnect,
	"models/demo":         onSupport,
	"models/readiness":    {"models/retry", "models/seal", "models/database", "models/keyring"},

	// A page of a company cannot show what only staff may see, and no page reaches the
	// keeper.
	"views":       append(slices.Clip(onRecords), "models/connect", "static"),
	"views/staff": append(slices.Clip(onRecords), "models/connect", "models/support", "static", "views"),

	"handlers":         append(slices.Clip(onSupport), "models/live", "models/readiness", "handlers/api", "handlers/request", "views", "views/staff", "static", ""),
	"handlers/api":     append(slices.Clip(onConnect), "handlers/request", "views", "static", ""),
	"handlers/request": onRecords,
	"handlers/sandbox": {"static"},
	"cmd/fieldbridge":  append(slices.Clip(onSupport), "models/live", "models/keyring", "models/demo", "models/readiness", "handlers", "handlers/api", "handlers/sandbox", "static"),
	"static":           {},
	"":                 {"static"},

	// Only tests import these.
	"models/testdb":                {},
	"models/modeltest":             append(slices.Clip(onSupport), "models/keyring", "models/testdb", "handlers/sandbox", "handlers/sandbox/sandboxtest"),
	"handlers/sandbox/sandboxtest": {"handlers/sandbox"},
	"handlers/api/apitest":         {"handlers/api"},
	"handlers/browsertest":         {"models/testdb"},
	"views/pagetest":               append(slices.Clip(onRecords), "static"),
}

// isTestPackage says whether only tests may import a package.
func isTestPackage(name string) bool {
	return strings.HasSuffix(name, "test") || name == "models/testdb"
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
			model := name == "models" || strings.HasPrefix(name, "models/") && name != "models/servicetitan" && name != "models/outbound" && !isTestPackage(name)
			if model && slices.Contains([]string{"net/http", "github.com/labstack/echo/v4", "github.com/a-h/templ"}, imported) {
				t.Errorf("%q may not know %s", name, imported)
			}
		}
	}
	if seen != len(mayImport) {
		t.Errorf("%d packages, %d rules", seen, len(mayImport))
	}
}

// Each table has one owner, whose doc.go names it.
func TestHouseTablesHaveOneOwner(t *testing.T) {
	made := map[string]bool{"goose_db_version": true} // by the library
	files, err := filepath.Glob(root + "/models/database/migrations/sqlite/*.sql")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d migrations, %v", len(files), err)
	}
	create, drop := regexp.MustCompile(`(?i)CREATE TABLE (?:IF NOT EXISTS )?(\w+)`), regexp.MustCompile(`(?i)DROP TABLE (?:IF EXISTS )?(\w+)`)
	rename := regexp.MustCompile(`(?i)ALTER TABLE (\w+) RENAME TO (\w+)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		for _, m := range create.FindAllStringSubmatch(up, -1) {
			made[m[1]] = true
		}
		for _, m := range drop.FindAllStringSubmatch(up, -1) {
			delete(made, m[1])
		}
		for _, m := range rename.FindAllStringSubmatch(up, -1) {
			delete(made, m[1])
			made[m[2]] = true
		}
	}
	docs, err := filepath.Glob(root + "/models/*/doc.go")
	if err != nil {
		t.Fatal(err)
	}
	owners := map[string][]string{}
	for _, doc := range append(docs, root+"/models/doc.go") {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		_, tables, _ := strings.Cut(string(text), "// Tables: ")
		tables, _, _ = strings.Cut(tables, "\n//\n")
		for _, word := range regexp.MustCompile(`\w+`).FindAllString(tables, -1) {
			if made[word] {
				owners[word] = append(owners[word], doc)
			}
		}
	}
	for table := range made {
		if len(owners[table]) != 1 {
			t.Errorf("table %s is named by the doc.go of %q, want one", table, owners[table])
		}
	}
}

// Only the keeper names the columns that hold the secrets of connections. Its type
// for them is unexported, and this keeps SQL from going around it.
func TestHouseOnlyTheKeeperReadsCredentials(t *testing.T) {
	columns, keeper := regexp.MustCompile(`\b(access|refresh)_sealed\b|\bsecret_sealed\b.*\bcredentials\b|\bcredentials\b.*\bsecret_sealed\b`), 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || !columns.Match(text) {
			return err
		}
		switch filepath.Base(filepath.Dir(path)) {
		case "keeper":
			keeper++
		case "modeltest", "testdb": // only tests import them
		default:
			t.Errorf("%s names a column of credentials", path)
		}
		return nil
	})
	if err != nil || keeper == 0 {
		t.Errorf("%d files of the keeper, %v", keeper, err)
	}
}

// What no source file may contain, and how long a file may be.
func TestHouseRules(t *testing.T) {
	forbidden := map[string]*regexp.Regexp{
		"an init function":         regexp.MustCompile(`(?m)^func init\(\)`),
		"templ's way past escapes": regexp.MustCompile(`templ\.(Raw|SafeURL|SafeCSS|SafeCSSProperty|JSUnsafeFuncCall|SafeScript)\b|templ\.SafeClass`),
		"a sleep in a test":        regexp.MustCompile(`time\.Sleep\(`),
	}
	// A constant in quotes becomes markup, and what views/markup.go escapes.
	toMarkup := regexp.MustCompile("[^.]\\bmarkup\\([^\"`]")
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
		if toMarkup.Match(text) && filepath.Base(path) != "markup.go" {
			t.Errorf("%s turns text into markup", path)
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
