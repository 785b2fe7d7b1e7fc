package static

import (
	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/js"
)

// minifier returns what makes stylesheets and scripts shorter, without changing what they
// do.
func minifier() *minify.M {
	m := minify.New()
	m.AddFunc(".css", css.Minify)
	m.AddFunc(".js", js.Minify)
	return m
}

// minified returns a file as it is served.
func minified(m *minify.M, text []byte, extension string) []byte {
	if extension != ".css" && extension != ".js" {
		return text
	}
	short, err := m.Bytes(extension, text)
	if err != nil {
		panic(err) // a mistake in our own code
	}
	return short
}
