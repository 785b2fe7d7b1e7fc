package sandbox_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

func (s *stand) wantFired(kind sandbox.FaultKind, n int) {
	s.Helper()
	if got := s.Fired(kind); got != n {
		s.Errorf("%s fired %d times, want %d", kind, got, n)
	}
	noted := 0
	for _, q := range s.Requests() {
		if q.Fault == kind {
			noted++
		}
	}
	if noted != n {
		s.Errorf("%s is noted at %d requests, want %d", kind, noted, n)
	}
}

func refreshForm(token *oauth2.Token) url.Values {
	return tokenForm("grant_type", "refresh_token", "refresh_token", token.RefreshToken)
}

// Faults that replace the answer leave the refresh token valid.
func TestFaultsThatReplaceTheAnswer(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault      sandbox.Fault
		status     int
		retryAfter string
		body       string
	}{
		"500":              {sandbox.Fault{Kind: sandbox.Status500}, 500, "", "Internal Server Error"},
		"503":              {sandbox.Fault{Kind: sandbox.Status503, RetryAfter: 2 * time.Minute}, 503, "120", "Service Unavailable"},
		"429":              {sandbox.Fault{Kind: sandbox.Status429, RetryAfter: 1500 * time.Millisecond}, 429, "2", "try again in 2 seconds\""},
		"429 without wait": {sandbox.Fault{Kind: sandbox.Status429}, 429, "1", "try again in 1 seconds\""},
		"garbage":          {sandbox.Fault{Kind: sandbox.Garbage}, 200, "", "<html>"},
		"custom":           {sandbox.Fault{Kind: sandbox.CustomToken, Status: 201, ContentType: "application/json", Body: `{"access_token":1}`}, 201, "", `{"access_token":1}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			token := s.connect(northgate)
			test.fault.Times = 2
			s.SetFault(test.fault)
			for range 2 {
				r := s.post("/connect/token", refreshForm(token))
				if r.status != test.status || r.header.Get("Retry-After") != test.retryAfter || !strings.Contains(r.body, test.body) {
					t.Errorf("answer %d, Retry-After %q:\n%s", r.status, r.header.Get("Retry-After"), r.body)
				}
			}
			if _, err := s.refresh(t.Context(), token.RefreshToken); err != nil {
				t.Errorf("after the fault: %v", err)
			}
			s.wantFired(test.fault.Kind, 2)
		})
	}
}

func TestFaultsOfTheAPI(t *testing.T) {
	t.Parallel()
	for kind, status := range map[sandbox.FaultKind]int{sandbox.Status401: 401, sandbox.Status403: 403, sandbox.Status404: 404} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := start(t)
			token, other := s.connect(northgate), s.connect(south)
			s.SetFault(sandbox.Fault{Kind: kind, TenantID: northgate})
			s.wantAPI(northgate, token.AccessToken, status)
			s.wantAPI(south, other.AccessToken, http.StatusOK)
			s.wantFired(kind, 1)
			s.ClearFaults()
			s.wantAPI(northgate, token.AccessToken, http.StatusOK)
		})
	}
}

func TestConnectionResets(t *testing.T) {
	t.Parallel()
	for kind, worked := range map[sandbox.FaultKind]bool{sandbox.ResetBefore: false, sandbox.ResetAfter: true} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := start(t)
			token := s.connect(northgate)
			s.SetFault(sandbox.Fault{Kind: kind, Times: 1})
			if _, err := s.try(s.request(http.MethodPost, "/connect/token", refreshForm(token))); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("request ends with %v, want a reset", err)
			}
			s.wantFired(kind, 1)
			if n := s.Count(sandbox.PathToken); n != 2 {
				t.Errorf("%d token requests, want 2", n)
			}
			if worked {
				s.wantRefreshRefused(token.RefreshToken)
			} else if _, err := s.refresh(t.Context(), token.RefreshToken); err != nil {
				t.Errorf("after the fault: %v", err)
			}
		})
	}
}

func TestMissingExpiresIn(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.connect(northgate)
	s.SetFault(sandbox.Fault{Kind: sandbox.MissingExpiresIn, Times: 1})
	var body map[string]any
	if err := json.Unmarshal([]byte(s.post("/connect/token", refreshForm(token)).body), &body); err != nil {
		t.Fatal(err)
	}
	if _, has := body["expires_in"]; has || len(body) != 4 {
		t.Errorf("answer has %d fields, expires_in: %t", len(body), has)
	}
	s.wantFired(sandbox.MissingExpiresIn, 1)
	// A refusal has no expires_in to remove.
	s.SetFault(sandbox.Fault{Kind: sandbox.MissingExpiresIn, Times: 1})
	s.wantRefreshRefused("stc_A.B")
	s.wantFired(sandbox.MissingExpiresIn, 1)
}

// The callback names the issuer (RFC 9207), also when it carries an error.
func TestIssuerFaults(t *testing.T) {
	t.Parallel()
	for kind, want := range map[sandbox.FaultKind]string{sandbox.WrongIssuer: "https://issuer.example", sandbox.NoIssuer: ""} {
		for _, decision := range []string{"allow", "deny"} {
			t.Run(string(kind)+" "+decision, func(t *testing.T) {
				t.Parallel()
				s := start(t)
				s.SetFault(sandbox.Fault{Kind: kind, Times: 1})
				q := s.decide(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), northgate, decision)
				if q.Get("iss") != want || q.Has("iss") != (want != "") || q.Get("state") != "a-state" || q.Has("code") != (decision == "allow") {
					t.Errorf("callback has %v", q)
				}
				s.wantFired(kind, 1)
			})
		}
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.connect(northgate)
	s.SetFault(sandbox.Fault{Kind: sandbox.Hold})
	type result struct {
		reply
		error
	}
	answers := make(chan result, 2)
	for _, form := range []url.Values{refreshForm(token), tokenForm("grant_type", "password")} {
		r := s.request(http.MethodPost, "/connect/token", form)
		go func() {
			got, err := s.try(r)
			answers <- result{got, err}
		}()
	}
	for range 2 {
		<-s.Held()
	}
	// The work is done, but no client has its answer.
	s.wantFired(sandbox.Hold, 2)
	select {
	case got := <-answers:
		t.Fatalf("answer %d came before the release", got.status)
	default:
	}
	s.Release()
	statuses := map[int]int{}
	for range 2 {
		got := <-answers
		if got.error != nil {
			t.Fatal(got.error)
		}
		statuses[got.status]++
	}
	if statuses[200] != 1 || statuses[400] != 1 {
		t.Errorf("held answers are %v, want a 200 and a 400", statuses)
	}
	// Nothing is held anymore.
	s.wantRefreshRefused(token.RefreshToken)
	s.wantFired(sandbox.Hold, 2)
}

func TestFaultsFireInTheOrderTheyWereSet(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.connect(northgate)
	s.SetFault(sandbox.Fault{Kind: sandbox.Status503, Times: 1})
	s.SetFault(sandbox.Fault{Kind: sandbox.MissingExpiresIn, TenantID: south, Times: 1})
	s.SetFault(sandbox.Fault{Kind: sandbox.Status429, Times: 1})
	s.SetFault(sandbox.Fault{Kind: sandbox.Status500, Path: sandbox.PathRevocation, Times: 1})
	for _, want := range []int{503, 429, 200} {
		if r := s.post("/connect/token", refreshForm(token)); r.status != want {
			t.Errorf("answer %d, want %d", r.status, want)
		}
	}
	if r := s.post("/connect/revocation", tokenForm("token", "stc_A.B")); r.status != 500 {
		t.Errorf("revocation answers %d, want 500", r.status)
	}
	// A fault that never fired is reported.
	s.wantFired(sandbox.MissingExpiresIn, 0)
}

func TestFaultWithNoEndpointIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	defer func() {
		if recover() == nil {
			t.Error("a fault that can never fire was taken")
		}
	}()
	s.SetFault(sandbox.Fault{Kind: sandbox.Status500, Path: "/connect/tokens"})
}
