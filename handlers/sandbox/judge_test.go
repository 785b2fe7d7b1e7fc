package sandbox_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// Each breach that is planted is found, and what is allowed is not.
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
			got := strings.Join(sandbox.Breaches(tt.requests), "\n")
			if (tt.want == "") != (got == "") || !strings.HasPrefix(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// The sandbox knows which refresh tokens it would refuse, and since when.
func TestDeadSince(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := sandbox.New(sandbox.Options{
		URL: "https://issuer.example", ClientID: "cid.sandbox", ClientSecret: "cs1.stc_secret", AppKey: "ak1.stc_key",
		Scopes: []string{"offline_access"}, RefreshGrace: time.Minute, Now: func() time.Time { return now },
	})
	want := func(when, token string, dead bool, since time.Time) {
		t.Helper()
		if got, is := s.DeadSince(token); is != dead || !got.Equal(since) {
			t.Errorf("%s: dead %t since %s, want %t since %s", when, is, got, dead, since)
		}
	}
	token := s.NewGrant(842193311)
	want("new", token, false, time.Time{})
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {"cid.sandbox"}, "client_secret": {"cs1.stc_secret"}}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "https://issuer.example"+sandbox.PathToken, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.ServeHTTP(httptest.NewRecorder(), r)
	used := now
	want("used, within the grace time", token, false, time.Time{})
	now = now.Add(2 * time.Minute)
	want("used", token, true, used)
	other := s.NewGrant(842193311)
	s.RevokeGrants(842193311)
	want("withdrawn", other, true, now)
	want("never ours", "stc_unknown.token", true, time.Time{})
	if asked := s.Requests(); len(asked) != 1 || asked[0].Status != 200 || asked[0].About == "" || strings.Contains(token, asked[0].About) || !asked[0].Sent {
		t.Errorf("%+v", asked)
	}
}
