package sandbox

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	codeLife = time.Minute // RFC 6749, section 4.1.2, recommends ten at most
	// codeKept is how long a used code is remembered, to notice a second use.
	codeKept    = time.Hour
	grantLife   = 30 * 24 * time.Hour
	sessionLife = 8 * time.Hour
	// canary begins every secret that the sandbox makes, so that a search finds a leak.
	canary = "stc_"
)

// sum is the SHA-256 of a secret. The secret itself is not kept.
type sum = [sha256.Size]byte

func hash(secret string) sum { return sha256.Sum256([]byte(secret)) }

// session is a browser that has signed in.
type session struct {
	email, formToken string
	expires          time.Time
}

// code is an authorization code. There is only one client, so the code does not name
// it.
type code struct {
	redirectURI, challenge string
	tenantID               int64
	scopes                 []string
	expires                time.Time
	used                   bool
	grant                  *grant // what it was traded for
	// flaw is ExpiredCode, DeadRefresh, or empty.
	flaw FaultKind
}

type grantState int

const (
	_ grantState = iota // a grant that works
	// revoked grants are gone as if they had never existed.
	revoked
	// withdrawn grants were taken back by the tenant's admin. The API answers 403.
	withdrawn
)

// grant is the access that a code was traded for, or that a tenant's own client has.
// For a code, it is a family of refresh tokens, of which one works at a time, with
// their access tokens. The token contains the family's name (RFC 9700, section 4.14.2).
// A token that names a family but is not its newest one has therefore been used before.
type grant struct {
	family string
	// clientID is the tenant's own client, or empty for the app's registration.
	clientID string
	tenantID int64
	scopes   []string
	expires  time.Time
	state    grantState
	newest   sum
	// since is when the newest refresh token was issued.
	since    time.Time
	replaced []replaced
	// dead says that the refresh token is refused.
	dead bool
}

// replaced is a refresh token that was used, and still works for its grace time.
type replaced struct {
	token sum
	at    time.Time
}

// access is an access token.
type access struct {
	grant   *grant
	scopes  []string
	issued  time.Time
	expires time.Time
}

// used notes that an access token was used at the API. With GraceUntilUsed, the older
// refresh tokens no longer work after that.
func (a access) used(with Settings) {
	if with.GraceUntilUsed {
		a.grant.replaced = slices.DeleteFunc(a.grant.replaced, func(r replaced) bool { return !r.at.After(a.issued) })
	}
}

// grants holds everything that was issued. The sandbox's mutex guards it.
type grants struct {
	sessions map[sum]session
	codes    map[sum]*code
	families map[string]*grant
	// ended maps families to the time at which they ended.
	ended  map[string]time.Time
	access map[sum]access
	// sweepAt is the number of entries at which expired ones are removed.
	sweepAt int
}

// leastSweep keeps a small sandbox from sweeping all the time.
const leastSweep = 1024

func newGrants() grants {
	return grants{
		sessions: map[sum]session{}, codes: map[sum]*code{}, families: map[string]*grant{}, access: map[sum]access{},
		ended:   map[string]time.Time{},
		sweepAt: leastSweep,
	}
}

func (g *grants) size() int {
	return len(g.sessions) + len(g.codes) + len(g.families) + len(g.ended) + len(g.access)
}

// sweep removes what has expired. It waits until there is twice as much as after the
// last sweep, which spreads its cost evenly.
func (g *grants) sweep(now time.Time) {
	if g.size() < g.sweepAt {
		return
	}
	maps.DeleteFunc(g.sessions, func(_ sum, v session) bool { return !now.Before(v.expires) })
	maps.DeleteFunc(g.codes, func(_ sum, v *code) bool { return !now.Before(v.expires.Add(codeKept)) })
	maps.DeleteFunc(g.families, func(_ string, v *grant) bool { return !now.Before(v.expires) })
	maps.DeleteFunc(g.ended, func(_ string, at time.Time) bool { return !now.Before(at.Add(grantLife)) })
	maps.DeleteFunc(g.access, func(_ sum, v access) bool { return !now.Before(v.expires) })
	g.sweepAt = max(leastSweep, 2*g.size())
}

// issueCode stores a code and returns it.
func (g *grants) issueCode(c code, now time.Time) string {
	g.sweep(now)
	secret := canary + rand.Text()
	c.expires = now.Add(codeLife)
	if c.flaw == ExpiredCode {
		c.expires = now
	}
	g.codes[hash(secret)] = &c
	return secret
}

// redeem trades a code for a grant, or returns nil. A code works for one try. A second
// try ends the grant from the first one (RFC 6749, section 4.1.2).
func (g *grants) redeem(secret, redirectURI, verifier string, now time.Time) *grant {
	c, ok := g.codes[hash(secret)]
	if !ok {
		return nil
	}
	if c.used {
		if c.grant != nil {
			g.end(c.grant, revoked, now)
		}
		return nil
	}
	c.used = true
	if !now.Before(c.expires) || c.redirectURI != redirectURI || !verifies(verifier, c.challenge) {
		return nil
	}
	g.sweep(now)
	c.grant = &grant{tenantID: c.tenantID, scopes: c.scopes, expires: now.Add(grantLife), dead: c.flaw == DeadRefresh}
	g.begin(c.grant)
	return c.grant
}

// begin gives a grant's family a name, and stores it.
func (g *grants) begin(of *grant) {
	of.family = rand.Text()
	g.families[of.family] = of
}

// verifies compares a verifier with the S256 challenge (RFC 7636, section 4.6).
func verifies(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	h := hash(verifier)
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(h[:])), []byte(challenge)) == 1
}

// use finds the grant that a refresh token renews, or returns nil. A refresh token that
// was used before ends its family (RFC 9700, section 4.14.2).
func (g *grants) use(secret string, with Settings, now time.Time) *grant {
	family := g.familyOf(secret)
	if family == nil || !now.Before(family.expires) {
		return nil
	}
	token := hash(secret)
	family.replaced = slices.DeleteFunc(family.replaced, func(r replaced) bool { return !with.forgives(r, now) })
	if family.dead || token != family.newest && !slices.ContainsFunc(family.replaced, func(r replaced) bool { return r.token == token }) {
		g.end(family, revoked, now)
		return nil
	}
	return family
}

// rotate issues the next refresh token of a grant. The previous one still works for the
// grace time.
func (g *grants) rotate(of *grant, with Settings, now time.Time) string {
	if of.newest != (sum{}) && (with.GraceUntilUsed || with.RefreshGrace > 0) {
		of.replaced = append(of.replaced, replaced{of.newest, now})
	}
	secret := canary + of.family + "." + rand.Text()
	of.newest, of.since = hash(secret), now
	return secret
}

func (g *grants) familyOf(refresh string) *grant {
	return g.families[familyName(refresh)]
}

func familyName(refresh string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(refresh, canary), ".")
	return name
}

func (g *grants) end(of *grant, state grantState, now time.Time) {
	of.state = state
	delete(g.families, of.family)
	g.ended[of.family] = now
}

func (g *grants) tenantOfRefresh(secret string) int64 {
	if family := g.familyOf(secret); family != nil {
		return family.tenantID
	}
	return 0
}

func (g *grants) tenantOfCode(secret string) int64 {
	if c, ok := g.codes[hash(secret)]; ok {
		return c.tenantID
	}
	return 0
}

// NewGrant gives access to a tenant as if its admin had signed in and allowed it, and
// returns the refresh token.
func (s *Sandbox) NewGrant(tenantID int64) (refresh string) {
	now := s.now()
	s.mu.Lock()
	refresh = s.grants.rotate(s.allowedGrant(tenantID, now), s.settings, now)
	s.mu.Unlock()
	s.record(refresh)
	return refresh
}

// allowedGrant returns a grant of everything that the client may ask for. The caller
// holds the mutex.
func (s *Sandbox) allowedGrant(tenantID int64, now time.Time) *grant {
	g := &grant{tenantID: tenantID, scopes: s.options.Scopes, expires: now.Add(grantLife)}
	s.grants.sweep(now)
	s.grants.begin(g)
	return g
}

// DeadSince reports whether a refresh token would be refused, and since when. The time
// is zero if it is not known.
func (s *Sandbox) DeadSince(refresh string) (since time.Time, dead bool) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	family := s.grants.familyOf(refresh)
	switch token := hash(refresh); {
	case family == nil:
		return s.grants.ended[familyName(refresh)], true
	case !now.Before(family.expires):
		return family.expires, true
	case family.dead:
		return family.since, true
	case token == family.newest, slices.ContainsFunc(family.replaced, func(r replaced) bool {
		return r.token == token && s.settings.forgives(r, now)
	}):
		return time.Time{}, false
	}
	return family.since, true
}

// RevokeGrants withdraws the access to a tenant, or to all if tenantID is 0, as the
// admin would. Renewals are refused with invalid_grant, and the API answers 403. It
// returns how many grants ended.
func (s *Sandbox) RevokeGrants(tenantID int64) int { return s.endGrants(tenantID, withdrawn) }

// EndGrants ends a tenant's grants, or all if tenantID is 0, as if they had never
// existed. Renewals are refused with invalid_grant, and the API answers 401. It returns
// how many grants ended.
func (s *Sandbox) EndGrants(tenantID int64) int { return s.endGrants(tenantID, revoked) }

func (s *Sandbox) endGrants(tenantID int64, state grantState) int {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	ended := 0
	for _, family := range s.grants.families {
		if tenantID == 0 || family.tenantID == tenantID {
			s.grants.end(family, state, now)
			ended++
		}
	}
	maps.DeleteFunc(s.grants.codes, func(_ sum, c *code) bool { return tenantID == 0 || c.tenantID == tenantID })
	return ended
}

// ExpireAccessTokens makes the API answer 401 to all access tokens issued so far for a
// tenant, or for all if tenantID is 0. It returns how many tokens expired.
func (s *Sandbox) ExpireAccessTokens(tenantID int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.grants.access)
	maps.DeleteFunc(s.grants.access, func(_ sum, a access) bool { return tenantID == 0 || a.grant.tenantID == tenantID })
	return before - len(s.grants.access)
}
