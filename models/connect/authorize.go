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
	// authorizationLife is how long a person may take at ServiceTitan.
	authorizationLife = 10 * time.Minute
	// resumableFor is how long after it began an authorization can be started again
	// from its choice.
	resumableFor = time.Hour
	// keptPerSession is the most authorizations that a session keeps, apart from
	// those that are being completed.
	keptPerSession = 5
)

// authorizationsOfUser and authorizationsOfCompany limit how many authorizations
// may begin, no matter how they end.
var (
	authorizationsOfUser    = accounts.Limit{Name: "authorizations", Tries: 30, Per: time.Hour}
	authorizationsOfCompany = accounts.Limit{Name: "company-authorizations", Tries: 60, Per: time.Hour}
)

// purpose is what an authorization is for.
type purpose string

const (
	toConnect   purpose = "connect"
	toReconnect purpose = "reconnect"
)

// authorization is one authorization request (RFC 6749, section 4.1) and its
// result. It is found by the hash of its state together with the binding value of
// the session in which it began (RFC 9700, section 4.7).
type authorization struct {
	StateHash   []byte `gorm:"primaryKey"`
	BindingHash []byte
	CompanyID   uuid.UUID
	// UserID is the person, or the owner who asked another person. It is nil for a
	// person whom a back end has sent.
	UserID *uuid.UUID
	// AskID is the ask through which the authorization began, and SessionID the
	// connect session. Both are nil for an authorization of a member.
	AskID, SessionID *uuid.UUID
	Environment      servicetitan.EnvironmentName
	TenantID         int64
	Way              servicetitan.Way
	Purpose          purpose
	ConnectionID     *uuid.UUID
	VerifierSealed   []byte
	CreatedAt        time.Time
	ExpiresAt        time.Time
	ClaimedAt        *time.Time
	FinishedAt       *time.Time
	Outcome          models.Outcome
	FoundTenantID    int64
	RetryAt          *time.Time
}

var authorizationRow = database.RowOf[authorization]()

func (a *authorization) choice() models.Choice {
	choice := models.Choice{Environment: a.Environment, Way: a.Way, TenantID: a.TenantID}
	if a.Purpose == toReconnect && a.ConnectionID != nil {
		choice.ConnectionID = *a.ConnectionID
	}
	return choice
}

// connected records that the authorization ended with a connection.
func (a *authorization) connected(tx *gorm.DB, connectionID uuid.UUID, now time.Time) error {
	_, err := database.Exec(tx, "UPDATE authorizations SET finished_at = $1, outcome = $2, connection_id = $3 WHERE state_hash = $4",
		now, models.OutcomeConnected, connectionID, a.StateHash)
	return err
}

// result returns what the page after the authorization shows.
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

// checkChoice returns ErrNotFound if the environment does not offer the choice, or
// if the connection to reconnect is not the company's.
func (c *Connections) checkChoice(ctx context.Context, companyID uuid.UUID, choice models.Choice) error {
	client, ok := c.clients.In(choice.Environment)
	if !ok || !client.Environment().Offers(choice.Way) || !models.ValidTenantID(choice.TenantID) {
		return fmt.Errorf("check choice: %w", database.ErrNotFound)
	}
	if !choice.Reconnects() {
		return nil
	}
	connection, err := c.Get(ctx, companyID, choice.ConnectionID)
	if err != nil {
		return err
	}
	if connection.Environment != choice.Environment || connection.TenantID != choice.TenantID {
		return fmt.Errorf("check choice: %w", database.ErrNotFound)
	}
	return nil
}

// Begin begins an authorization and returns the URL to which to send the browser.
// Binding is the session's binding value. Begin returns a ThrottledError if the
// person or the company began too many authorizations.
func (c *Connections) Begin(ctx context.Context, v accounts.Visitor, binding secret.Value, choice models.Choice) (string, error) {
	return c.begin(ctx, authorization{CompanyID: v.CompanyID, UserID: &v.UserID}, binding, choice, func(*gorm.DB, time.Time) error { return nil })
}

// begin begins an authorization of the company and person in a. It also calls may,
// in its transaction.
func (c *Connections) begin(ctx context.Context, a authorization, binding secret.Value, choice models.Choice, may func(tx *gorm.DB, now time.Time) error) (string, error) {
	if err := c.checkChoice(ctx, a.CompanyID, choice); err != nil {
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
	a.StateHash, a.BindingHash = database.HashOf(state), database.HashOf(binding)
	a.Environment, a.TenantID, a.Way, a.Purpose = choice.Environment, choice.TenantID, choice.Way, toConnect
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
		if err := may(tx, now); err != nil {
			return err
		}
		if err := authorizationsOfUser.Take(tx, a.limitedAs().String(), now); err != nil {
			return err
		}
		if err := authorizationsOfCompany.Take(tx, a.CompanyID.String(), now); err != nil {
			return err
		}
		// Keep the newest authorizations: a person with many tabs uses the last ones.
		// Finished authorizations count too, so that refusing access again and again
		// does not add rows without limit.
		if _, err := database.Exec(tx, `DELETE FROM authorizations WHERE binding_hash = $1 AND (claimed_at IS NULL OR finished_at IS NOT NULL) AND created_at <=
				(SELECT created_at FROM authorizations WHERE binding_hash = $1 AND (claimed_at IS NULL OR finished_at IS NOT NULL)
				 ORDER BY created_at DESC LIMIT 1 OFFSET $2)`, a.BindingHash, keptPerSession-1); err != nil {
			return err
		}
		a.CreatedAt, a.ExpiresAt = now, now.Add(authorizationLife)
		return authorizationRow.Insert(tx, &a)
	})
	if err != nil {
		return "", fmt.Errorf("begin authorization: %w", err)
	}
	return address, nil
}

// ofGuest reports whether the authorization began through a link.
func (a *authorization) ofGuest() bool { return a.AskID != nil || a.SessionID != nil }

// limitedAs returns the ID by which authorizations are counted. A person who was
// asked does not use up the tries of the owner who asked.
func (a *authorization) limitedAs() uuid.UUID {
	switch {
	case a.AskID != nil:
		return *a.AskID
	case a.SessionID != nil:
		return *a.SessionID
	}
	return *a.UserID
}

// LastBegun returns the choice of the visitor's newest authorization that can still
// come back, and whether there is one. It lets people continue who were signed out
// while they were at ServiceTitan.
func (c *Connections) LastBegun(ctx context.Context, v accounts.Visitor) (models.Choice, bool, error) {
	var newest []authorization
	err := c.db.Read(ctx).Where("user_id = ? AND company_id = ? AND ask_id IS NULL AND claimed_at IS NULL AND created_at > ?", v.UserID, v.CompanyID, c.db.Now().Add(-resumableFor)).
		Order("created_at DESC").Limit(1).Find(&newest).Error
	if err != nil || len(newest) == 0 {
		return models.Choice{}, false, database.Found(err, "find last authorization")
	}
	return newest[0].choice(), true, nil
}

// SealedTables returns the encrypted columns of authorizations.
func SealedTables() []database.SealedTable {
	return []database.SealedTable{{Name: "authorizations", Key: "state_hash", Columns: []string{"verifier_sealed"}, Rows: database.SealedRowsOf(func(a authorization) database.SealedRow {
		return database.SealedRow{Key: a.StateHash, Values: []database.SealedValue{{Column: "verifier_sealed", Sealed: a.VerifierSealed, Place: a.verifierPlace()}}}
	})}}
}
