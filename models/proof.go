package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"gorm.io/gorm"
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

// same says whether two confirmations tell of one conversation.
func (p Proof) same(q Proof) bool {
	return p.Name == q.Name && p.Role == q.Role && p.Channel == q.Channel && p.Contact == q.Contact &&
		p.ReachedAt != nil && q.ReachedAt != nil && p.ReachedAt.Equal(*q.ReachedAt) && p.Despite == q.Despite
}

const (
	// maxProofLine is the longest name, role or contact, in characters.
	maxProofLine = 100
	// proofFresh is how long ago the conversation may have been.
	proofFresh = 7 * 24 * time.Hour
	// clocksApart is how far ahead the clock may be by which staff say when.
	clocksApart = 2 * time.Minute
)

// ProofProblem is what is wrong with a field of a confirmation.
type ProofProblem string

const (
	ProofFine       ProofProblem = ""
	ProofMissing    ProofProblem = "missing"
	ProofTooLong    ProofProblem = "too_long"
	ProofUnreadable ProofProblem = "unreadable"
	ProofHasSecret  ProofProblem = "has_secret"
	ProofAhead      ProofProblem = "ahead"
	ProofTooOld     ProofProblem = "too_old"
)

// ProofError says what is wrong with each field of a confirmation.
type ProofError struct{ Name, Role, Channel, Contact, ReachedAt, Despite ProofProblem }

func (e *ProofError) Error() string { return fmt.Sprintf("confirmation is not complete: %+v", *e) }

// check returns what is wrong with a confirmation.
func (p Proof) check(others bool, now time.Time) error {
	e := ProofError{Name: checkProofLine(p.Name), Role: checkProofLine(p.Role), Contact: checkProofLine(p.Contact)}
	if !slices.Contains(ProofChannels(), p.Channel) {
		e.Channel = ProofMissing
	}
	switch {
	case p.ReachedAt == nil:
		e.ReachedAt = ProofMissing
	case p.ReachedAt.After(now.Add(clocksApart)):
		e.ReachedAt = ProofAhead
	case p.ReachedAt.Before(now.Add(-proofFresh)):
		e.ReachedAt = ProofTooOld
	}
	if others && !p.Despite {
		e.Despite = ProofMissing
	}
	if e != (ProofError{}) {
		return &e
	}
	return nil
}

func checkProofLine(s string) ProofProblem {
	switch {
	case strings.TrimSpace(s) == "":
		return ProofMissing
	case utf8.RuneCountInString(s) > maxProofLine:
		return ProofTooLong
	case !allVisible(s):
		return ProofUnreadable
	case secretForms.MatchString(s):
		return ProofHasSecret
	}
	return ProofFine
}

// Confirm records that an admin of the tenant confirmed that the company of the
// open set-up controls it. It returns a ProofError if the form is not complete.
// Sent twice, it is recorded once.
func (d *Desk) Confirm(ctx context.Context, staff Staff, id uuid.UUID, p Proof) error {
	connection, err := d.connection(ctx, id)
	if err != nil {
		return err
	}
	db := d.connections.db
	err = db.Write(ctx, func(tx *gorm.DB) error {
		if _, err := getConnection(forUpdate(tx), connection.CompanyID, id); err != nil {
			return err
		}
		s, err := findSetup(forUpdate(tx), id)
		if err != nil {
			return err
		}
		now, err := db.sharedNow(tx)
		if err != nil {
			return err
		}
		others, err := othersHave(tx, s)
		if err != nil {
			return err
		}
		if err := p.check(others, db.Now()); err != nil {
			return err
		}
		proven, err := isProven(tx, s)
		if err != nil || proven && s.Proof.same(p) {
			return err
		}
		if err := notesOfStaff.take(tx, staff.UserID.String(), now); err != nil {
			return err
		}
		s.Proof = p
		s.Proof.ByName, s.Proof.At = staff.Name, &now
		if err := tx.Select("*").Updates(&s).Error; err != nil {
			return err
		}
		event := staff.act(connection, EventSetupConfirmed, now)
		event.Detail = p.Who()
		return record(tx, event)
	})
	if err != nil {
		return fmt.Errorf("confirm control: %w", err)
	}
	return nil
}

// provenSQL says of a set-up s whether its confirmation counts. It covers the
// companies that had a row for the tenant when staff looked at them, and nobody
// who has come since.
const provenSQL = `(s.proven_at IS NOT NULL AND NOT EXISTS (
	SELECT 1 FROM connections o WHERE o.tenant_id = s.tenant_id AND o.environment = s.environment AND o.company_id <> s.company_id
	AND (NOT s.proven_despite OR o.created_at > s.proven_at OR o.connected_at > s.proven_at OR EXISTS (
		SELECT 1 FROM setups x WHERE x.connection_id = o.id AND x.requested_at > s.proven_at))))`

// isProven says whether the set-up's confirmation counts.
func isProven(db *gorm.DB, s Setup) (bool, error) {
	var proven bool
	if err := db.Raw("SELECT "+provenSQL+" FROM setups s WHERE s.id = ?", s.ID).Scan(&proven).Error; err != nil {
		return false, fmt.Errorf("look for confirmation: %w", err)
	}
	return proven, nil
}

// stillProven returns ErrNoSetup if another set-up or none is open by now, and
// ErrNotProven if nobody has confirmed it.
func stillProven(tx *gorm.DB, s *Setup) error {
	if s == nil {
		return ErrNotProven
	}
	open, err := findSetup(forUpdate(tx), s.ConnectionID)
	if err != nil {
		return err
	}
	if open.ID != s.ID {
		return ErrNoSetup
	}
	proven, err := isProven(tx, open)
	if err == nil && !proven {
		err = ErrNotProven
	}
	return err
}

// othersHave says whether another company has a row for the set-up's tenant.
func othersHave(db *gorm.DB, s Setup) (bool, error) {
	var ids []uuid.UUID
	err := db.Model(&Connection{}).Where("tenant_id = ? AND environment = ? AND company_id <> ?", s.TenantID, s.Environment, s.CompanyID).
		Limit(1).Pluck("id", &ids).Error
	if err != nil {
		return false, fmt.Errorf("look for other companies: %w", err)
	}
	return len(ids) > 0, nil
}

// OtherRow is another company's connection to the same tenant. Only staff see
// whose it is.
type OtherRow struct {
	ID          uuid.UUID
	CompanyID   uuid.UUID
	CompanyName string
	Environment EnvironmentName
	TenantID    int64
	State       State
}

// othersShown bounds the other companies that are named for one tenant.
const othersShown = 10

// addOthers names the other companies of each set-up's tenant: those that have
// it connected first.
func addOthers(db *gorm.DB, list []QueuedSetup) error {
	if len(list) == 0 {
		return nil
	}
	tenants := make([]int64, len(list))
	for i, s := range list {
		tenants[i] = s.TenantID
	}
	var rows []OtherRow
	err := db.Raw(`SELECT * FROM (
			SELECT o.id, o.company_id, c.name AS company_name, o.environment, o.tenant_id, o.state, row_number() OVER (
				PARTITION BY o.environment, o.tenant_id ORDER BY CASE WHEN o.state IN ('disconnected', 'pending') THEN 1 ELSE 0 END, o.id) AS place
			FROM connections o JOIN companies c ON c.id = o.company_id WHERE o.tenant_id IN ?) AS placed
		WHERE place <= ? ORDER BY environment, tenant_id, place`, tenants, othersShown+1).Scan(&rows).Error
	if err != nil {
		return fmt.Errorf("name other companies: %w", err)
	}
	for i := range list {
		s := &list[i]
		for _, o := range rows {
			if o.TenantID == s.TenantID && o.Environment == s.Environment && o.CompanyID != s.CompanyID && len(s.Others) < othersShown {
				s.Others = append(s.Others, o)
			}
		}
	}
	return nil
}
