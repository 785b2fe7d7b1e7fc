package api

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"github.com/fieldbridge/fieldbridge/views"
)

//go:embed examples
var exampleFiles embed.FS

// examples lists the examples of the page, and their files.
var examples = []struct {
	views.APIExample
	names []string
}{
	{views.APIExample{ID: "read-a-token", Title: "Read a token", Lead: "Lists the connections that work, and reads their access tokens."}, []string{"access.sh", "access.go", "access.ts", "access.py"}},
	{views.APIExample{ID: "open-a-connect-session", Title: "Open a connect session", Lead: "Sends one of your customers to connect ServiceTitan, and back to you."}, []string{"session.sh", "session.go", "session.ts", "session.py"}},
	{views.APIExample{ID: "send-people-there", Title: "Send people there", Lead: "Your pages before and after a connect session. Use the query of the return URL only for what your page shows. Before your app does anything, it reads the session, or waits for the webhook."}, []string{"full-page.go", "popup.html"}},
	{views.APIExample{ID: "verify-a-webhook", Title: "Verify a webhook", Lead: "Accepts only what Fieldbridge has signed. Standard Webhooks has libraries for many languages that do the same."}, []string{"verify.go", "verify.ts", "verify.py"}},
}

// languages names the languages of the examples, or what a file shows.
var languages = map[string]string{
	".sh": "curl", ".go": "Go", ".ts": "TypeScript", ".py": "Python",
	"full-page.go": "As a full page, in Go", "popup.html": "In a popup",
}

// examplesAt returns the examples for a Fieldbridge with an address.
func examplesAt(base string) ([]views.APIExample, error) {
	list := make([]views.APIExample, len(examples))
	for i, e := range examples {
		list[i] = e.APIExample
		for _, name := range e.names {
			text, err := exampleFiles.ReadFile("examples/" + name)
			if err != nil {
				return nil, fmt.Errorf("read example: %w", err)
			}
			language, ok := languages[name]
			if !ok {
				language = languages[path.Ext(name)]
			}
			plain := strings.TrimSpace(strings.TrimPrefix(string(text), "//go:build ignore\n"))
			list[i].Files = append(list[i].Files, views.APIFile{Language: language, Name: name, Text: strings.ReplaceAll(plain, exampleBase, base)})
		}
	}
	return list, nil
}
