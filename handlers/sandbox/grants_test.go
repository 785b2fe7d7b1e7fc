package sandbox_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

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
