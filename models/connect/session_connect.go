package connect

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// tried notes how an attempt ended, for the back end.
func (v Visit) tried(tx *gorm.DB, outcome models.Outcome, _ time.Time) error {
	return tx.Model(&Session{}).Where("id = ? AND status = ?", v.ID, SessionOpened).Update("last_outcome", outcome).Error
}

// use notes that the person has connected.
func (v Visit) use(tx *gorm.DB, _ accounts.Actor, connectionID uuid.UUID, now time.Time) error {
	return v.done(tx, SessionConnected, connectionID, now)
}

// done gives the session the status with which the person's part ends. It returns
// ErrLinkOver if the session ended in the meantime.
func (v Visit) done(tx *gorm.DB, as SessionStatus, connectionID uuid.UUID, now time.Time) error {
	err := v.move(tx, as, now, map[string]any{"connection_id": connectionID, "last_outcome": ""})
	if errors.Is(err, errSessionMoved) {
		return ErrLinkOver
	}
	return err
}

// attempt returns an attempt by the person. Its caller adds the choice.
func (v Visit) attempt(supportCode string) attempt {
	return attempt{by: v.actor(supportCode), companyID: v.CompanyID, companyName: v.CompanyName, guest: v}
}

// visiting returns the session of a browser and an attempt with a choice of a way. It
// returns ErrLinkOver if the session has ended or does not leave that choice to the
// person.
func (c *Connections) visiting(ctx context.Context, binding secret.Value, choice models.Choice, way servicetitan.Way, supportCode string) (Visit, attempt, error) {
	visit, err := c.Visit(ctx, binding)
	if err != nil {
		return visit, attempt{}, err
	}
	if !visit.Status.underWay() || choice.Way != way || !visit.Fits(choice) {
		return visit, attempt{}, ErrLinkOver
	}
	who := visit.attempt(supportCode)
	who.choice = visit.pinned(choice)
	return visit, who, nil
}

// BeginVisit is Begin for a person whom a back end has sent. The authorization belongs
// to their browser: whoever gets the URL elsewhere cannot complete it.
func (c *Connections) BeginVisit(ctx context.Context, binding secret.Value, choice models.Choice) (string, error) {
	visit, who, err := c.visiting(ctx, binding, choice, servicetitan.SignIn, "")
	if err != nil {
		return "", err
	}
	return c.begin(ctx, authorization{CompanyID: visit.CompanyID, SessionID: &visit.ID}, binding, who.choice,
		func(tx *gorm.DB, _ time.Time) error { return visit.still(c, tx) })
}

// TryVisit is ConnectWithCredentials for a person whom a back end has sent.
func (c *Connections) TryVisit(ctx context.Context, binding secret.Value, choice models.Choice, own servicetitan.OwnClient, supportCode string) (models.Result, error) {
	_, who, err := c.visiting(ctx, binding, choice, servicetitan.OwnCredentials, supportCode)
	if err != nil {
		return models.Result{}, err
	}
	return c.tryClient(ctx, who, own, nil)
}

// RequestVisit is RequestSetup for a person whom a back end has sent.
func (c *Connections) RequestVisit(ctx context.Context, binding secret.Value, choice models.Choice, supportCode string) error {
	visit, who, err := c.visiting(ctx, binding, choice, servicetitan.Guided, supportCode)
	if err != nil {
		return err
	}
	_, err = c.request(ctx, who, func(tx *gorm.DB, connectionID uuid.UUID, now time.Time) error {
		return visit.done(tx, SessionSetupRequested, connectionID, now)
	})
	return err
}

// AllowVisit is AccessAllowed for a person whom a back end has sent. It changes nothing
// if the setup does not wait for that.
func (c *Connections) AllowVisit(ctx context.Context, binding secret.Value, supportCode string) error {
	visit, err := c.Visit(ctx, binding)
	if err != nil || visit.Setup == nil {
		return err
	}
	may := visit.still
	if visit.Status == SessionSetupRequested { // the setup that the person requested has come to their step
		may = func(_ *Connections, db *gorm.DB) error { return linkOver(accounts.StillOpen(db, visit.CompanyID)) }
	} else if !visit.Status.underWay() {
		return ErrLinkOver
	}
	by := visit.actor(supportCode)
	return c.allow(ctx, by, *visit.Setup, visit.ID, func(tx *gorm.DB) error { return may(c, tx) }, func(tx *gorm.DB, now time.Time) error {
		if visit.Status == SessionSetupRequested {
			return nil
		}
		return visit.done(tx, SessionSetupRequested, visit.Setup.ConnectionID, now)
	})
}
