package sandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

func (s *stand) set(change func(*sandbox.Settings)) {
	s.Helper()
	settings := s.Settings()
	change(&settings)
	if err := s.Set(settings); err != nil {
		s.Fatal(err)
	}
}

// The sandbox can act as either kind of provider, and change while it runs.
func TestRefreshTokenRotation(t *testing.T) {
	t.Parallel()
	const grace = 10 * time.Second
	tests := map[string]struct {
		grace time.Duration
		keep  bool
		// again is how long after its first use the token is used again. works says
		// whether that succeeds.
		again time.Duration
		works bool
	}{
		"no grace, at once":          {0, false, 0, false},
		"grace, at once":             {grace, false, 0, true},
		"grace, at its end":          {grace, false, grace - time.Millisecond, true},
		"grace, past its end":        {grace, false, grace, false},
		"longer grace, at its end":   {30 * time.Second, false, 30*time.Second - time.Millisecond, true},
		"longer grace, past its end": {30 * time.Second, false, 30 * time.Second, false},
		"rotation off, a day later":  {0, true, 24 * time.Hour, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			first := s.connect(northgate)
			s.set(func(to *sandbox.Settings) { to.RefreshGrace, to.KeepRefreshTokens = test.grace, test.keep })
			second, err := s.refresh(t.Context(), first.RefreshToken)
			if err != nil {
				t.Fatal(err)
			}
			if same := second.RefreshToken == first.RefreshToken; same != test.keep {
				t.Errorf("the refresh token stays the same: %t, want %t", same, test.keep)
			}
			s.pass(test.again)
			if test.works {
				if _, err := s.refresh(t.Context(), first.RefreshToken); err != nil {
					t.Errorf("the second use: %v", err)
				}
				return
			}
			// The whole family ends.
			s.wantRefreshRefused(first.RefreshToken)
			s.wantRefreshRefused(second.RefreshToken)
			s.wantAPI(northgate, second.AccessToken, http.StatusUnauthorized)
		})
	}
}

func TestAccessTokenLife(t *testing.T) {
	t.Parallel()
	s := start(t)
	long := s.connect(northgate)
	s.set(func(to *sandbox.Settings) { to.AccessTokenLife = 30 * time.Second })
	short := s.connect(south)
	if long.ExpiresIn != 900 || short.ExpiresIn != 30 {
		t.Errorf("expires_in is %d and %d, want 900 and 30", long.ExpiresIn, short.ExpiresIn)
	}
	s.pass(30*time.Second - time.Millisecond)
	s.wantAPI(south, short.AccessToken, http.StatusOK)
	s.pass(time.Millisecond)
	s.wantAPI(south, short.AccessToken, http.StatusUnauthorized)
	s.wantAPI(northgate, long.AccessToken, http.StatusOK)
	s.Reset()
	if got := s.Settings(); got != (sandbox.Settings{AccessTokenLife: 15 * time.Minute}) {
		t.Errorf("after a reset: %+v", got)
	}
}

func TestSettingsHaveLimits(t *testing.T) {
	t.Parallel()
	s := start(t)
	before := s.Settings()
	for name, to := range map[string]sandbox.Settings{
		"no life":       {},
		"negative life": {AccessTokenLife: -time.Minute},
		"long life":     {AccessTokenLife: 25 * time.Hour},
		"negative":      {AccessTokenLife: time.Minute, RefreshGrace: -1},
		"long grace":    {AccessTokenLife: time.Minute, RefreshGrace: 2 * time.Hour},
	} {
		if err := s.Set(to); err == nil || s.Settings() != before {
			t.Errorf("%s: taken", name)
		}
	}
}
