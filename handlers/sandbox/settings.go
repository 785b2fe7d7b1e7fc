package sandbox

import (
	"errors"
	"time"
)

const (
	longestAccessLife = 24 * time.Hour
	longestGrace      = time.Hour
)

// Settings are how tokens are handed out. They hold for what is handed out from
// then on.
type Settings struct {
	AccessTokenLife, RefreshGrace time.Duration
	// GraceUntilUsed keeps a refresh token that was used good until an access token
	// that came after it is first used at the API, in place of RefreshGrace.
	GraceUntilUsed bool
	// KeepRefreshTokens turns rotation off.
	KeepRefreshTokens bool
}

// forgives says whether a refresh token that was used is still good. With
// GraceUntilUsed, those that are not are forgotten when the access token is used.
func (s Settings) forgives(r replaced, now time.Time) bool {
	return s.GraceUntilUsed || now.Sub(r.at) < s.RefreshGrace
}

// settings are those that a start and a reset begin with.
func (o Options) settings() Settings {
	return Settings{AccessTokenLife: o.AccessTokenLife, RefreshGrace: o.RefreshGrace, GraceUntilUsed: o.GraceUntilUsed, KeepRefreshTokens: o.KeepRefreshTokens}
}

// Settings are those in force.
func (s *Sandbox) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings
}

// Set changes the settings until the next reset.
func (s *Sandbox) Set(to Settings) error {
	switch {
	case to.AccessTokenLife < time.Second || to.AccessTokenLife > longestAccessLife:
		return errors.New("an access token lives for a second at least and a day at most")
	case to.RefreshGrace < 0 || to.RefreshGrace > longestGrace:
		return errors.New("the grace time is an hour at most")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings = to
	return nil
}
