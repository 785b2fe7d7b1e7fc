package browsertest_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers/browsertest"
)

func TestMain(m *testing.M) { os.Exit(browsertest.Main(m.Run)) }

// recorder collects what would fail a test.
type recorder struct {
	testing.TB
	said    []string
	cleanup []func()
}

func (r *recorder) Errorf(format string, args ...any) { r.said = append(r.said, format) }
func (r *recorder) Cleanup(f func())                  { r.cleanup = append(r.cleanup, f) }

// The checks must find each kind of problem that they look for.
func TestProblemsAreFound(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		_, _ = w.Write([]byte(`<!doctype html><title>x</title><p style="color:red">shown</p><img src="/missing.png">`))
	}))
	defer server.Close()
	r := &recorder{TB: t}
	p := browsertest.Open(r)
	p.Goto(server.URL)
	p.See("shown")
	p.Accessible()
	for _, f := range r.cleanup {
		f()
	}
	said := strings.Join(r.said, "\n")
	if !strings.Contains(said, "%s: %s: %s") || strings.Count(said, "the browser's console says") < 2 {
		t.Errorf("found only: %s", said)
	}
}
