package handlers_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// zipped asks for a page as a browser does that accepts gzip. from is its
// Sec-Fetch-Site.
func (b *browser) zipped(method, path, from string, pairs ...string) answer {
	b.Helper()
	return b.accepts(method, path, from, "gzip, deflate, br", pairs...)
}

func (b *browser) accepts(method, path, from, encodings string, pairs ...string) answer {
	b.Helper()
	var form map[string][]string
	if method == http.MethodPost {
		form = map[string][]string{}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		form[pairs[i]] = append(form[pairs[i]], pairs[i+1])
	}
	r := b.request(method, path, form)
	r.Header["Accept-Encoding"] = []string{encodings} // then the client does not unzip by itself
	if from != "" {
		r.Header.Set("Sec-Fetch-Site", from)
	}
	return b.send(r)
}

// unzip returns the body of a compressed answer.
func (r answer) unzip(t *testing.T) string {
	t.Helper()
	if r.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%s: not compressed", r.request)
	}
	z, err := gzip.NewReader(strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Pages are compressed for browsers that accept it. A page of another site, which could
// choose what is in the address, gets the length of no compressed page. Every page has
// its length.
func TestCompression(t *testing.T) {
	a := newApp(t)
	al := a.signUp("Northgate", "Al")
	path := al.connect("sandbox", northgate)
	plain := al.accepts(http.MethodGet, path, "none", "identity").want(t, 200, "Connected")
	for _, tt := range []struct {
		from, accepts string
		zipped        bool
	}{
		{"same-origin", "gzip", true},
		{"none", "gzip, deflate, br, zstd", true},
		{"none", "br;q=1.0, gzip;q=0.8", true},
		{"same-origin", "gzip;q=0", false},
		{"same-origin", "br", false},
		{"same-origin", "identity", false},
		{"same-site", "gzip", false},
		{"cross-site", "gzip", false},
		{"", "gzip", true},
	} {
		got := al.accepts(http.MethodGet, path, tt.from, tt.accepts)
		if got.status != 200 || (got.header.Get("Content-Encoding") == "gzip") != tt.zipped {
			t.Errorf("from %q, accepting %q: status %d, encoding %q", tt.from, tt.accepts, got.status, got.header.Get("Content-Encoding"))
		}
		if got.header.Get("Content-Length") != strconv.Itoa(len(got.body)) || !slices.Equal(got.header.Values("Vary"), []string{"Cookie", "Accept-Encoding, Sec-Fetch-Site"}) {
			t.Errorf("from %q, accepting %q: length %q of %d, vary %q", tt.from, tt.accepts, got.header.Get("Content-Length"), len(got.body), got.header.Values("Vary"))
		}
		if tt.zipped {
			if len(got.body) > len(plain.body)/2 || timeMarkup.ReplaceAllString(got.unzip(t), "") != timeMarkup.ReplaceAllString(plain.body, "") {
				t.Errorf("from %q, accepting %q: another page, of %d bytes", tt.from, tt.accepts, len(got.body))
			}
		}
	}
	if missing := al.zipped(http.MethodGet, "/nowhere", "none"); missing.status != 404 || !strings.Contains(missing.unzip(t), "Support code") {
		t.Errorf("a page that does not exist: %d", missing.status)
	}
	for _, path := range []string{"/activity.csv", "/session"} {
		if got := al.zipped(http.MethodGet, path, "same-origin"); got.header.Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed", path)
		}
	}
}

// A page that shows a secret is never compressed.
func TestPagesWithSecretsAreNotCompressed(t *testing.T) {
	a := newApp(t)
	al, ada := a.signUp("Northgate", "Al"), a.staff("Ada", accounts.Admin)
	path := al.connect("sandbox", northgate)
	plain := func(name string, got answer, has string) {
		t.Helper()
		if got.header.Get("Content-Encoding") != "" || !strings.Contains(got.body, has) {
			t.Errorf("%s: status %d, encoding %q", name, got.status, got.header.Get("Content-Encoding"))
		}
	}
	const same = "same-origin"
	plain("a link to connect", al.zipped(http.MethodPost, path+"/ask", same), "Copy it now. It is shown only this once.")
	al.post("/settings/passkeys/confirm", "password", password, "for", "code").want(a, 303)
	setUp := al.zipped(http.MethodGet, "/settings/passkeys/code", same)
	plain("the key of codes", setUp, `id="factor-key"`)
	al.factorKey = strings.ReplaceAll(factorKey.FindStringSubmatch(setUp.body)[1], " ", "")
	plain("recovery codes", al.zipped(http.MethodPost, "/settings/passkeys/code", same, "do", "on", "code", al.code()), "Your recovery codes")
	plain("a link for staff", ada.zipped(http.MethodPost, "/staff/team", same, "email", "new@fieldbridge.example", "role", "support"), "?token=")
	half := a.newBrowser()
	half.choosePassword(a.addStaff("half@fieldbridge.example", accounts.Admin), "Half", password).want(a, 303)
	plain("the key of codes of staff", half.zipped(http.MethodGet, "/staff/factor", same), `id="factor-key"`)
}

// No page has a secret of the session, such as a token against forged requests: two
// sessions of a person get the same pages, byte for byte.
func TestPagesHaveNoSecretOfTheSession(t *testing.T) {
	a := newApp(t)
	al := a.signUp("Northgate", "Al")
	connection := al.connect("sandbox", northgate)
	other := al.device("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	same := 0
	for _, page := range pages() {
		switch page {
		case "/settings/devices": // says which of the sessions is the reader's
			continue
		case "/connect/review": // names the choice of the session, and no other session finds it by that name
			continue
		}
		address := strings.NewReplacer(":id", strings.TrimPrefix(connection, "/connections/"), ":environment", "sandbox", ":token", "0123456789abcdef").Replace(page)
		seen := func(m *member) string {
			return supportCode.ReplaceAllString(timeMarkup.ReplaceAllString(m.get(address).body, ""), "")
		}
		if one, two := seen(al), seen(other); one != two {
			t.Errorf("%s differs:\n%s\n%s", page, text(one), text(two))
		} else if len(one) > 1000 {
			same++
		}
	}
	if same < 30 {
		t.Errorf("compared %d pages", same)
	}
}
