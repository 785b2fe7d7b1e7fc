package support

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

const (
	// maxProofLine is the most characters in a name, role, or contact.
	maxProofLine = 100
	// proofFresh is how long ago the conversation may have been.
	proofFresh = 7 * 24 * time.Hour
	// clocksApart is how far a staff member's clock may be ahead of ours.
	clocksApart = 2 * time.Minute
)

// ProofProblem is a problem with a field of a proof.
type ProofProblem string

// The problems with a field. ProofAhead and ProofTooOld are about the time of the
// conversation.
const (
	ProofFine       ProofProblem = ""
	ProofMissing    ProofProblem = "missing"
	ProofTooLong    ProofProblem = "too_long"
	ProofUnreadable ProofProblem = "unreadable"
	ProofHasSecret  ProofProblem = "has_secret"
	ProofAhead      ProofProblem = "ahead"
	ProofTooOld     ProofProblem = "too_old"
)

// ProofError says which problem each field of a proof has.
type ProofError struct{ Name, Role, Channel, Contact, ReachedAt, Despite ProofProblem }

// Error returns the problems of all fields.
func (e *ProofError) Error() string { return fmt.Sprintf("proof is not complete: %+v", *e) }

// checkProof returns a ProofError if a proof is not complete. Others says that other
// companies have a connection to the tenant.
func checkProof(p models.Proof, others bool, now time.Time) error {
	e := ProofError{Name: checkProofLine(p.Name), Role: checkProofLine(p.Role), Contact: checkProofLine(p.Contact)}
	if !slices.Contains(models.ProofChannels(), p.Channel) {
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
	case !accounts.AllVisible(s):
		return ProofUnreadable
	case secret.InText(s):
		return ProofHasSecret
	}
	return ProofFine
}

// Confirm records the proof that the company of a connection's open setup controls
// the tenant. It returns a ProofError if the proof is not complete, and ErrNoSetup if
// no setup is open. Recording the same proof twice has no further effect.
func (s *Support) Confirm(ctx context.Context, staff accounts.Staff, id uuid.UUID, p models.Proof) error {
	connection, err := s.connection(ctx, id)
	if err != nil {
		return err
	}
	db := s.db
	err = db.Write(ctx, func(tx *gorm.DB) error {
		if _, err := models.GetConnection(database.ForUpdate(tx), connection.CompanyID, id); err != nil {
			return err
		}
		setup, err := models.FindSetup(database.ForUpdate(tx), id)
		if err != nil {
			return err
		}
		now, err := db.SharedNow(tx)
		if err != nil {
			return err
		}
		others, err := models.OthersHave(tx, setup)
		if err != nil {
			return err
		}
		if err := checkProof(p, others, db.Now()); err != nil {
			return err
		}
		proven, err := models.IsProven(tx, setup)
		if err != nil || proven && setup.Proof.Same(p) {
			return err
		}
		if err := notesOfStaff.Take(tx, staff.UserID.String(), now); err != nil {
			return err
		}
		setup.Proof = p
		setup.Proof.ByName, setup.Proof.At = staff.Name, &now
		if err := tx.Select("*").Updates(&setup).Error; err != nil {
			return err
		}
		event := eventBy(staff, connection, models.EventSetupConfirmed, now)
		event.Detail = p.Who()
		return models.Record(tx, event)
	})
	if err != nil {
		return fmt.Errorf("confirm control: %w", err)
	}
	return nil
}

// OtherRow is another company's connection to the same tenant. Only staff see
// whose it is.
type OtherRow struct {
	ID          uuid.UUID
	CompanyID   uuid.UUID
	CompanyName string
	Environment models.EnvironmentName
	TenantID    int64
	State       models.State
}

// othersShown is the most other companies that are named for one tenant.
const othersShown = 10

// addOthers adds to each setup the other companies' connections to its tenant.
// Companies that have the tenant connected come first.
func addOthers(db *gorm.DB, setups []QueuedSetup) error {
	if len(setups) == 0 {
		return nil
	}
	tenants := make([]int64, len(setups))
	for i, setup := range setups {
		tenants[i] = setup.TenantID
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
	for i := range setups {
		setup := &setups[i]
		for _, o := range rows {
			if o.TenantID == setup.TenantID && o.Environment == setup.Environment && o.CompanyID != setup.CompanyID && len(setup.Others) < othersShown {
				setup.Others = append(setup.Others, o)
			}
		}
	}
	return nil
}
