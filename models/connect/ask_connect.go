package connect

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// BeginAsked is Begin for the person who was asked. The authorization belongs to
// their browser: whoever gets the URL elsewhere cannot complete it.
func (c *Connections) BeginAsked(ctx context.Context, binding secret.Value) (string, error) {
	asked, err := c.Asked(ctx, binding)
	if err != nil {
		return "", err
	}
	if asked.Ended != "" || asked.Way != servicetitan.SignIn {
		return "", ErrAskOver
	}
	return c.begin(ctx, authorization{CompanyID: asked.CompanyID, UserID: asked.AskerID, AskID: &asked.ID}, binding, asked.choice(), func(tx *gorm.DB, now time.Time) error {
		if err := c.stillAsked(tx, asked.ID); err != nil {
			return err
		}
		return tx.Model(&Ask{}).Where("id = ? AND ended_at IS NULL", asked.ID).Update("away_since", now).Error
	})
}

// CompleteAsked is Complete for the person who was asked. Bindings are the values
// of their browser, one for each ask. Mine is the number of the one that the
// authorization belongs to. ok is false if the state belongs to no ask.
// CompleteAsked returns ErrUnknownState if the ask belongs to another browser.
func (c *Connections) CompleteAsked(ctx context.Context, bindings []secret.Value, supportCode string, q CallbackQuery) (result models.Result, mine int, ok bool, err error) {
	if q.State.IsZero() {
		return result, mine, false, nil
	}
	var a authorization
	err = c.db.ReadRow(ctx, "SELECT "+authorizationRow.Columns+" FROM authorizations WHERE state_hash = $1 AND ask_id IS NOT NULL",
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
		asked, err := findAsked(c.db.Read(ctx), "id", *a.AskID)
		if err != nil {
			return result, i, true, err
		}
		result, err = c.complete(ctx, asked.attempt(supportCode), a, binding, q)
		return result, i, true, err
	}
	return result, mine, true, accounts.ErrUnknownState
}

// attempt returns an attempt by the person who was asked.
func (a Asked) attempt(supportCode string) attempt {
	return attempt{by: a.actor(supportCode), companyID: a.CompanyID, companyName: a.CompanyName, choice: a.choice(), asked: &a}
}

// TryAsked is ConnectWithCredentials for the person who was asked.
func (c *Connections) TryAsked(ctx context.Context, binding secret.Value, own servicetitan.OwnClient, supportCode string) (models.Result, error) {
	asked, err := c.Asked(ctx, binding)
	if err != nil {
		return models.Result{}, err
	}
	if asked.Ended != "" || asked.Way != servicetitan.OwnCredentials {
		return models.Result{}, ErrAskOver
	}
	return c.tryClient(ctx, asked.attempt(supportCode), own, nil)
}

// AllowAsked is AccessAllowed for the person who was asked.
func (c *Connections) AllowAsked(ctx context.Context, binding secret.Value, supportCode string) error {
	asked, err := c.Asked(ctx, binding)
	if err != nil {
		return err
	}
	if asked.Ended != "" || asked.Setup == nil {
		return nil // the page says so
	}
	by := asked.actor(supportCode)
	err = c.db.Write(ctx, func(tx *gorm.DB) error {
		if err := c.stillAsked(tx, asked.ID); err != nil {
			return err
		}
		now := c.db.Now()
		changed, err := changeSetup(tx, by, asked.CompanyID, *asked.ConnectionID, models.EventSetupAllowed, now, func(s *models.Setup, now time.Time) bool { return s.Allowed(by.Name, now) })
		if err != nil || !changed {
			return err
		}
		return asked.use(tx, by, *asked.ConnectionID, now)
	})
	if err != nil {
		return fmt.Errorf("allow access: %w", err)
	}
	return nil
}
