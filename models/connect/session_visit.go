package connect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// Visit is a session as the person sees it to whom the link was sent.
type Visit struct {
	Session
	CompanyName string
	// ByOperator says that the key is the operator's. Any owner can make one of a company,
	// and give it the name of somebody else's program.
	ByOperator bool
	// TenantName is the name of the account to reconnect, if there is one.
	TenantName string
	// Setup is the open setup of the connection to reconnect, or of the one that the
	// session led to. It is nil if there is none.
	Setup *models.Setup `gorm:"-"`
}

// actor returns the person. Nobody knows their name, so it says how they came.
func (v Visit) actor(supportCode string) accounts.Actor {
	return accounts.Actor{Name: "Someone (by a link from " + v.CallerName + ")", SupportCode: supportCode}
}

// findVisit returns a session, whatever its status. It returns ErrLinkOver if there is
// none.
func findVisit(db *gorm.DB, column string, value any) (Visit, error) {
	var visit Visit
	err := db.Raw(`SELECT s.*, c.name AS company_name, coalesce(o.tenant_name, '') AS tenant_name,
			EXISTS (SELECT 1 FROM api_keys k WHERE k.id = s.key_id AND k.company_id IS NULL) AS by_operator
		FROM connect_sessions s JOIN companies c ON c.id = s.company_id LEFT JOIN connections o ON o.id = s.connection_id WHERE s.`+column+` = ?`, value).Take(&visit).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return visit, ErrLinkOver
	}
	if err != nil {
		return visit, fmt.Errorf("find session: %w", err)
	}
	return visit, nil
}

// still returns ErrLinkOver if nobody may act through the session any longer: it has
// ended, its key no longer works, or its company is locked.
func (v Visit) still(c *Connections, db *gorm.DB) error {
	if err := linkOver(accounts.StillOpen(db, v.CompanyID)); err != nil {
		return err
	}
	var row struct {
		Session
		RevokedAt    *time.Time
		KeyExpiresAt *time.Time
	}
	err := db.Raw(`SELECT s.*, k.revoked_at, k.expires_at AS key_expires_at FROM connect_sessions s JOIN api_keys k ON k.id = s.key_id WHERE s.id = ?`, v.ID).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return ErrLinkOver
	}
	if err != nil {
		return fmt.Errorf("find session: %w", err)
	}
	now, err := c.db.SharedNow(db)
	if err != nil {
		return err
	}
	key := accounts.APIKey{RevokedAt: row.RevokedAt, ExpiresAt: row.KeyExpiresAt}
	if !row.StatusAt(now).underWay() || !key.Works(now) {
		return ErrLinkOver
	}
	return nil
}

// VisitByLink returns the session of a link that nobody has gone on with yet. It
// returns ErrLinkOpened or ErrLinkOver otherwise. It changes nothing, so that programs
// that look ahead do no harm.
func (c *Connections) VisitByLink(ctx context.Context, link secret.Value) (Visit, error) {
	return c.visitByLink(c.db.Read(ctx), link)
}

func (c *Connections) visitByLink(db *gorm.DB, link secret.Value) (Visit, error) {
	id, err := c.subjectOf(db, accounts.LinkConnectSession, link)
	if err != nil {
		return Visit{}, err
	}
	visit, err := findVisit(db, "id", id)
	if err == nil && visit.BindingHash != nil {
		err = ErrLinkOpened
	}
	if err == nil {
		err = visit.still(c, db)
	}
	return visit, err
}

// StartSession binds a link to the browser that has the binding value. Of several
// browsers at the same time, one wins and the others get ErrLinkOpened. Address is the
// one that the request came from.
func (c *Connections) StartSession(ctx context.Context, link, binding secret.Value, address string) error {
	return c.startLink(ctx, address, func(tx *gorm.DB) error {
		visit, err := c.visitByLink(tx, link)
		if err != nil {
			return err
		}
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		err = visit.move(tx, SessionOpened, now, map[string]any{
			"binding_hash": database.HashOf(binding), "opened_at": now, "expires_at": now.Add(SessionOpenLife),
		})
		if errors.Is(err, errSessionMoved) {
			return ErrLinkOpened
		}
		return err
	})
}

// Visit returns the session that is bound to the browser with the binding value. One
// that has ended is returned, too. Visit returns ErrLinkOver if there is none, or if
// nobody may go on although it has not ended.
func (c *Connections) Visit(ctx context.Context, binding secret.Value) (Visit, error) {
	if binding.IsZero() {
		return Visit{}, ErrLinkOver
	}
	db := c.db.Read(ctx)
	visit, err := findVisit(db, "binding_hash", database.HashOf(binding))
	if err != nil {
		return visit, err
	}
	now, err := c.db.SharedNow(db)
	if err != nil {
		return visit, err
	}
	if visit.Status = visit.StatusAt(now); visit.Status.underWay() {
		if err := visit.still(c, db); err != nil {
			return Visit{}, err
		}
	}
	if visit.ConnectionID == nil {
		return visit, nil
	}
	setup, err := models.FindSetup(db.Where("company_id = ?", visit.CompanyID), *visit.ConnectionID)
	switch {
	case err == nil:
		visit.Setup = &setup
	case !errors.Is(err, models.ErrNoSetup):
		return visit, err
	}
	return visit, nil
}

// CancelSession ends the session because the person does not want to connect. It
// changes nothing if the session has ended. It returns the session as it is then.
func (c *Connections) CancelSession(ctx context.Context, binding secret.Value) (Visit, error) {
	visit, err := c.Visit(ctx, binding)
	if err != nil || !visit.Status.underWay() {
		return visit, err
	}
	err = c.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		return visit.move(tx, SessionCanceled, now, nil)
	})
	if errors.Is(err, errSessionMoved) {
		return c.Visit(ctx, binding)
	}
	if err != nil {
		return visit, fmt.Errorf("cancel session: %w", err)
	}
	return visit, nil
}
