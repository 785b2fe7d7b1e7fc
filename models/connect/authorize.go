package connect

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// authorizationLife is how long a person may stay at ServiceTitan.
	authorizationLife = 10 * time.Minute
	// resumableFor is how long afterwards a trip can be begun again from what was
	// chosen for it.
	resumableFor = time.Hour
	// keptPerSession bounds the trips of a session, except one that is at work.
	keptPerSession = 5
)

// authorizationsOfUser and authorizationsOfCompany bound how many trips are
// begun, however they end.
var (
	authorizationsOfUser    = accounts.Limit{Name: "authorizations", Tries: 30, Per: time.Hour}
	authorizationsOfCompany = accounts.Limit{Name: "company-authorizations", Tries: 60, Per: time.Hour}
)

type purpose string

const (
	toConnect   purpose = "connect"
	toReconnect purpose = "reconnect"
)

// authorization is one trip to ServiceTitan and back. It is found by the hash
// of its state, and only together with the binding value of the session in
// which it began (RFC 9700, section 4.7).
type authorization struct {
	StateHash      []byte `gorm:"primaryKey"`
	BindingHash    []byte
	CompanyID      uuid.UUID
	UserID         uuid.UUID
	Environment    servicetitan.EnvironmentName
	TenantID       int64
	Way            servicetitan.Way
	Purpose        purpose
	ConnectionID   *uuid.UUID
	VerifierSealed []byte
	CreatedAt      time.Time
	ExpiresAt      time.Time
	ClaimedAt      *time.Time
	FinishedAt     *time.Time
	Outcome        models.Outcome
	FoundTenantID  int64
	RetryAt        *time.Time
}

func (a *authorization) choice() models.Choice {
	choice := models.Choice{Environment: a.Environment, Way: a.Way, TenantID: a.TenantID}
	if a.Purpose == toReconnect && a.ConnectionID != nil {
		choice.ConnectionID = *a.ConnectionID
	}
	return choice
}

// connected records that the trip ended with a connection.
func (a *authorization) connected(tx *gorm.DB, connectionID uuid.UUID, now time.Time) error {
	return tx.Model(a).Updates(map[string]any{"finished_at": now, "outcome": models.OutcomeConnected, "connection_id": connectionID}).Error
}

func (a *authorization) result() models.Result {
	r := models.Result{Outcome: a.Outcome, Choice: a.choice(), FoundTenantID: a.FoundTenantID}
	if a.ConnectionID != nil {
		r.ConnectionID = *a.ConnectionID
	}
	if a.RetryAt != nil {
		r.RetryAt = *a.RetryAt
	}
	return r
}

func (a *authorization) verifierPlace() seal.Place {
	return seal.Place{Table: "authorizations", Company: a.CompanyID.String(), Row: hex.EncodeToString(a.StateHash), Column: "verifier_sealed"}
}

// CheckChoice refuses what the environment does not offer, and a reconnect of
// what is not the company's, both with ErrNotFound.
func (c *Connections) CheckChoice(ctx context.Context, v accounts.Visitor, choice models.Choice) error {
	client, ok := c.clients.In(choice.Environment)
	if !ok || !client.Environment().Offers(choice.Way) || !models.ValidTenantID(choice.TenantID) {
		return fmt.Errorf("check choice: %w", database.ErrNotFound)
	}
	if !choice.Reconnects() {
		return nil
	}
	connection, err := c.Get(ctx, v.CompanyID, choice.ConnectionID)
	if err != nil {
		return err
	}
	if connection.Environment != choice.Environment || connection.TenantID != choice.TenantID {
		return fmt.Errorf("check choice: %w", database.ErrNotFound)
	}
	return nil
}

// Begin begins a trip to ServiceTitan and returns where to send the browser.
// The binding is the session's.
func (c *Connections) Begin(ctx context.Context, v accounts.Visitor, binding secret.Value, choice models.Choice) (string, error) {
	if err := c.CheckChoice(ctx, v, choice); err != nil {
		return "", err
	}
	client, _ := c.clients.In(choice.Environment)
	state, verifier := servicetitan.NewState(), servicetitan.NewVerifier()
	address, err := client.AuthorizeURL(ctx, servicetitan.AuthorizeRequest{
		State: state, Verifier: verifier, RedirectURI: c.redirectURI, TenantID: choice.TenantID,
	})
	if err != nil {
		return "", fmt.Errorf("begin authorization: %w", err)
	}
	a := authorization{
		StateHash: database.HashOf(state), BindingHash: database.HashOf(binding), CompanyID: v.CompanyID, UserID: v.UserID,
		Environment: choice.Environment, TenantID: choice.TenantID, Way: choice.Way, Purpose: toConnect,
	}
	if choice.Reconnects() {
		a.Purpose, a.ConnectionID = toReconnect, &choice.ConnectionID
	}
	if a.VerifierSealed, err = c.keys.Seal(verifier.Reveal(), a.verifierPlace()); err != nil {
		return "", fmt.Errorf("begin authorization: %w", err)
	}
	err = c.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		if err := authorizationsOfUser.Take(tx, v.UserID.String(), now); err != nil {
			return err
		}
		if err := authorizationsOfCompany.Take(tx, v.CompanyID.String(), now); err != nil {
			return err
		}
		// The newest stay: whoever opens tab after tab means the last ones. Those that
		// have ended count too, or saying no again and again would keep them all.
		if err := tx.Exec(`DELETE FROM authorizations WHERE binding_hash = ? AND (claimed_at IS NULL OR finished_at IS NOT NULL) AND created_at <=
				(SELECT created_at FROM authorizations WHERE binding_hash = ? AND (claimed_at IS NULL OR finished_at IS NOT NULL)
				 ORDER BY created_at DESC LIMIT 1 OFFSET ?)`, a.BindingHash, a.BindingHash, keptPerSession-1).Error; err != nil {
			return err
		}
		a.CreatedAt, a.ExpiresAt = now, now.Add(authorizationLife)
		return tx.Create(&a).Error
	})
	if err != nil {
		return "", fmt.Errorf("begin authorization: %w", err)
	}
	return address, nil
}

// LastBegun is the choice of the visitor's newest trip that has not come back
// and may still, if there is one. It lets somebody go on who was signed out on
// the way.
func (c *Connections) LastBegun(ctx context.Context, v accounts.Visitor) (models.Choice, bool, error) {
	var list []authorization
	err := c.db.Read(ctx).Where("user_id = ? AND company_id = ? AND claimed_at IS NULL AND created_at > ?", v.UserID, v.CompanyID, c.db.Now().Add(-resumableFor)).
		Order("created_at DESC").Limit(1).Find(&list).Error
	if err != nil || len(list) == 0 {
		return models.Choice{}, false, database.Found(err, "find last authorization")
	}
	return list[0].choice(), true, nil
}

// SealedTables returns what authorizations keep encrypted.
func SealedTables() []database.SealedTable {
	return []database.SealedTable{{Name: "authorizations", Key: "state_hash", Columns: []string{"verifier_sealed"}, Rows: database.SealedRowsOf(func(a authorization) database.SealedRow {
		return database.SealedRow{Key: a.StateHash, Values: []database.SealedValue{{Column: "verifier_sealed", Sealed: a.VerifierSealed, Place: a.verifierPlace()}}}
	})}}
}
