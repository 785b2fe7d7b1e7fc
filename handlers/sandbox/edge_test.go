package sandbox_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// Another site's page cannot reach the sandbox under a name of its own.
func TestOtherHostsAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.url, "http://"), ":")
	for _, host := range []string{"attacker.example", "attacker.example:" + port, "localhost:" + port, "127.0.0.1", "127.0.0.1:1"} {
		for _, path := range []string{"/", "/connect/token", "/static/app.css"} {
			r := s.request(http.MethodPost, path, url.Values{})
			r.Host = host
			if got := s.send(r); got.status != http.StatusMisdirectedRequest {
				t.Errorf("%s at %s is answered %d, want 421", path, host, got.status)
			}
		}
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d of them are noted", n)
	}
}

func TestEveryPageIsMarkedAndGuarded(t *testing.T) {
	t.Parallel()
	s := start(t)
	authorize := s.config.AuthCodeURL("<script>", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
	pages := map[string]reply{"home": s.get("/"), "error": s.get("/connect/authorize"), "sign-in": s.get(authorize)}
	s.signIn(authorize)
	pages["consent"] = s.get(authorize)
	pages["portal"], pages["tenant"] = s.get("/portal"), s.get("/tenant/842193311")
	pages["review"] = s.get("/tenant/842193311/review")
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			for _, words := range []string{"SANDBOX – not ServiceTitan", `<html lang="en">`, "<h1>", `<main id="main">`} {
				if !strings.Contains(page.body, words) {
					t.Errorf("%q is not on the page", words)
				}
			}
			for _, words := range []string{"<script", "<style", " style=", " onclick="} {
				if name == "home" && words == "<script" {
					continue // it keeps itself current with one script, from a file
				}
				if strings.Contains(page.body, words) {
					t.Errorf("%q is on the page", words)
				}
			}
		})
	}
	pages["nowhere"] = s.get("/nowhere")
	pages["metadata"] = s.get("/.well-known/openid-configuration")
	for name, page := range pages {
		policy := "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self' http://localhost:8080"
		if name == "home" {
			policy += "; script-src 'self'; connect-src 'self'"
		}
		for header, want := range map[string]string{
			"Content-Security-Policy": policy,
			"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		} {
			if got := page.header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
	}
}

func TestBodiesAreLimited(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/connect/token", "/connect/revocation", "/reset"} {
		if r := s.post(path, url.Values{"token": {strings.Repeat("x", 64<<10)}}); r.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s answers %d, want 413", path, r.status)
		}
	}
	r := s.request(http.MethodPost, "/connect/token", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Body = http.NoBody
	r.URL.RawQuery = "a=%zz"
	s.wantRefused(s.send(r), "invalid_request")
}

func TestLogHasNoSecrets(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := start(t, func(o *sandbox.Options) {
		o.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	token := s.connect(northgate)
	s.wantAPI(northgate, token.AccessToken, http.StatusOK)
	s.wantRefreshRefused(token.RefreshToken + "x")
	if !strings.Contains(log.String(), `"error":"invalid_grant"`) {
		t.Error("the refusal is not in the log")
	}
	for _, secret := range s.Secrets() {
		if strings.Contains(log.String(), secret) {
			t.Error("a secret is in the log")
		}
	}
}

func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	s := start(t)
	const asked = 40_100
	r := s.request(http.MethodGet, "/.well-known/openid-configuration", nil)
	for range asked {
		s.ServeHTTP(discard{}, r)
	}
	if n := s.Count(sandbox.PathDiscovery); n != asked {
		t.Errorf("%d counted, want %d", n, asked)
	}
	if n := len(s.Requests()); n != 20_000 {
		t.Errorf("%d requests are kept, want 20,000", n)
	}
}

// discard is a response writer that drops everything.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) WriteHeader(int)             {}
func (discard) Write(p []byte) (int, error) { return len(p), nil }
