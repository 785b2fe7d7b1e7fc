package sandboxtest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox/sandboxtest"
)

// Breaches finds each planted breach, and nothing that is allowed.
func TestBreaches(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(1_700_000_000_000 + int64(ms)) }
	token := func(grantType, about string, from, to int, sent bool) sandbox.Request {
		return sandbox.Request{
			Time: at(from), Path: sandbox.PathToken, GrantType: grantType, About: about,
			Ended: at(to), Sent: sent, BeganAs: from, EndedAs: to,
		}
	}
	refresh := func(from, to int) sandbox.Request { return token("refresh_token", "a", from, to, true) }
	tests := map[string]struct {
		requests []sandbox.Request
		want     string
	}{
		"nothing":                 {},
		"one after another":       {[]sandbox.Request{refresh(0, 10), refresh(10, 20)}, ""},
		"two grants":              {[]sandbox.Request{refresh(0, 10), token("refresh_token", "b", 5, 20, true)}, ""},
		"two codes":               {[]sandbox.Request{token("authorization_code", "a", 0, 9, true), token("authorization_code", "b", 5, 9, true)}, ""},
		"lost, then asked again":  {[]sandbox.Request{token("refresh_token", "a", 0, 10_000, false), refresh(9_999, 10_010)}, ""},
		"I1 a code twice":         {[]sandbox.Request{token("authorization_code", "a", 0, 9, true), token("authorization_code", "a", 20, 29, true)}, "I1"},
		"I2 two at once":          {[]sandbox.Request{refresh(0, 10), refresh(9, 20)}, "I2"},
		"I2 inside of a long one": {[]sandbox.Request{refresh(0, 100), token("refresh_token", "b", 1, 2, true), refresh(50, 60)}, "I2"},
		"I2 behind a short one":   {[]sandbox.Request{refresh(0, 100), refresh(50, 60), refresh(70, 80)}, "I2"},
		"I2 while one waits":      {[]sandbox.Request{refresh(0, 0), refresh(50, 60)}, "I2"},
		"I2 a client's":           {[]sandbox.Request{token("client_credentials", "c", 0, 10, true), token("client_credentials", "c", 5, 15, true)}, "I2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(sandboxtest.Breaches(tt.requests), "\n")
			if (tt.want == "") != (got == "") || !strings.HasPrefix(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestSecretsAreNotKeptUnasked(t *testing.T) {
	o := sandbox.Options{URL: "https://issuer.example", Scopes: []string{"offline_access"}}
	quiet, recording := sandboxtest.New(o), sandboxtest.NewRecording(o)
	quiet.GiveAccess(842193311)
	if n := len(quiet.Secrets()); n != 0 {
		t.Errorf("%d secrets are kept", n)
	}
	given := recording.GiveAccess(842193311)
	if kept := recording.Secrets(); len(kept) != 2 || !slices.Contains(kept, given.AccessToken) || !slices.Contains(kept, given.RefreshToken) {
		t.Errorf("%d secrets are kept, want the two that were given", len(kept))
	}
}
