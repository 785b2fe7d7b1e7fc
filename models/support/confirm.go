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
)

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

// checkProof returns what is wrong with a confirmation.
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
	case secretForms.MatchString(s):
		return ProofHasSecret
	}
	return ProofFine
}

// Confirm records that an admin of the tenant confirmed that the company of the
// open set-up controls it. It returns a ProofError if the form is not complete.
// Sent twice, it is recorded once.
func (d *Support) Confirm(ctx context.Context, staff accounts.Staff, id uuid.UUID, p models.Proof) error {
	connection, err := d.connection(ctx, id)
	if err != nil {
		return err
	}
	db := d.db
	err = db.Write(ctx, func(tx *gorm.DB) error {
		if _, err := models.GetConnection(database.ForUpdate(tx), connection.CompanyID, id); err != nil {
			return err
		}
		s, err := models.FindSetup(database.ForUpdate(tx), id)
		if err != nil {
			return err
		}
		now, err := db.SharedNow(tx)
		if err != nil {
			return err
		}
		others, err := models.OthersHave(tx, s)
		if err != nil {
			return err
		}
		if err := checkProof(p, others, db.Now()); err != nil {
			return err
		}
		proven, err := models.IsProven(tx, s)
		if err != nil || proven && s.Proof.Same(p) {
			return err
		}
		if err := notesOfStaff.Take(tx, staff.UserID.String(), now); err != nil {
			return err
		}
		s.Proof = p
		s.Proof.ByName, s.Proof.At = staff.Name, &now
		if err := tx.Select("*").Updates(&s).Error; err != nil {
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
