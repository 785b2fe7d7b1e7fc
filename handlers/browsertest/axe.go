package browsertest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// axePath is the path where npm installs axe-core, below the repository's root.
const axePath = ".ci/node_modules/axe-core/axe.min.js"

type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Where string `json:"where"`
}

// Accessible fails the test if axe-core finds a problem on the page, or if the page is
// wider than the window.
func (p *Page) Accessible() {
	p.Helper()
	if p.Value(`typeof axe`) == "undefined" { // axe is not loaded on this page yet
		script, err := os.ReadFile(findUp(axePath))
		if err != nil {
			testdb.Missing(p, "axe-core")
		}
		p.Value(string(script) + `;""`)
	}
	var found []violation
	if err := json.Unmarshal([]byte(p.Value(`axe.run(document, { resultTypes: ["violations"], preload: false, iframes: false }).then(r => JSON.stringify(r.violations.map(v => ({
		id: v.id, help: v.help, where: v.nodes.map(n => n.target.join(" ")).join("; ")}))))`)), &found); err != nil {
		p.Fatal(err)
	}
	for _, v := range found {
		p.Errorf("%s: %s: %s (%s)", p.Address(), v.ID, v.Help, v.Where)
	}
	if wide := p.Value(`document.documentElement.scrollWidth > innerWidth ? "wide" : ""`); wide != "" {
		p.Errorf("%s: the page scrolls sideways", p.Address())
	}
}

// findUp finds a path in this directory or one above it.
func findUp(path string) string {
	for range 6 {
		if _, err := os.Stat(path); err == nil {
			return path
		}
		path = filepath.Join("..", path)
	}
	return strings.TrimLeft(path, "./")
}
