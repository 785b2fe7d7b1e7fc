package sandbox

import (
	"errors"
	"fmt"
	"slices"
)

// Action is something that happens at ServiceTitan at once, to what is there. A fault,
// in contrast, waits for a request.
type Action string

// The actions.
const (
	// Expire makes the API answer 401 to all access tokens issued so far.
	Expire Action = "expire"
	// Revoke ends sign-ins. Renewals are refused with invalid_grant, and the API answers
	// 401.
	Revoke Action = "revoke"
	// Withdraw takes the app's access back, as the tenant's admin would. Renewals are
	// refused with invalid_grant and invalid_client, and the API answers 403.
	Withdraw Action = "withdraw"
	// NewVersion makes a version of the app with one scope more than the tenant's admin
	// has accepted.
	NewVersion Action = "new_version"
	// Regenerate replaces the secret of the tenant's own client.
	Regenerate Action = "regenerate"
	// LoseScope takes a scope away. New tokens lack it, and the API answers 403
	// to what needs it.
	LoseScope Action = "lose_scope"
	// RefuseScope is like LoseScope, but new tokens still list the scope.
	RefuseScope Action = "refuse_scope"
	// DisableSilently disables the app. Tokens are still issued, and the API answers 403.
	DisableSilently Action = "disable_silently"
	// Restore undoes the three above, and Withdraw for the tenant's own client.
	Restore Action = "restore"
)

// Actions returns all actions.
func Actions() []Action {
	return []Action{Expire, Revoke, Withdraw, NewVersion, Regenerate, LoseScope, RefuseScope, DisableSilently, Restore}
}

// Done is the result of an action.
type Done struct {
	// Count is how many tokens, grants, or apps the action affected.
	Count int
	// ClientID and ClientSecret are what Regenerate made. They are shown only this once.
	ClientID, ClientSecret string
}

// Do performs an action on a tenant, or on all tenants if tenantID is 0. LoseScope and
// RefuseScope choose a scope themselves; the methods of these names take one.
func (s *Sandbox) Do(action Action, tenantID int64) (Done, error) {
	return s.do(action, tenantID, s.spareScope())
}

// do performs an action. The scope is for LoseScope and RefuseScope.
func (s *Sandbox) do(action Action, tenantID int64, scope string) (done Done, err error) {
	if _, known := s.all().byID(tenantID); tenantID != 0 && !known {
		return Done{}, fmt.Errorf("tenant %d: %w", tenantID, ErrNoTenant)
	}
	switch action {
	case Expire:
		done.Count = s.ExpireAccessTokens(tenantID)
	case Revoke:
		done.Count = s.EndGrants(tenantID)
	case Withdraw:
		done.Count = s.RevokeGrants(tenantID) + s.disableAll(tenantID)
	case NewVersion:
		done.Count, err = s.OfferVersion(tenantID)
	case Regenerate:
		if tenantID == 0 {
			return Done{}, errors.New("a secret belongs to one company; choose which")
		}
		done.Count = 1
		done.ClientID, done.ClientSecret, err = s.regenerate(tenantID)
	case LoseScope, RefuseScope:
		done.Count, err = s.LoseScope(tenantID, scope, action == RefuseScope)
	case DisableSilently:
		done.Count, err = s.DisableSilently(tenantID)
	case Restore:
		if done.Count = s.RestoreAll(tenantID); done.Count == 0 && tenantID != 0 {
			err = ErrNothingToRestore
		}
	default:
		err = fmt.Errorf("there is no action %q", action)
	}
	if err != nil {
		return Done{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger.actions[action]++
	if action == Restore {
		s.forgetTurned(tenantID, "withdrawn", "silent", "scope")
	}
	s.happen(Deed(action), tenantID)
	return done, nil
}

// ActionsDone returns how often an action was done.
func (s *Sandbox) ActionsDone(action Action) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.actions[action]
}

// allowedBy returns the installs whose admin has allowed the app, of one tenant or of
// all if tenantID is 0. The caller holds the mutex.
func (s *Sandbox) allowedBy(tenantID int64) []*install {
	var found []*install
	for _, tenant := range s.all() {
		if i := s.app.installs[tenant.ID]; i.state == allowed && (tenantID == 0 || tenantID == tenant.ID) {
			found = append(found, i)
		}
	}
	return found
}

// disableAll pauses the app where it is allowed, and returns for how many tenants.
func (s *Sandbox) disableAll(tenantID int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.allowedBy(tenantID)
	for _, i := range found {
		i.state = disabled
	}
	return len(found)
}

// OfferVersion makes a new version with the newest one's scopes. It moves tenants to a
// version before it that lacks one of those scopes, except tenants whose version
// already lacks one. It returns for how many tenants the new version waits.
func (s *Sandbox) OfferVersion(tenantID int64) (waiting int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.allowedBy(tenantID)
	if len(found) == 0 {
		return 0, ErrNotConnected
	}
	newest := s.app.versions[len(s.app.versions)-1]
	extra := len(newest) - 1
	if newest[extra] == scopeBusinessUnits {
		extra-- // without this scope, testing a connection would fail
	}
	if extra < 0 {
		return 0, errors.New("the newest version has no scope to spare")
	}
	before := slices.Delete(slices.Clone(newest), extra, extra+1)
	s.app.versions = append(s.app.versions, before, slices.Clone(newest))
	for _, i := range found {
		if within(newest, s.app.scopes(i)) {
			i.version = len(s.app.versions) - 1
		}
	}
	return len(found), nil
}

// regenerate replaces the secrets of a tenant's own client with one new secret.
func (s *Sandbox) regenerate(tenantID int64) (clientID, secret string, err error) {
	if err := s.DeleteSecret(tenantID, 2); err != nil {
		return "", "", err
	}
	return s.Generate(tenantID, 1)
}
