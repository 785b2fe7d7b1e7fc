package models

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// ErrNotProven says that nobody has confirmed that the company of a set-up
// controls the tenant, or that another company has appeared since.
var ErrNotProven = errors.New("control of the tenant is not confirmed")

// ProofChannel is how our staff reached a ServiceTitan admin of a tenant.
type ProofChannel string

const (
	// CalledBack: on a number that ServiceTitan or the company's website shows.
	CalledBack ProofChannel = "called_back"
	// OwnDomain: by mail from the domain that belongs to the tenant.
	OwnDomain ProofChannel = "own_domain"
	// OnScreen: on a shared screen, where they opened API Application Access.
	OnScreen ProofChannel = "screen"
)

// ProofChannels lists all of them in the order in which people read them.
func ProofChannels() []ProofChannel { return []ProofChannel{CalledBack, OwnDomain, OnScreen} }

// Proof is a recorded confirmation that a company controls a tenant: a
// ServiceTitan admin of the tenant said so. A tenant ID is no secret, and the
// tenant may have allowed our app long ago, so the number alone proves nothing.
type Proof struct {
	// Name and Role are the admin's.
	Name, Role string
	Channel    ProofChannel
	// Contact is the number, address, or meeting by which they were reached.
	Contact   string
	ReachedAt *time.Time
	// ByName recorded it at At, which is nil until then.
	ByName string
	At     *time.Time
	// Despite says that staff looked at the other companies that have a row for
	// the tenant.
	Despite bool
}

// Recorded says whether there is a confirmation.
func (p Proof) Recorded() bool { return p.At != nil }

// Who is the admin as people read it.
func (p Proof) Who() string { return p.Name + ", " + p.Role }

// Same says whether two confirmations tell of one conversation.
func (p Proof) Same(q Proof) bool {
	return p.Name == q.Name && p.Role == q.Role && p.Channel == q.Channel && p.Contact == q.Contact &&
		p.ReachedAt != nil && q.ReachedAt != nil && p.ReachedAt.Equal(*q.ReachedAt) && p.Despite == q.Despite
}

// ProvenSQL says of a set-up s whether its confirmation counts. It covers the
// companies that had a row for the tenant when staff looked at them, and nobody
// who has come since.
const ProvenSQL = `(s.proven_at IS NOT NULL AND NOT EXISTS (
	SELECT 1 FROM connections o WHERE o.tenant_id = s.tenant_id AND o.environment = s.environment AND o.company_id <> s.company_id
	AND (NOT s.proven_despite OR o.created_at > s.proven_at OR o.connected_at > s.proven_at OR EXISTS (
		SELECT 1 FROM setups x WHERE x.connection_id = o.id AND x.requested_at > s.proven_at))))`

// IsProven says whether the set-up's confirmation counts.
func IsProven(db *gorm.DB, s Setup) (bool, error) {
	var proven bool
	if err := db.Raw("SELECT "+ProvenSQL+" FROM setups s WHERE s.id = ?", s.ID).Scan(&proven).Error; err != nil {
		return false, fmt.Errorf("look for confirmation: %w", err)
	}
	return proven, nil
}

// StillProven returns ErrNoSetup if another set-up or none is open by now, and
// ErrNotProven if nobody has confirmed it.
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

// OthersHave says whether another company has a row for the set-up's tenant.
func OthersHave(db *gorm.DB, s Setup) (bool, error) {
	var ids []uuid.UUID
	err := db.Model(&Connection{}).Where("tenant_id = ? AND environment = ? AND company_id <> ?", s.TenantID, s.Environment, s.CompanyID).
		Limit(1).Pluck("id", &ids).Error
	if err != nil {
		return false, fmt.Errorf("look for other companies: %w", err)
	}
	return len(ids) > 0, nil
}
