package connect

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

var (
	// ErrLinkOver says that a link no longer works: it was used, it has expired or
	// ended, or whoever made it may no longer ask.
	ErrLinkOver = errors.New("link is over")
	// ErrLinkOpened says that the link was opened in another browser first.
	ErrLinkOpened = errors.New("link was opened in another browser")
)

// linkStarts limits how often an address can go on with links.
var linkStarts = accounts.Limit{Name: "link-starts", Tries: 30, Per: 10 * time.Minute}

// guest is a person without an account who connects by a link. An owner has asked
// them, or a back end has sent them. The link, and every authorization that begins
// through it, belongs to one browser.
type guest interface {
	// still returns ErrLinkOver if nobody may act through the link any longer. In a
	// transaction it comes first, as accounts.StillAllowed does.
	still(c *Connections, db *gorm.DB) error
	// tried notes how an attempt ended without a connection.
	tried(tx *gorm.DB, outcome models.Outcome, now time.Time) error
	// use uses the link up, together with what it asked for. It returns ErrLinkOver if
	// the link ended in the meantime, and then the whole transaction must not happen.
	use(tx *gorm.DB, by accounts.Actor, connectionID uuid.UUID, now time.Time) error
	// attempt returns an attempt by the guest.
	attempt(supportCode string) attempt
}

// linkOver turns the errors by which a person or a program may no longer act for a
// company into ErrLinkOver.
func linkOver(err error) error {
	for _, over := range []error{accounts.ErrLocked, accounts.ErrNoMembership, accounts.ErrForbidden, database.ErrNotFound} {
		if errors.Is(err, over) {
			return fmt.Errorf("%w: %w", ErrLinkOver, err)
		}
	}
	return err
}

// subjectOf returns what a link of a purpose is about. It returns ErrLinkOver if the
// link does not work.
func (c *Connections) subjectOf(db *gorm.DB, purpose accounts.LinkPurpose, link secret.Value) (uuid.UUID, error) {
	now, err := c.db.SharedNow(db)
	if err != nil {
		return uuid.Nil, err
	}
	found, err := accounts.FindLink(db, purpose, link, now)
	if errors.Is(err, database.ErrNotFound) || err == nil && found.SubjectID == nil {
		return uuid.Nil, ErrLinkOver
	}
	if err != nil {
		return uuid.Nil, err
	}
	return *found.SubjectID, nil
}

// startLink runs the write that binds a link to a browser. Address is the one that the
// request came from.
func (c *Connections) startLink(ctx context.Context, address string, bind func(tx *gorm.DB) error) error {
	err := c.db.Write(ctx, func(tx *gorm.DB) error { return linkStarts.Take(tx, address, c.db.Now()) })
	if err == nil {
		err = c.db.Write(ctx, bind)
	}
	if err != nil {
		return fmt.Errorf("open link: %w", err)
	}
	return nil
}

// CompleteAsGuest is Complete for a person who came by a link. Bindings are the
// values of their browser, one for each link. Mine is the number of the one that the
// authorization belongs to. ok is false if the state belongs to no link.
// CompleteAsGuest returns ErrUnknownState if the link belongs to another browser.
func (c *Connections) CompleteAsGuest(ctx context.Context, bindings []secret.Value, supportCode string, q CallbackQuery) (result models.Result, mine int, ok bool, err error) {
	if q.State.IsZero() {
		return result, mine, false, nil
	}
	var a authorization
	err = c.db.ReadRow(ctx, "SELECT "+authorizationRow.Columns+" FROM authorizations WHERE state_hash = $1 AND (ask_id IS NOT NULL OR session_id IS NOT NULL)",
		[]any{database.HashOf(q.State)}, authorizationRow.Into(&a)...)
	if errors.Is(err, database.ErrNotFound) {
		return result, mine, false, nil
	}
	if err != nil {
		return result, mine, true, fmt.Errorf("load authorization: %w", err)
	}
	for i, binding := range bindings {
		if subtle.ConstantTimeCompare(a.BindingHash, database.HashOf(binding)) != 1 {
			continue
		}
		who, err := c.guestOf(ctx, a)
		if err != nil {
			return result, i, true, err
		}
		attempt := who.attempt(supportCode)
		attempt.choice = a.choice()
		result, err = c.complete(ctx, attempt, a, binding, q)
		return result, i, true, err
	}
	return result, mine, true, accounts.ErrUnknownState
}

// guestOf returns the guest who began an authorization.
func (c *Connections) guestOf(ctx context.Context, a authorization) (guest, error) {
	if a.SessionID != nil {
		return findVisit(c.db.Read(ctx), "id", *a.SessionID)
	}
	return findAsked(c.db.Read(ctx), "id", *a.AskID)
}

// allow records that a guest has allowed the app, through a connect session if it is not
// uuid.Nil. The transaction first calls may. It
// calls also only if the setup has changed.
func (c *Connections) allow(ctx context.Context, by accounts.Actor, setup models.Setup, session uuid.UUID, may func(tx *gorm.DB) error, also func(tx *gorm.DB, now time.Time) error) error {
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		if err := may(tx); err != nil {
			return err
		}
		now := c.db.Now()
		changed, err := changeSetup(tx, by, setup.CompanyID, setup.ConnectionID, session, models.EventSetupAllowed, now, func(s *models.Setup, now time.Time) bool { return s.Allowed(by.Name, now) })
		if err != nil || !changed {
			return err
		}
		return also(tx, now)
	})
	if err != nil {
		return fmt.Errorf("allow access: %w", err)
	}
	return nil
}
