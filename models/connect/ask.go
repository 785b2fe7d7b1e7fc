package connect

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// What people do with asks. The activity of the company shows it.
const (
	// AuditAskMade says that an owner made a link for a ServiceTitan admin.
	AuditAskMade accounts.AuditAction = "ask_made"
	// AuditAskWithdrawn says that an owner withdrew such a link.
	AuditAskWithdrawn accounts.AuditAction = "ask_withdrawn"
	// AuditAskUsed says that somebody did what the link asked for. The actor is
	// named by the name that they gave.
	AuditAskUsed accounts.AuditAction = "ask_used"
)

// asksOpen is the most asks that a company can have open.
const asksOpen = 20

// asksOfCompany limits how many asks a company can make, no matter how they end.
var asksOfCompany = accounts.Limit{Name: "asks", Tries: 40, Per: 24 * time.Hour}

// AsksKept is how long an ask is kept after it expires. It has the name of a person
// without an account, so it is not kept for long.
const AsksKept = 30 * 24 * time.Hour

var (
	// ErrTooManyAsks says that the company has asksOpen asks open.
	ErrTooManyAsks = errors.New("company has too many open asks")
	// ErrUnproven says that the owner has not proved their email address. The person
	// who is asked must be able to trust the address that the page shows.
	ErrUnproven = errors.New("email address is not proven")
)

// AskEnd is why an ask ended.
type AskEnd string

// All ends of asks. The database stores their values.
const (
	// AskUsed says that the person did what the ask asked for.
	AskUsed AskEnd = "used"
	// AskWithdrawn says that an owner withdrew the ask.
	AskWithdrawn AskEnd = "withdrawn"
	// AskReplaced says that an owner made another ask for the same tenant.
	AskReplaced AskEnd = "replaced"
	// AskConnected says that the tenant was connected without the ask.
	AskConnected AskEnd = "connected"
	// AskDisconnected says that the connection was disconnected, or its setup
	// withdrawn.
	AskDisconnected AskEnd = "disconnected"
)

// Ask is what an owner asks somebody else to do in ServiceTitan: to connect one
// tenant in one way. That person has a link and needs no account.
type Ask struct {
	ID        uuid.UUID `gorm:"primaryKey"`
	CompanyID uuid.UUID
	// AskerID is the owner. While they are not an owner, the link does not work.
	AskerID     uuid.UUID
	Environment servicetitan.EnvironmentName
	TenantID    int64
	Way         servicetitan.Way
	// ConnectionID is the connection that the ask is about, or that it made. It is
	// nil until a first connection is made.
	ConnectionID *uuid.UUID
	// BindingHash is the hash of a value that only the browser has in which the link
	// was opened first.
	BindingHash []byte
	// AdminName is the name that the person at that browser gave.
	AdminName string
	OpenedAt  *time.Time
	// AwaySince is when the person went to ServiceTitan. It is nil once they are
	// back.
	AwaySince *time.Time
	// LastOutcome is how the last attempt ended without a connection, if there was
	// one.
	LastOutcome models.Outcome
	CreatedAt   time.Time
	ExpiresAt   time.Time
	EndedAt     *time.Time
	Ended       AskEnd
}

// Open reports whether the ask has neither ended nor expired.
func (a Ask) Open(now time.Time) bool { return a.EndedAt == nil && a.ExpiresAt.After(now) }

func (a Ask) choice() models.Choice {
	choice := models.Choice{Environment: a.Environment, Way: a.Way, TenantID: a.TenantID}
	if a.ConnectionID != nil {
		choice.ConnectionID = *a.ConnectionID
	}
	return choice
}

// MakeAsk makes an ask and returns the secret of its link. Earlier asks for the same
// tenant end. A guided setup is requested if none is open. MakeAsk returns
// ErrForbidden if the visitor is not an owner, ErrUnproven, ErrTooManyAsks, or a
// ThrottledError.
func (c *Connections) MakeAsk(ctx context.Context, v accounts.Visitor, choice models.Choice) (ask Ask, link secret.Value, err error) {
	if !v.Owns() {
		return ask, link, accounts.ErrForbidden
	}
	if !v.Proven {
		return ask, link, ErrUnproven
	}
	if err := c.checkChoice(ctx, v.CompanyID, choice); err != nil {
		return ask, link, err
	}
	if choice.Way == servicetitan.Guided {
		if choice.ConnectionID, err = c.RequestSetup(ctx, v, choice); err != nil {
			return ask, link, err
		}
	}
	err = c.db.Write(ctx, func(tx *gorm.DB) error {
		if err := accounts.StillOwner(tx, v); err != nil {
			return err
		}
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		// The count below is exact: this makes other asks of the company wait.
		if err := asksOfCompany.Take(tx, v.CompanyID.String(), now); err != nil {
			return err
		}
		if err := endAsks(tx, v.CompanyID, choice, AskReplaced, now); err != nil {
			return err
		}
		var open int64
		if err := tx.Model(&Ask{}).Where("company_id = ? AND ended_at IS NULL AND expires_at > ?", v.CompanyID, now).Count(&open).Error; err != nil {
			return err
		}
		if open >= asksOpen {
			return ErrTooManyAsks
		}
		ask = Ask{
			ID: database.NewID(), CompanyID: v.CompanyID, AskerID: v.UserID, Environment: choice.Environment, TenantID: choice.TenantID, Way: choice.Way,
			CreatedAt: now, ExpiresAt: now.Add(accounts.LinkAsk.Life()),
		}
		if choice.Reconnects() {
			ask.ConnectionID = &choice.ConnectionID
		}
		if err := tx.Create(&ask).Error; err != nil {
			return err
		}
		if link, err = accounts.MakeLink(tx, accounts.Link{Purpose: accounts.LinkAsk, UserID: &v.UserID, SubjectID: &ask.ID}, now); err != nil {
			return err
		}
		return v.Actor().AuditIn(tx, v.CompanyID, AuditAskMade, ask.ID, ask.detail(), now)
	})
	if err != nil {
		return Ask{}, secret.Value{}, fmt.Errorf("make ask: %w", err)
	}
	return ask, link, nil
}

// AskAgain makes the ask again. The old link ends.
func (c *Connections) AskAgain(ctx context.Context, v accounts.Visitor, id uuid.UUID) (Ask, secret.Value, error) {
	ask, err := c.Ask(ctx, v.CompanyID, id)
	if err != nil {
		return Ask{}, secret.Value{}, err
	}
	return c.MakeAsk(ctx, v, ask.choice())
}

// detail is the ask in the record of what people do.
func (a Ask) detail() string { return strconv.FormatInt(a.TenantID, 10) }

// Ask returns one of the company's asks, or ErrNotFound.
func (c *Connections) Ask(ctx context.Context, companyID, id uuid.UUID) (Ask, error) {
	var ask Ask
	err := c.db.Read(ctx).Where("id = ? AND company_id = ?", id, companyID).Take(&ask).Error
	return ask, database.Found(err, "get ask")
}

// OpenAsks returns the company's open asks, newest first.
func (c *Connections) OpenAsks(ctx context.Context, companyID uuid.UUID) ([]Ask, error) {
	var asks []Ask
	err := c.db.Read(ctx).Where("company_id = ? AND ended_at IS NULL AND expires_at > ?", companyID, c.db.Now()).
		Order("id DESC").Limit(asksOpen).Find(&asks).Error
	if err != nil {
		return nil, fmt.Errorf("list asks: %w", err)
	}
	return asks, nil
}

// WithdrawAsk ends the ask. It changes nothing if the ask has ended.
func (c *Connections) WithdrawAsk(ctx context.Context, v accounts.Visitor, id uuid.UUID) error {
	ask, err := c.Ask(ctx, v.CompanyID, id)
	if err != nil {
		return err
	}
	err = c.db.Write(ctx, func(tx *gorm.DB) error {
		if err := accounts.StillOwner(tx, v); err != nil {
			return err
		}
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		ended, err := ask.end(tx, AskWithdrawn, now)
		if err != nil || !ended {
			return err
		}
		return v.Actor().AuditIn(tx, v.CompanyID, AuditAskWithdrawn, ask.ID, ask.detail(), now)
	})
	if err != nil {
		return fmt.Errorf("withdraw ask: %w", err)
	}
	return nil
}

// end ends the ask and its link. It reports whether the ask was open.
func (a Ask) end(tx *gorm.DB, why AskEnd, now time.Time) (bool, error) {
	ended := tx.Model(&Ask{}).Where("id = ? AND ended_at IS NULL AND expires_at > ?", a.ID, now).
		Updates(map[string]any{"ended_at": now, "ended": why, "away_since": nil})
	if ended.Error != nil || ended.RowsAffected == 0 {
		return false, ended.Error
	}
	return true, accounts.EndLinks(tx, accounts.LinkAsk, "subject_id", a.ID)
}

// endAsks ends the company's open asks for the tenant of a choice. Their links no
// longer open anything, and are deleted once they expire. A transaction that also
// takes the connection's row takes it first.
func endAsks(tx *gorm.DB, companyID uuid.UUID, tenant models.Choice, why AskEnd, now time.Time) error {
	_, err := database.Exec(tx, "UPDATE asks SET ended_at = $1, ended = $2, away_since = NULL WHERE company_id = $3 AND environment = $4 AND tenant_id = $5 AND ended_at IS NULL",
		now, why, companyID, tenant.Environment, tenant.TenantID)
	if err != nil {
		return fmt.Errorf("end asks: %w", err)
	}
	return nil
}
