package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every promise of SECURITY.md names tests that exist.
func TestSecurityPromisesHaveTests(t *testing.T) {
	declared := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, name := range function.FindAllSubmatch(text, -1) {
			declared[string(name[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, ".github", "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	promises := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| promise ") || strings.HasPrefix(line, "| no. ") || strings.Contains(line, "| Does not apply: ") {
			continue
		}
		promises++
		names := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(line, -1)
		if len(names) == 0 {
			t.Errorf("no test proves this: %s", line)
		}
		for _, name := range names {
			if !declared[name[1]] {
				t.Errorf("there is no %s: %s", name[1], line)
			}
		}
	}
	if promises < 30 {
		t.Errorf("%d promises were read", promises)
	}
}

// Each file and folder that a document links to exists.
func TestDocumentsLinkToWhatExists(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)
	links := 0
	for _, file := range []string{"README.md", ".github/CONTRIBUTING.md", ".github/SECURITY.md", "cmd/fieldbridge/README.md", "handlers/README.md", "handlers/sandbox/README.md"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(to[1], "://") {
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(file), to[1])); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if links < 10 {
		t.Errorf("%d links were followed", links)
	}
}
