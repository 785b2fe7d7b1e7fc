package sandbox_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

func TestManyTenants(t *testing.T) {
	s := start(t, func(o *sandbox.Options) { o.Tenants = sandbox.GeneratedTenants(2) })
	before := len(sandbox.SampleTenants()) + 2
	if got := s.Tenants(); len(got) != before || got[before-1].ID != 200_000_002 || got[before-1].Name != "Test company 00002" {
		t.Fatalf("there are %d tenants, the last is %+v", len(got), got[len(got)-1])
	}
	made, err := s.MakeTenants(3)
	if err != nil || len(made) != 3 || made[0].ID != 200_000_003 || made[0].Name != "Test company 00003" {
		t.Fatalf("made %+v, %v", made, err)
	}
	// Generated tenants work like the others.
	if err := errors.Join(s.AddTenant(200_000_005), s.Allow(200_000_005)); err != nil {
		t.Error(err)
	}
	for _, n := range []int{-1, 0, sandbox.MostTenants - 4, sandbox.MostTenants + 1} {
		if _, err := s.MakeTenants(n); !errors.Is(err, sandbox.ErrTooManyTenants) {
			t.Errorf("%d more: %v", n, err)
		}
	}
	if r := s.control("POST", "tenants", `{"count":1}`); r.status != 201 || r.body != `{"tenants":[{"id":200000006,"name":"Test company 00006"}]}` {
		t.Errorf("made %d %s", r.status, r.body)
	}
	if r := s.control("POST", "tenants", `{"count":99999}`); r.status != 422 {
		t.Errorf("too many are answered %d", r.status)
	}
	if _, err := s.MakeTenants(sandbox.MostTenants - 6); err != nil {
		t.Error(err)
	}
	s.Reset()
	if got := len(s.Tenants()); got != before {
		t.Errorf("after a reset there are %d tenants, want %d", got, before)
	}
}

// With GraceUntilUsed, a used refresh token works until the access token that came
// after it is used, however long that takes.
func TestGraceUntilUsed(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *sandbox.Options) { o.GraceUntilUsed = true })
	first := s.connect(northgate)
	s.pass(time.Second)
	var last string
	var access string
	for range 3 { // the answers are lost
		token, err := s.refresh(t.Context(), first.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		last, access = token.RefreshToken, token.AccessToken
		s.pass(10 * time.Minute)
	}
	if _, dead := s.DeadSince(first.RefreshToken); dead {
		t.Error("the first token is said to be dead")
	}
	s.wantAPI(northgate, access, 200)
	if _, dead := s.DeadSince(first.RefreshToken); !dead {
		t.Error("the first token is said to be good")
	}
	if _, err := s.refresh(t.Context(), last); err != nil {
		t.Errorf("the newest is refused: %v", err)
	}
	s.wantRefreshRefused(first.RefreshToken)
}

func TestConsentSaysThatATenantIsUnknown(t *testing.T) {
	t.Parallel()
	for hint, says := range map[string]bool{"": false, "tenant:905118274": false, "tenant:1": true, "tenant:<b>": true} {
		s := start(t)
		page := s.signIn(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()), oauth2.SetAuthURLParam("acr_values", hint)))
		if strings.Contains(page, "does not know tenant") != says || strings.Contains(page, "<b>") && hint == "tenant:<b>" && strings.Contains(page, "tenant <b>") {
			t.Errorf("%q: %s", hint, page)
		}
	}
}
