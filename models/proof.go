package models

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// ErrNotProven says that staff have not confirmed that the company of a setup
// controls the tenant, or that another company has appeared since they did.
var ErrNotProven = errors.New("control of the tenant is not confirmed")

// ProofChannel is how our staff reached a ServiceTitan admin of a tenant.
type ProofChannel string

const (
	// CalledBack means a call to a number that ServiceTitan or the company's website
	// shows.
	CalledBack ProofChannel = "called_back"
	// OwnDomain means a mail from the domain that belongs to the tenant.
	OwnDomain ProofChannel = "own_domain"
	// OnScreen means a shared screen on which the admin opened API Application
	// Access.
	OnScreen ProofChannel = "screen"
)

// ProofChannels returns every channel, in the order in which pages list them.
func ProofChannels() []ProofChannel { return []ProofChannel{CalledBack, OwnDomain, OnScreen} }

// Proof records that a ServiceTitan admin of a tenant confirmed that a company
// controls the tenant. A tenant ID is not a secret, and the tenant may have
// allowed our app long ago, so knowing the ID proves nothing.
type Proof struct {
	// Name and Role are the admin's.
	Name, Role string
	Channel    ProofChannel
	// Contact is the phone number, address, or meeting through which staff reached
	// the admin.
	Contact   string
	ReachedAt *time.Time
	// ByName is the staff member who recorded the proof, and At is when. At is nil
	// until then.
	ByName string
	At     *time.Time
	// Despite says that staff considered the other companies that have a connection
	// to the tenant.
	Despite bool
}

// Recorded reports whether the confirmation has been recorded.
func (p Proof) Recorded() bool { return p.At != nil }

// Who returns the admin's name and role, for people to read.
func (p Proof) Who() string { return p.Name + ", " + p.Role }

// Same reports whether two proofs describe the same conversation.
func (p Proof) Same(q Proof) bool {
	return p.Name == q.Name && p.Role == q.Role && p.Channel == q.Channel && p.Contact == q.Contact &&
		p.ReachedAt != nil && q.ReachedAt != nil && p.ReachedAt.Equal(*q.ReachedAt) && p.Despite == q.Despite
}

// ProvenSQL is the SQL condition that the proof of a setup s still counts. A proof
// covers the companies that had a connection to the tenant when staff considered
// them. A company that came later makes it void.
const ProvenSQL = `(s.proven_at IS NOT NULL AND NOT EXISTS (
	SELECT 1 FROM connections o WHERE o.tenant_id = s.tenant_id AND o.environment = s.environment AND o.company_id <> s.company_id
	AND (NOT s.proven_despite OR o.created_at > s.proven_at OR o.connected_at > s.proven_at OR EXISTS (
		SELECT 1 FROM setups x WHERE x.connection_id = o.id AND x.requested_at > s.proven_at))))`

// IsProven reports whether the setup's proof still counts.
func IsProven(db *gorm.DB, s Setup) (bool, error) {
	var proven bool
	if err := db.Raw("SELECT "+ProvenSQL+" FROM setups s WHERE s.id = ?", s.ID).Scan(&proven).Error; err != nil {
		return false, fmt.Errorf("check proof of control: %w", err)
	}
	return proven, nil
}

// StillProven returns ErrNoSetup if the setup is no longer the connection's open
// one, and ErrNotProven if its proof does not count.
func StillProven(tx *gorm.DB, s *Setup) error {
	if s == nil {
		return ErrNotProven
	}
	open, err := FindSetup(database.ForUpdate(tx), s.ConnectionID)
	if err != nil {
		return err
	}
	if open.ID != s.ID {
		return ErrNoSetup
	}
	proven, err := IsProven(tx, open)
	if err == nil && !proven {
		err = ErrNotProven
	}
	return err
}

// OthersHave reports whether another company has a connection to the setup's
// tenant, in any state.
func OthersHave(db *gorm.DB, s Setup) (bool, error) {
	var ids []uuid.UUID
	err := db.Model(&Connection{}).Where("tenant_id = ? AND environment = ? AND company_id <> ?", s.TenantID, s.Environment, s.CompanyID).
		Limit(1).Pluck("id", &ids).Error
	if err != nil {
		return false, fmt.Errorf("look for other companies: %w", err)
	}
	return len(ids) > 0, nil
}
