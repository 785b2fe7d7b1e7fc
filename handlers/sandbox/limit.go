package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// limit is what ServiceTitan refuses the app for a tenant although it issues tokens.
type limit struct {
	// disabled says that the API answers 403 everywhere.
	disabled bool
	// lost holds the scopes that the app has lost. The value says whether new tokens
	// still list the scope.
	lost map[string]bool
}

// refuses reports whether the API refuses the requests that need a scope.
func (l limit) refuses(scope string) bool {
	_, lost := l.lost[scope]
	return lost
}

// listed returns the scopes that new tokens list.
func (l limit) listed(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return l.refuses(scope) && !l.lost[scope] })
}

// appScopes returns the scopes of the app that are about the API.
func (s *Sandbox) appScopes() []string {
	return slices.DeleteFunc(slices.Clone(s.options.Scopes), func(scope string) bool { return !strings.HasPrefix(scope, "tn.") })
}

// spareScope returns the scope that LoseScope takes away unless another is chosen. The
// check of a connection needs the business units, so those come last.
func (s *Sandbox) spareScope() string {
	scopes := s.appScopes()
	for _, of := range slices.Backward(areas()) {
		if slices.Contains(scopes, of.scope) {
			return of.scope
		}
	}
	return ""
}

// LoseScope takes a scope away from a tenant, or from all if tenantID is 0. New tokens
// lack the scope, or still list it. The API answers 403 to what needs the scope, also
// with older tokens. LoseScope returns for how many tenants.
func (s *Sandbox) LoseScope(tenantID int64, scope string, listed bool) (int, error) {
	if !slices.Contains(s.appScopes(), scope) {
		return 0, fmt.Errorf("the app has no scope %q", scope)
	}
	return s.limit(tenantID, func(l *limit) {
		lost := map[string]bool{scope: listed}
		for other, how := range l.lost {
			if other != scope {
				lost[other] = how
			}
		}
		l.lost = lost
	})
}

// DisableSilently disables the app for a tenant, or for all if tenantID is 0. Tokens
// are still issued, and the API answers 403 everywhere. DisableSilently returns for how
// many tenants.
func (s *Sandbox) DisableSilently(tenantID int64) (int, error) {
	return s.limit(tenantID, func(l *limit) { l.disabled = true })
}

// limit changes the limits of a tenant, or of all if tenantID is 0.
func (s *Sandbox) limit(tenantID int64, change func(*limit)) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := 0
	for _, tenant := range s.all() {
		if tenantID == 0 || tenant.ID == tenantID {
			l := s.app.limits[tenant.ID]
			change(&l)
			s.app.limits[tenant.ID] = l
			changed++
		}
	}
	if changed == 0 {
		return 0, fmt.Errorf("tenant %d: %w", tenantID, ErrNoTenant)
	}
	return changed, nil
}

// RestoreAll undoes Disable, DisableSilently, and LoseScope for a tenant, or for all if
// tenantID is 0. It returns for how many tenants there was something to undo.
func (s *Sandbox) RestoreAll(tenantID int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	restored := 0
	for _, tenant := range s.all() {
		if tenantID != 0 && tenant.ID != tenantID {
			continue
		}
		i := s.app.installs[tenant.ID]
		if l := s.app.limits[tenant.ID]; l.disabled || len(l.lost) > 0 || i.state == disabled {
			restored++
		}
		delete(s.app.limits, tenant.ID)
		if i.state == disabled {
			i.state = allowed
		}
	}
	return restored
}
