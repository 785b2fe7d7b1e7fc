package handlers_test

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers"
)

const svgLogo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><style>path { fill: red }</style><path d="M0 0h8v8z"/></svg>`

func pngLogo(t *testing.T, width, height int) string {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLogoIsServedForever(t *testing.T) {
	webp := "RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"
	for contentType, content := range map[string]string{"image/svg+xml": svgLogo, "image/png": pngLogo(t, 8, 8), "image/webp": webp} {
		logo, err := handlers.NewLogo([]byte(content))
		if err != nil {
			t.Errorf("%s: %v", contentType, err)
			continue
		}
		if !regexp.MustCompile(`^/static/logo\.[0-9a-f]{12}\.[a-z]+$`).MatchString(logo.Path) {
			t.Errorf("it is at %s", logo.Path)
		}
		w := httptest.NewRecorder()
		logo.ServeHTTP(w, httptest.NewRequest(http.MethodGet, logo.Path, http.NoBody))
		if w.Code != http.StatusOK || w.Body.String() != content {
			t.Errorf("%s: %d, %d bytes", contentType, w.Code, w.Body.Len())
		}
		for name, want := range map[string]string{
			"Content-Type": contentType, "Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", contentType, name, got, want)
			}
		}
	}
	one, _ := handlers.NewLogo([]byte(svgLogo))
	other, _ := handlers.NewLogo([]byte(svgLogo + "\n"))
	if one.Path == other.Path {
		t.Error("another logo has the same address")
	}
}

func TestLogoIsAnImageAndNothingElse(t *testing.T) {
	wide := pngLogo(t, 4096, 1)
	for what, content := range map[string]string{
		"nothing":           "",
		"text":              "Acme",
		"a page":            "<!DOCTYPE html><html><body>Acme</body></html>",
		"a GIF":             "GIF89a\x01\x00\x01\x00\x00\x00\x00;",
		"half a PNG":        wide[:20],
		"a wide PNG":        wide,
		"a large file":      svgLogo + strings.Repeat(" ", handlers.LargestLogo),
		"half an SVG":       svgLogo[:len(svgLogo)-6],
		"another namespace": `<svg><path d="M0 0h8v8z"/></svg>`,
		"a script":          strings.Replace(svgLogo, "<path", "<script>alert(1)</script><path", 1),
		"an event":          strings.Replace(svgLogo, "<path", `<path onload="alert(1)"`, 1),
		"a foreign object":  strings.Replace(svgLogo, "<path", "<foreignObject/><path", 1),
	} {
		if _, err := handlers.NewLogo([]byte(content)); err == nil {
			t.Errorf("%s is a logo", what)
		}
	}
}
