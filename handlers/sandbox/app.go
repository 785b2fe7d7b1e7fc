package sandbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What stands in the way of the developer portal's and the tenant pages'
// buttons.
var (
	ErrNoTenant     = errors.New("there is no such tenant")
	ErrNotAdded     = errors.New("the developer has not added this tenant ID to the app")
	ErrNotConnected = errors.New("the tenant's admin has not allowed the app")
	ErrNoSlot       = errors.New("a client has two secrets, 1 and 2")
)

// slots is how many secrets a client has, so that one can be replaced while
// the other works.
const slots = 2

type installState int

const (
	notAdded installState = iota
	// notConnected is what the portal calls "Not Connected Yet".
	notConnected
	allowed
	disabled
)

// install is the app as one tenant has it.
type install struct {
	state installState
	// version is the app version that the tenant's admin has accepted.
	version int
	// clientID is the tenant's own, made when its admin first allows the app.
	clientID string
	secrets  [slots]sum
}

// app is our app in the developer portal: who has it, and its versions. The
// sandbox's mutex guards it.
type app struct {
	// versions are the scopes of each, version 1 first.
	versions [][]string
	installs map[int64]*install
	clients  map[string]int64
}

// addedFirst are in the app from the start, their admins have yet to allow it:
// the two Northgates.
const addedFirst = 2

// newApp has one version, and a few tenants that are added to it.
func newApp(scopes []string, all tenants) app {
	// Not an access that a client without a user can have.
	scopes = slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return scope == scopeOfflineAccess })
	a := app{versions: [][]string{scopes}, installs: map[int64]*install{}, clients: map[string]int64{}}
	for i, tenant := range all {
		a.installs[tenant.ID] = &install{}
		if i < addedFirst {
			a.installs[tenant.ID].state = notConnected
		}
	}
	return a
}

// scopes are those of the version that the tenant has accepted.
func (a *app) scopes(i *install) []string {
	if i.version == 0 {
		return nil
	}
	return a.versions[i.version-1]
}

// owner is the tenant of a client whose secret is right and which is in use.
func (a *app) owner(clientID, secret string) (tenantID int64, ok bool) {
	tenantID, ok = a.clients[clientID]
	if !ok || secret == "" {
		return 0, false
	}
	i := a.installs[tenantID]
	return tenantID, i.state == allowed && slices.Contains(i.secrets[:], hash(secret))
}

// change finds a tenant's install, and changes it if it is in one of the
// states.
func (s *Sandbox) change(tenantID int64, f func(*install), states ...installState) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.app.installs[tenantID]
	switch {
	case i == nil:
		return fmt.Errorf("tenant %d: %w", tenantID, ErrNoTenant)
	case slices.Contains(states, i.state):
		f(i)
		return nil
	case i.state == notAdded:
		return fmt.Errorf("tenant %d: %w", tenantID, ErrNotAdded)
	}
	return fmt.Errorf("tenant %d: %w", tenantID, ErrNotConnected)
}

// AddTenant adds a tenant ID to the app, as its developer does.
func (s *Sandbox) AddTenant(tenantID int64) error {
	return s.change(tenantID, func(i *install) {
		if i.state == notAdded {
			i.state = notConnected
		}
	}, notAdded, notConnected, allowed, disabled)
}

// RemoveTenant takes a tenant ID out of the app, with its client.
func (s *Sandbox) RemoveTenant(tenantID int64) error {
	return s.change(tenantID, func(i *install) {
		delete(s.app.clients, i.clientID)
		*i = install{}
	}, notAdded, notConnected, allowed, disabled)
}

// Allow is the tenant's admin choosing Connect New App and Allow Access.
func (s *Sandbox) Allow(tenantID int64) error {
	return s.change(tenantID, func(i *install) {
		if i.state == allowed {
			return
		}
		i.state, i.version = allowed, len(s.app.versions)
		i.clientID = "cid.sandbox" + strings.ToLower(rand.Text()[:18])
		s.app.clients[i.clientID] = tenantID
	}, notConnected, allowed)
}

// Disable is the tenant's admin pausing the app.
func (s *Sandbox) Disable(tenantID int64) error {
	return s.change(tenantID, func(i *install) { i.state = disabled }, allowed, disabled)
}

// Restore takes Disable back.
func (s *Sandbox) Restore(tenantID int64) error {
	return s.change(tenantID, func(i *install) { i.state = allowed }, allowed, disabled)
}

// PublishVersion makes the app's next version. It holds for a tenant once its
// admin has upgraded.
func (s *Sandbox) PublishVersion(scopes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.app.versions = append(s.app.versions, slices.Clone(scopes))
}

// Upgrade is the tenant's admin choosing Upgrade to New Version.
func (s *Sandbox) Upgrade(tenantID int64) error {
	return s.change(tenantID, func(i *install) { i.version = len(s.app.versions) }, allowed)
}

// Generate makes a new secret in one of the client's two slots. It cannot be
// read again.
func (s *Sandbox) Generate(tenantID int64, slot int) (clientID, secret string, err error) {
	if slot < 1 || slot > slots {
		return "", "", ErrNoSlot
	}
	secret = fmt.Sprintf("cs%d.%s%s", slot, canary, rand.Text())
	err = s.change(tenantID, func(i *install) {
		i.secrets[slot-1] = hash(secret)
		clientID = i.clientID
	}, allowed)
	if err != nil {
		return "", "", err
	}
	s.record(secret)
	return clientID, secret, nil
}

// DeleteSecret empties a slot.
func (s *Sandbox) DeleteSecret(tenantID int64, slot int) error {
	if slot < 1 || slot > slots {
		return ErrNoSlot
	}
	return s.change(tenantID, func(i *install) { i.secrets[slot-1] = sum{} }, allowed, disabled)
}
