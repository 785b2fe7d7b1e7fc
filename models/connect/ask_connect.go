package connect

import (
	"context"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
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
		return "", ErrLinkOver
	}
	return c.begin(ctx, authorization{CompanyID: asked.CompanyID, UserID: &asked.AskerID, AskID: &asked.ID}, binding, asked.choice(), func(tx *gorm.DB, now time.Time) error {
		if err := asked.still(c, tx); err != nil {
			return err
		}
		return tx.Model(&Ask{}).Where("id = ? AND ended_at IS NULL", asked.ID).Update("away_since", now).Error
	})
}

// attempt returns an attempt by the person who was asked.
func (a Asked) attempt(supportCode string) attempt {
	return attempt{by: a.actor(supportCode), companyID: a.CompanyID, companyName: a.CompanyName, choice: a.choice(), guest: a}
}

// TryAsked is ConnectWithCredentials for the person who was asked.
func (c *Connections) TryAsked(ctx context.Context, binding secret.Value, own servicetitan.OwnClient, supportCode string) (models.Result, error) {
	asked, err := c.Asked(ctx, binding)
	if err != nil {
		return models.Result{}, err
	}
	if asked.Ended != "" || asked.Way != servicetitan.OwnCredentials {
		return models.Result{}, ErrLinkOver
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
	return c.allow(ctx, by, *asked.Setup, uuid.Nil, func(tx *gorm.DB) error { return asked.still(c, tx) }, func(tx *gorm.DB, now time.Time) error {
		return asked.use(tx, by, *asked.ConnectionID, now)
	})
}
