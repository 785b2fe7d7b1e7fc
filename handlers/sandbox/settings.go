package sandbox

import (
	"errors"
	"time"
)

const (
	longestAccessLife = 24 * time.Hour
	longestGrace      = time.Hour
)

// Settings say how tokens are issued. A change applies to tokens that are issued
// afterward.
type Settings struct {
	AccessTokenLife, RefreshGrace time.Duration
	// GraceUntilUsed keeps a used refresh token working until an access token that came
	// after it is first used at the API. It replaces RefreshGrace.
	GraceUntilUsed bool
	// KeepRefreshTokens turns rotation off.
	KeepRefreshTokens bool
}

// forgives reports whether a used refresh token still works. With GraceUntilUsed, the
// ones that no longer work were already removed when the access token was used.
func (s Settings) forgives(r replaced, now time.Time) bool {
	return s.GraceUntilUsed || now.Sub(r.at) < s.RefreshGrace
}

// settings returns the settings that a start and a reset begin with.
func (o Options) settings() Settings {
	return Settings{AccessTokenLife: o.AccessTokenLife, RefreshGrace: o.RefreshGrace, GraceUntilUsed: o.GraceUntilUsed, KeepRefreshTokens: o.KeepRefreshTokens}
}

// Settings returns the current settings.
func (s *Sandbox) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings
}

// Set changes the settings until the next reset.
func (s *Sandbox) Set(to Settings) error {
	switch {
	case to.AccessTokenLife < time.Second || to.AccessTokenLife > longestAccessLife:
		return errors.New("an access token can live from a second to a day")
	case to.RefreshGrace < 0 || to.RefreshGrace > longestGrace:
		return errors.New("the grace time can be an hour at most")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings = to
	return nil
}
