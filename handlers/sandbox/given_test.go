package sandbox_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// pine is a tenant that the sandbox does not have by default.
const pine = 700100200

func withPine(o *sandbox.Options) {
	o.Tenants = []sandbox.Tenant{{ID: pine, Name: "Pine Street Plumbing", City: "Salem", State: "OR", BusinessUnits: []sandbox.BusinessUnit{{ID: 7, Name: "Drains", Active: true}}}}
}

// Access that was given without the pages works and ends like any other.
func TestGivenAccess(t *testing.T) {
	t.Parallel()
	s := start(t, withPine)
	given := s.GiveAccess(pine)
	if r := s.businessUnits(pine, "", given.AccessToken); r.status != http.StatusOK || !strings.Contains(r.body, `"Pine Street Plumbing"`) || !strings.Contains(r.body, `"Salem"`) {
		t.Errorf("the API answers %d %s", r.status, r.body)
	}
	if got := given.ExpiresAt.Sub(s.Now()); got != s.Settings().AccessTokenLife {
		t.Errorf("it lives for %s", got)
	}
	next, err := s.refresh(t.Context(), given.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	s.EndGrants(pine)
	if _, err := s.refresh(t.Context(), next.RefreshToken); err == nil {
		t.Error("it is renewed after its end")
	}
}

func TestGivenClient(t *testing.T) {
	t.Parallel()
	s := start(t, withPine)
	given, err := s.GiveClient(pine)
	if err != nil || given.RefreshToken != "" {
		t.Fatalf("%+v, %v", given, err)
	}
	s.wantAPI(pine, given.AccessToken, http.StatusOK)
	form := map[string][]string{"grant_type": {"client_credentials"}, "client_id": {given.ClientID}, "client_secret": {given.ClientSecret}}
	s.wantAPI(pine, s.ownToken(form).AccessToken, http.StatusOK)
	if _, err := s.GiveClient(1); !errors.Is(err, sandbox.ErrNoTenant) {
		t.Errorf("an unknown tenant is given a client: %v", err)
	}
}

// The company that the request names comes first, however many there are.
func TestConsentOffersTheOneAskedFor(t *testing.T) {
	t.Parallel()
	s := start(t, withPine)
	address := s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()), oauth2.SetAuthURLParam("acr_values", "tenant:700100200"))
	page := s.signIn(address)
	first, others := strings.Index(page, "Pine Street Plumbing"), strings.Index(page, "Other companies")
	if first < 0 || others < first || strings.Contains(page[others:], "Pine Street Plumbing") {
		t.Errorf("it is at %d, the others at %d", first, others)
	}
	if _, fields := s.form(page); fields.Get("tenant") != "700100200" {
		t.Errorf("tenant %s is chosen", fields.Get("tenant"))
	}
}

// A program that keeps something of its own resets in place of the sandbox.
func TestResetOfMore(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fails  error
		status int
	}{
		"done":   {nil, http.StatusNoContent},
		"failed": {errors.New("no"), http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			s := start(t, func(o *sandbox.Options) {
				o.OnReset = func(context.Context) error { asked++; return tt.fails }
			})
			given := s.GiveAccess(northgate)
			r := s.request(http.MethodPost, "/control/reset", nil)
			r.Header.Set("Content-Type", "application/json")
			if got := s.send(r); got.status != tt.status || asked != 1 {
				t.Errorf("answer %d after %d questions", got.status, asked)
			}
			if _, dead := s.DeadSince(given.RefreshToken); dead {
				t.Error("the sandbox has reset itself")
			}
		})
	}
}
