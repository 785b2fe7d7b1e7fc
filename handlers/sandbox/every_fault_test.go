package sandbox_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// comesBack returns the callback's parameters when the visitor allows access.
func comesBack(s *stand) url.Values {
	return s.decide(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), northgate, "allow")
}

// What an independent client sees of each fault. A second try shows whether the work
// was done, because a refresh token that was used is refused.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	const (
		untouched = "good"
		used      = "used"
	)
	tests := []struct {
		fault sandbox.Fault
		rule  string
		// meet sends the request that meets the fault, and returns its error.
		meet func(s *stand, token *oauth2.Token) error
		// after says whether the refresh token still works.
		after string
	}{
		{
			sandbox.Fault{Kind: sandbox.Deny},
			"comes back with access_denied although the visitor allows (RFC 6749, 4.1.2.1)",
			func(s *stand, _ *oauth2.Token) error {
				if q := comesBack(s); q.Get("error") != "access_denied" || q.Has("code") || q.Get("iss") != s.url {
					return fmt.Errorf("callback has %v", q)
				}
				return nil
			}, untouched,
		},
		{
			sandbox.Fault{Kind: sandbox.ExpiredCode},
			"comes back with a code that is refused",
			func(s *stand, _ *oauth2.Token) error {
				code, verifier := s.code(northgate)
				_, err := s.config.Exchange(s.asProgram(s.Context()), code, oauth2.VerifierOption(verifier))
				return wantCode(err, "invalid_grant")
			}, untouched,
		},
		{
			sandbox.Fault{Kind: sandbox.DeadRefresh},
			"gives tokens of which the refresh token is refused",
			func(s *stand, _ *oauth2.Token) error {
				dead := s.connect(northgate)
				s.wantAPI(northgate, dead.AccessToken, http.StatusOK)
				_, err := s.refresh(s.Context(), dead.RefreshToken)
				return wantCode(err, "invalid_grant")
			}, untouched,
		},
		{
			sandbox.Fault{Kind: sandbox.WrongIssuer},
			"names another issuer (RFC 9207, 2.4)",
			func(s *stand, _ *oauth2.Token) error {
				if q := comesBack(s); q.Get("iss") == s.url || !q.Has("iss") {
					return fmt.Errorf("callback has %v", q)
				}
				return nil
			}, untouched,
		},
		{
			sandbox.Fault{Kind: sandbox.NoIssuer},
			"names no issuer, although the metadata announces one (RFC 9207, 2.4)",
			func(s *stand, _ *oauth2.Token) error {
				if q := comesBack(s); q.Has("iss") {
					return fmt.Errorf("callback has %v", q)
				}
				return nil
			}, untouched,
		},
		{sandbox.Fault{Kind: sandbox.Status500}, "answers 500", renewalAnswers(500, ""), untouched},
		{sandbox.Fault{Kind: sandbox.Status503, RetryAfter: time.Minute}, "answers 503 with Retry-After (RFC 9110, 10.2.3)", renewalAnswers(503, "60"), untouched},
		{sandbox.Fault{Kind: sandbox.Status429, RetryAfter: time.Minute}, "answers 429 with Retry-After (RFC 6585, 4)", renewalAnswers(429, "60"), untouched},
		{
			sandbox.Fault{Kind: sandbox.Slow, Delay: time.Millisecond},
			"answers late",
			func(s *stand, token *oauth2.Token) error {
				_, err := s.refresh(s.Context(), token.RefreshToken)
				return err
			}, used,
		},
		{sandbox.Fault{Kind: sandbox.ResetBefore}, "drops the connection before the work", renewalIsReset, untouched},
		{sandbox.Fault{Kind: sandbox.NoAnswer}, "says nothing, and drops the connection in the end", renewalHangs, untouched},
		{sandbox.Fault{Kind: sandbox.ResetAfter}, "drops the connection after the work", renewalIsReset, used},
		{sandbox.Fault{Kind: sandbox.Garbage}, "answers 200 with a web page", renewalIs("not JSON", func(r reply) bool {
			return r.status == 200 && strings.HasPrefix(r.body, "<html>") && r.header.Get("Content-Type") == "text/html"
		}), untouched},
		{sandbox.Fault{Kind: sandbox.WrongType}, "calls the tokens text/html", renewalIs("not JSON by name", func(r reply) bool {
			return r.status == 200 && strings.HasPrefix(r.body, "{") && r.header.Get("Content-Type") == "text/html"
		}), used},
		{sandbox.Fault{Kind: sandbox.Huge}, "answers with more than 64 KiB", renewalIs("huge", func(r reply) bool {
			return r.status == 200 && len(r.body) > 64<<10 && strings.Contains(r.body, `"access_token"`)
		}), used},
		{
			sandbox.Fault{Kind: sandbox.MissingExpiresIn},
			"leaves expires_in out, which is RECOMMENDED only (RFC 6749, 5.1)",
			func(s *stand, token *oauth2.Token) error {
				got, err := s.refresh(s.Context(), token.RefreshToken)
				if err == nil && (got.ExpiresIn != 0 || got.AccessToken == "") {
					err = fmt.Errorf("expires_in is %d", got.ExpiresIn)
				}
				return err
			}, used,
		},
		{sandbox.Fault{Kind: sandbox.Status401}, "refuses the access token (RFC 6750, 3.1)", apiAnswers(401), untouched},
		{sandbox.Fault{Kind: sandbox.Status403}, "does not allow the app for the tenant", apiAnswers(403), untouched},
		{sandbox.Fault{Kind: sandbox.Status404}, "does not know the tenant", apiAnswers(404), untouched},
		{
			sandbox.Fault{Kind: sandbox.ClockSkew, Skew: 10 * time.Minute},
			"has a clock that is ahead, in the Date header and in tokens; expires_in stays true",
			func(s *stand, token *oauth2.Token) error {
				r := s.post("/connect/token", refreshForm(token))
				date, err := http.ParseTime(r.header.Get("Date"))
				ahead := s.Now().Add(10 * time.Minute)
				switch issued := issuedAt(s, r); {
				case err != nil || !date.Equal(ahead):
					return fmt.Errorf("date is %v, want %v", date, ahead)
				case issued != ahead.Unix():
					return fmt.Errorf("iat is %d, want %d", issued, ahead.Unix())
				case !strings.Contains(r.body, `"expires_in":900`):
					return errors.New("expires_in is off too")
				}
				return nil
			}, used,
		},
		{
			sandbox.Fault{Kind: sandbox.Hold},
			"answers when it is released",
			func(s *stand, token *oauth2.Token) error {
				answered := make(chan error, 1)
				go func() {
					_, err := s.refresh(s.Context(), token.RefreshToken)
					answered <- err
				}()
				<-s.Held()
				s.Release()
				return <-answered
			}, used,
		},
		{
			sandbox.Fault{Kind: sandbox.CustomToken, Status: 400, ContentType: "application/json", Body: `{"error":"teapot"}`},
			"answers as it is told",
			renewalIs("a teapot", func(r reply) bool { return r.oauthError() == "teapot" }), untouched,
		},
	}
	for i, kind := range sandbox.FaultKinds() {
		if i >= len(tests) || tests[i].fault.Kind != kind {
			t.Fatalf("row %d is not about %s", i, kind)
		}
	}
	for _, test := range tests {
		t.Run(string(test.fault.Kind)+" "+test.rule, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			token := s.connect(northgate)
			test.fault.Times, test.fault.TenantID = 1, northgate
			s.SetFault(test.fault)
			if err := test.meet(s, token); err != nil {
				t.Error(err)
			}
			s.wantFired(test.fault.Kind, 1)
			if left := s.Faults(); len(left) != 0 {
				t.Errorf("it comes more than once: %+v", left)
			}
			if _, err := s.refresh(t.Context(), token.RefreshToken); (err == nil) != (test.after == untouched) {
				t.Errorf("afterwards: %v, want the refresh token to be %s", err, test.after)
			}
		})
	}
}

func wantCode(err error, code string) error {
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || e.ErrorCode != code {
		return fmt.Errorf("error is %w, want %s", err, code)
	}
	return nil
}

func renewalAnswers(status int, retryAfter string) func(*stand, *oauth2.Token) error {
	return func(s *stand, token *oauth2.Token) error {
		_, err := s.refresh(s.Context(), token.RefreshToken)
		e, ok := errors.AsType[*oauth2.RetrieveError](err)
		if !ok || e.Response.StatusCode != status || e.Response.Header.Get("Retry-After") != retryAfter {
			return fmt.Errorf("error is %w, want %d and Retry-After %q", err, status, retryAfter)
		}
		return nil
	}
}

func renewalIsReset(s *stand, token *oauth2.Token) error {
	if _, err := s.refresh(s.Context(), token.RefreshToken); !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("error is %w, want a reset", err)
	}
	return nil
}

// renewalHangs waits until the sandbox keeps the request waiting, and ends that.
func renewalHangs(s *stand, token *oauth2.Token) error {
	answered := make(chan error, 1)
	go func() { answered <- renewalIsReset(s, token) }()
	for s.Fired(sandbox.NoAnswer) == 0 {
		s.get("/portal")
	}
	select {
	case err := <-answered:
		return fmt.Errorf("answered before the end: %w", err)
	default:
	}
	s.Release()
	return <-answered
}

func renewalIs(what string, is func(reply) bool) func(*stand, *oauth2.Token) error {
	return func(s *stand, token *oauth2.Token) error {
		if r := s.post("/connect/token", refreshForm(token)); !is(r) {
			return fmt.Errorf("answer %d with %d bytes of %s is not %s", r.status, len(r.body), r.header.Get("Content-Type"), what)
		}
		return nil
	}
}

func apiAnswers(status int) func(*stand, *oauth2.Token) error {
	return func(s *stand, token *oauth2.Token) error {
		s.wantAPI(northgate, token.AccessToken, status)
		return nil
	}
}

// Faults that are switched on come in their order, for the tenant and the endpoint that
// they are for, as often as they should.
func TestPlannedFaults(t *testing.T) {
	t.Parallel()
	s := start(t)
	plan := func(f sandbox.Fault) sandbox.Planned {
		t.Helper()
		planned, err := s.PlanFault(f)
		if err != nil {
			t.Fatal(err)
		}
		return planned
	}
	mine, other := s.connect(northgate), s.connect(south)
	twice := plan(sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.Everywhere, Times: 2})
	stays := plan(sandbox.Fault{Kind: sandbox.Status500, Path: sandbox.PathBusinessUnits, TenantID: northgate})
	if twice.ID == stays.ID || stays.Path != sandbox.PathBusinessUnits {
		t.Errorf("planned %+v and %+v", twice, stays)
	}
	s.get("/portal") // it is not an endpoint
	if r := s.get("/.well-known/oauth-authorization-server"); r.status != 503 {
		t.Errorf("metadata answers %d, want 503", r.status)
	}
	s.wantAPI(south, other.AccessToken, 503)
	s.wantAPI(south, other.AccessToken, 200)
	for range 3 {
		s.wantAPI(northgate, mine.AccessToken, 500)
	}
	if left := s.Faults(); len(left) != 1 || left[0].ID != stays.ID || left[0].Fired != 3 || left[0].Met != 3 {
		t.Errorf("left are %+v", left)
	}
	if s.ClearFault(twice.ID) || !s.ClearFault(stays.ID) || s.ClearFault(stays.ID) {
		t.Error("a fault can be taken back when it is not there, or cannot when it is")
	}
	s.wantAPI(northgate, mine.AccessToken, 200)
	s.wantFired(sandbox.Status500, 3)
	s.wantFired(sandbox.Status503, 2)
}

// The clock's skew comes on top of another fault, and both have fired.
func TestClockSkewComesOnTop(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.SetFault(sandbox.Fault{Kind: sandbox.ClockSkew, Skew: -5 * time.Minute})
	s.SetFault(sandbox.Fault{Kind: sandbox.Status500, Times: 1})
	r := s.post("/connect/token", tokenForm("grant_type", "refresh_token", "refresh_token", "stc_A.B"))
	want := s.Now().Add(-5 * time.Minute).Format(http.TimeFormat)
	if r.status != 500 || r.header.Get("Date") != want {
		t.Errorf("answer %d of %s, want 500 of %s", r.status, r.header.Get("Date"), want)
	}
	if s.Fired(sandbox.ClockSkew) != 1 || s.Fired(sandbox.Status500) != 1 {
		t.Errorf("fired %d and %d", s.Fired(sandbox.ClockSkew), s.Fired(sandbox.Status500))
	}
	if r := s.get("/portal"); r.header.Get("Date") == want {
		t.Error("the clock of the portal is off too")
	}
}

// A slow answer can be released early, and its duration is recorded.
func TestSlowAnswerIsReleased(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.connect(northgate)
	s.SetFault(sandbox.Fault{Kind: sandbox.Slow, Delay: 30 * time.Second, Times: 1})
	answered := make(chan error, 1)
	go func() {
		_, err := s.refresh(t.Context(), token.RefreshToken)
		answered <- err
	}()
	for s.Fired(sandbox.Slow) == 0 {
		s.get("/portal")
	}
	s.pass(3 * time.Second)
	s.ClearFaults()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	for _, q := range s.Requests() {
		if q.Fault == sandbox.Slow && q.Ended.Sub(q.Time) != 3*time.Second {
			t.Errorf("it took %s, want 3s", q.Ended.Sub(q.Time))
		}
	}
}

func TestFaultsThatCannotBe(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, f := range map[string]sandbox.Fault{
		"no kind":                {},
		"unknown kind":           {Kind: "boil"},
		"unknown endpoint":       {Kind: sandbox.Status500, Path: "/connect/tokens"},
		"deny at the token":      {Kind: sandbox.Deny, Path: sandbox.PathToken},
		"deny everywhere":        {Kind: sandbox.Deny, Path: sandbox.Everywhere},
		"expires_in at the API":  {Kind: sandbox.MissingExpiresIn, Path: sandbox.PathBusinessUnits},
		"unknown tenant":         {Kind: sandbox.Status500, TenantID: 12},
		"more than all":          {Kind: sandbox.Status500, Percent: 101},
		"fewer than none":        {Kind: sandbox.Status500, Percent: -1},
		"less than once":         {Kind: sandbox.Status500, Times: -1},
		"negative Retry-After":   {Kind: sandbox.Status503, RetryAfter: -time.Second},
		"Retry-After of a week":  {Kind: sandbox.Status503, RetryAfter: 7 * 24 * time.Hour},
		"slow by nothing":        {Kind: sandbox.Slow},
		"slower than a server":   {Kind: sandbox.Slow, Delay: time.Minute},
		"clock that is right":    {Kind: sandbox.ClockSkew},
		"clock of another month": {Kind: sandbox.ClockSkew, Skew: 31 * 24 * time.Hour},
		"status 99":              {Kind: sandbox.CustomToken, Status: 99},
	} {
		if _, err := s.PlanFault(f); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if n := len(s.Faults()); n != 0 {
		t.Errorf("%d faults are on", n)
	}
}

// A flaw does not fire if the visitor denies access.
func TestFlawOfADenial(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.SetFault(sandbox.Fault{Kind: sandbox.ExpiredCode, Times: 1})
	s.decide(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), northgate, "deny")
	s.wantFired(sandbox.ExpiredCode, 0)
}

// The consent page's faults apply only to that sign-in.
func TestFaultsOfTheConsentPage(t *testing.T) {
	t.Parallel()
	for kind, want := range map[sandbox.FaultKind]sandbox.Fault{
		"": {}, "boil": {}, sandbox.Deny: {}, sandbox.ExpiredCode: {}, sandbox.DeadRefresh: {}, sandbox.Hold: {},
		sandbox.Status500: {Kind: sandbox.Status500, Path: sandbox.PathToken, TenantID: northgate, Times: 3},
		sandbox.Slow:      {Kind: sandbox.Slow, Path: sandbox.PathToken, TenantID: northgate, Times: 1, Delay: 20 * time.Second},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := start(t)
			authorize := s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
			action, fields := s.form(s.signIn(authorize))
			fields.Set("decision", "allow")
			fields.Set("fault", string(kind))
			q := s.post(action, fields).location(t).Query()
			if q.Has("code") == (kind == sandbox.Deny) {
				t.Errorf("callback has %v", q)
			}
			flaw := 0
			if kind == sandbox.Deny || kind == sandbox.ExpiredCode || kind == sandbox.DeadRefresh {
				flaw = 1
			}
			if kind != "" {
				s.wantFired(kind, flaw)
			}
			planned := s.Faults()
			if len(planned) == 0 {
				planned = []sandbox.Planned{{}}
			}
			if len(planned) != 1 || planned[0].Fault != want {
				t.Errorf("planned are %+v, want %+v", planned, want)
			}
		})
	}
}
