package sandbox

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Happening is something that people have done at the sandbox. Those about a tenant name
// it.
type Happening struct {
	What     Deed
	TenantID int64
}

// Deed is what people can do at the sandbox, besides its actions, each of which is a deed
// of the same name.
type Deed string

const (
	// Asked says that somebody came to the consent page to decide about a tenant.
	Asked Deed = "asked"
	// Allowed says that somebody allowed the access on the consent page.
	Allowed Deed = "allowed"
	// Denied says that somebody denied it there.
	Denied Deed = "denied"
	// TookDown says that the environment was taken down.
	TookDown Deed = "took_down"
	// BroughtBack says that it was brought back.
	BroughtBack Deed = "brought_back"
)

// happen notes that something has happened. The caller holds the mutex.
func (s *Sandbox) happen(what Deed, tenantID int64) {
	s.ledger.happened[Happening{what, tenantID}] = s.now()
}

// note notes that something has happened.
func (s *Sandbox) note(what Deed, tenantID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.happen(what, tenantID)
}

// Happened returns when something has happened last to a tenant, or to all. It returns
// zero if it has not happened since the last reset.
func (s *Sandbox) Happened(what Deed, tenantID int64) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	own, common := s.ledger.happened[Happening{what, tenantID}], s.ledger.happened[Happening{what, 0}]
	if common.After(own) {
		return common
	}
	return own
}

// RenewedSince reports whether a tenant's access was renewed after a time.
func (s *Sandbox) RenewedSince(tenantID int64, since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range slices.Backward(s.ledger.lines) {
		if line.Time.Before(since) {
			return false
		}
		if line.Path == PathToken && line.GrantType == grantRefresh && line.TenantID == tenantID && line.Status == 200 {
			return true
		}
	}
	return false
}

// InstallOf returns how far a tenant is with the app.
func (s *Sandbox) InstallOf(tenantID int64) Install {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.app.installs[tenantID]
	if !ok {
		return Install{}
	}
	return Install{Added: i.state != notAdded, Allowed: i.state == allowed, First: i.secrets[0] != sum{}, Second: i.secrets[1] != sum{}}
}

// Install says how far a tenant is with the app: whether its ID was added, whether its
// admin allows the app, and which of the two client secrets exist.
type Install struct{ Added, Allowed, First, Second bool }

// Opened reports whether somebody has opened a letter to an address. Its subject has the
// words.
func (s *Sandbox) Opened(to, words string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.mailbox.letters, func(f filed) bool {
		return f.opened && f.To == to && strings.Contains(f.Subject, words)
	})
}

// Verified reports whether a genuine webhook message of a kind has come about a tenant.
func (s *Sandbox) Verified(kind string, tenantID int64) bool {
	about := strconv.FormatInt(tenantID, 10)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.receiver.messages, func(m message) bool { return m.kind == kind && m.problem == "" && strings.Contains(m.body, about) })
}
