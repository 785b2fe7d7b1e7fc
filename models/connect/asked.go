package connect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Asked is an ask as the person sees it who was asked, with everything that this
// person learns about the company.
type Asked struct {
	Ask
	CompanyName string
	// AskerName and AskerEmail name the owner who asks. The address is proven.
	AskerName, AskerEmail string
	// Setup is the open setup of a guided ask; nil if there is none.
	Setup *models.Setup `gorm:"-"`
}

// actor returns the person who was asked, by the name that they gave. They are not a
// user, and the name says how they came.
func (a Asked) actor(supportCode string) accounts.Actor {
	return accounts.Actor{Name: a.AdminName + " (by a link from " + a.AskerName + ")", SupportCode: supportCode}
}

// findAsked returns an ask, whether or not it is over. It returns ErrLinkOver if
// there is none.
func findAsked(db *gorm.DB, column string, value any) (Asked, error) {
	var asked Asked
	err := db.Raw(`SELECT a.*, c.name AS company_name, u.name AS asker_name, u.email AS asker_email
		FROM asks a JOIN companies c ON c.id = a.company_id JOIN users u ON u.id = a.asker_id WHERE a.`+column+` = ?`, value).Take(&asked).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return asked, ErrLinkOver
	}
	if err != nil {
		return asked, fmt.Errorf("find ask: %w", err)
	}
	return asked, nil
}

// still returns ErrLinkOver if nobody may act through the ask any longer.
func (a Asked) still(c *Connections, db *gorm.DB) error {
	var ask Ask
	err := db.Where("id = ?", a.ID).Take(&ask).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return ErrLinkOver
	}
	if err != nil {
		return fmt.Errorf("find ask: %w", err)
	}
	if err := linkOver(accounts.StillOwner(db, accounts.Visitor{UserID: ask.AskerID, CompanyID: ask.CompanyID})); err != nil {
		return err
	}
	now, err := c.db.SharedNow(db)
	if err == nil && !ask.Open(now) {
		err = ErrLinkOver
	}
	return err
}

// AskedByLink returns the ask of a link that was not opened yet. It returns
// ErrLinkOpened or ErrLinkOver otherwise. It changes nothing, so that programs that
// look ahead do no harm.
func (c *Connections) AskedByLink(ctx context.Context, link secret.Value) (Asked, error) {
	return c.askedByLink(c.db.Read(ctx), link)
}

func (c *Connections) askedByLink(db *gorm.DB, link secret.Value) (Asked, error) {
	id, err := c.subjectOf(db, accounts.LinkAsk, link)
	if err != nil {
		return Asked{}, err
	}
	asked, err := findAsked(db, "id", id)
	if err == nil {
		err = asked.still(c, db)
	}
	if err == nil && asked.BindingHash != nil {
		err = ErrLinkOpened
	}
	return asked, err
}

// StartAsk binds a link to the browser that has the binding value, and keeps the
// name of the person there. Of several browsers at the same time, one wins and the
// others get ErrLinkOpened. Address is the one that the request came from.
func (c *Connections) StartAsk(ctx context.Context, link, binding secret.Value, name, address string) error {
	return c.startLink(ctx, address, func(tx *gorm.DB) error {
		asked, err := c.askedByLink(tx, link)
		if err != nil {
			return err
		}
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		bound := tx.Model(&Ask{}).Where("id = ? AND binding_hash IS NULL AND ended_at IS NULL", asked.ID).
			Updates(map[string]any{"binding_hash": database.HashOf(binding), "admin_name": name, "opened_at": now})
		if bound.Error == nil && bound.RowsAffected == 0 {
			return ErrLinkOpened
		}
		return bound.Error
	})
}

// Asked returns the ask that is bound to the browser with the binding value. An ask
// that was used is returned, too. Asked returns ErrLinkOver for any other that is
// over.
func (c *Connections) Asked(ctx context.Context, binding secret.Value) (Asked, error) {
	if binding.IsZero() {
		return Asked{}, ErrLinkOver
	}
	db := c.db.Read(ctx)
	asked, err := findAsked(db, "binding_hash", database.HashOf(binding))
	if err != nil || asked.Ended == AskUsed {
		return asked, err
	}
	if err := asked.still(c, db); err != nil {
		return Asked{}, err
	}
	if asked.Way != servicetitan.Guided || asked.ConnectionID == nil {
		return asked, nil
	}
	setup, err := models.FindSetup(db.Where("company_id = ?", asked.CompanyID), *asked.ConnectionID)
	if err == nil {
		asked.Setup = &setup
	} else if errors.Is(err, models.ErrNoSetup) {
		err = nil
	}
	return asked, err
}

// use uses the ask up, and tells the owner who asked.
func (a Asked) use(tx *gorm.DB, by accounts.Actor, connectionID uuid.UUID, now time.Time) error {
	ended, err := a.end(tx, AskUsed, now)
	if err != nil {
		return err
	}
	if !ended {
		return ErrLinkOver
	}
	if err := tx.Model(&Ask{}).Where("id = ?", a.ID).Updates(map[string]any{"connection_id": connectionID, "last_outcome": ""}).Error; err != nil {
		return err
	}
	if err := by.AuditIn(tx, a.CompanyID, AuditAskUsed, a.ID, a.detail(), now); err != nil {
		return err
	}
	return accounts.TellAskUsed(tx, a.AskerID, a.CompanyID, connectionID, now)
}

// tried notes how an attempt ended without a connection, for the owner who asked.
func (a Asked) tried(tx *gorm.DB, outcome models.Outcome, _ time.Time) error {
	return tx.Model(&Ask{}).Where("id = ? AND ended_at IS NULL", a.ID).Updates(map[string]any{"last_outcome": outcome, "away_since": nil}).Error
}
