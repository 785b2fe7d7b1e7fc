package sandbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Reasons why a button of the developer portal or of a tenant's page does not work.
var (
	ErrNoTenant     = errors.New("there is no such tenant")
	ErrNotAdded     = errors.New("the developer has not added this tenant ID to the app")
	ErrNotConnected = errors.New("the tenant's admin has not allowed the app")
	ErrNoSlot       = errors.New("a client has two secrets, 1 and 2")

	ErrNothingToRestore = errors.New("there is nothing to restore")
)

// slots is how many secrets a client has. One can be replaced while the other works.
const slots = 2

type installState int

const (
	notAdded installState = iota
	// notConnected is "Not Connected Yet" in the portal.
	notConnected
	allowed
	disabled
)

// install is the app as one tenant has it.
type install struct {
	state installState
	// version is the app version that the tenant's admin has accepted.
	version int
	// clientID is the tenant's own client. It is made when the admin first allows the
	// app.
	clientID string
	secrets  [slots]sum
	// hidden are the secrets that do not work while the stage's switch is on.
	hidden [slots]sum
}

// app is our app in the developer portal: its versions, and which tenants have it. The
// sandbox's mutex guards it.
type app struct {
	// versions holds the scopes of each version, version 1 first.
	versions [][]string
	installs map[int64]*install
	clients  map[string]int64
	limits   map[int64]limit
}

// addedFirst is how many tenants are added to the app from the start: the two
// Northgates. Their admins have not allowed it yet.
const addedFirst = 2

// newApp returns an app with one version and a few tenants added.
func newApp(scopes []string, all tenants) app {
	// A client without a user cannot have offline access.
	scopes = slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return scope == scopeOfflineAccess })
	a := app{versions: [][]string{scopes}, installs: map[int64]*install{}, clients: map[string]int64{}, limits: map[int64]limit{}}
	for i, tenant := range all {
		a.installs[tenant.ID] = &install{}
		if i < addedFirst {
			a.installs[tenant.ID].state = notConnected
		}
	}
	return a
}

// scopes returns the scopes of the version that the tenant has accepted.
func (a *app) scopes(i *install) []string {
	if i.version == 0 {
		return nil
	}
	return a.versions[i.version-1]
}

// owner returns the tenant of a client whose secret is right and whose app is allowed.
func (a *app) owner(clientID, secret string) (tenantID int64, ok bool) {
	tenantID, ok = a.clients[clientID]
	if !ok || secret == "" {
		return 0, false
	}
	i := a.installs[tenantID]
	return tenantID, i.state == allowed && slices.Contains(i.secrets[:], hash(secret))
}

// change finds a tenant's install, and changes it if it is in one of the states.
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

// AddTenant adds a tenant ID to the app, as the app's developer would.
func (s *Sandbox) AddTenant(tenantID int64) error {
	return s.change(tenantID, func(i *install) {
		if i.state == notAdded {
			i.state = notConnected
		}
	}, notAdded, notConnected, allowed, disabled)
}

// RemoveTenant removes a tenant ID from the app, together with its client.
func (s *Sandbox) RemoveTenant(tenantID int64) error {
	return s.change(tenantID, func(i *install) {
		delete(s.app.clients, i.clientID)
		*i = install{}
	}, notAdded, notConnected, allowed, disabled)
}

// Allow allows the app, as the tenant's admin does with Connect New App and Allow
// Access.
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

// Disable pauses the app, as the tenant's admin would.
func (s *Sandbox) Disable(tenantID int64) error {
	return s.change(tenantID, func(i *install) { i.state = disabled }, allowed, disabled)
}

// Restore undoes Disable and DisableSilently.
func (s *Sandbox) Restore(tenantID int64) error {
	return s.change(tenantID, func(i *install) {
		i.state = allowed
		l := s.app.limits[tenantID]
		l.disabled = false
		s.app.limits[tenantID] = l
		s.forgetTurned(tenantID, "withdrawn", "silent")
	}, allowed, disabled)
}

// PublishVersion makes the app's next version. It applies to a tenant once its admin
// has upgraded.
func (s *Sandbox) PublishVersion(scopes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.app.versions = append(s.app.versions, slices.Clone(scopes))
}

// Upgrade accepts the newest version, as the tenant's admin does with Upgrade to New
// Version.
func (s *Sandbox) Upgrade(tenantID int64) error {
	return s.change(tenantID, func(i *install) { i.version = len(s.app.versions) }, allowed)
}

// Generate makes a new secret in one of the client's two slots. The secret cannot be
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
