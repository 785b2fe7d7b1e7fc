package browsertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers/browsertest"
)

// hard is a page that is hard to use in each of the ways that Usable looks for.
const hard = `<!doctype html><meta name="viewport" content="width=device-width"><title>x</title><style>
	div { width: 700px }
	[data-bare] { appearance: none; border: 0; width: 60px; height: 60px }
	small button { width: 20px; height: 20px }
	:focus { outline: none }
	@keyframes turn { to { rotate: 1turn } }
	b { animation: turn 1s infinite; display: inline-block }
</style><main><p id="moves">One line</p><div>wide</div><input data-bare aria-label="Bare"><small><button>Small</button></small><b>turns</b></main>
<script>
	document.querySelector("small button").addEventListener("focus", event => event.target.blur());
	const moves = document.querySelector("#moves");
	const next = n => requestAnimationFrame(() => n ? next(n - 1) : (moves.style.marginTop = "300px", moves.textContent = "It has moved"));
	next(4);
</script>`

// Usable finds each kind of problem, and weighs the page.
func TestUsableFindsProblems(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(hard))
	}))
	defer server.Close()
	r := &detailed{recorder: recorder{TB: t}}
	p := browsertest.Open(r)
	p.ForUsable()
	p.Goto(server.URL)
	p.See("It has moved")
	if weight := p.Usable(); weight != len(hard) {
		t.Errorf("%d bytes, want %d", weight, len(hard))
	}
	for _, f := range r.cleanup {
		f()
	}
	said := strings.Join(r.said, "\n")
	for _, want := range []string{
		"while it loaded", "turn moves b", "has no outline", "not a link to the content", "cannot be seen in forced colors",
		"scrolls sideways at 640", "scrolls sideways at 320", "“Small” is 20 × 20 pixels",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not found", want)
		}
	}
	if t.Failed() {
		t.Log(said)
	}
}

// detailed collects what would fail a test, in whole sentences.
type detailed struct{ recorder }

func (d *detailed) Errorf(format string, args ...any) {
	d.said = append(d.said, fmt.Sprintf(format, args...))
}
