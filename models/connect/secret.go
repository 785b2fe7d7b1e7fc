package connect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

var (
	// ErrSecretInUse says that the new secret is the one that is in use.
	ErrSecretInUse = errors.New("this secret is in use already")
	// ErrClientChanged says that the connection has another client by now.
	ErrClientChanged = errors.New("the connection has another client by now")
)

// ClientView is a tenant's own client as pages show it.
type ClientView struct {
	Connection models.Connection
	ClientID   string
	// Slot is the secret that is in use.
	Slot models.SecretSlot
}

// NewSecret is a secret that a person entered in place of the one that they saw as set
// at InsteadOf.
type NewSecret struct {
	Value     secret.Value
	InsteadOf time.Time
}

// Client returns the own client that the company's connection uses. It returns
// ErrNotFound unless somebody entered it by one of the ways: staff for models.GuidedWay,
// or the company for models.OwnCredentialsWay.
func (c *Connections) Client(ctx context.Context, companyID, id uuid.UUID, ways ...models.Way) (ClientView, error) {
	db := c.db.Read(ctx)
	connection, err := models.GetConnection(db, companyID, id)
	if err == nil && (!slices.Contains(ways, connection.Way) || !connection.UsesOwnClient() || connection.SecretAt == nil) {
		err = database.ErrNotFound
	}
	if err != nil {
		return ClientView{}, fmt.Errorf("find own client: %w", err)
	}
	stored, err := c.keeper.ClientOf(db, connection)
	return ClientView{Connection: connection, ClientID: stored.ID, Slot: stored.Slot()}, err
}

// ReplaceSecret tries a new secret of the client that a connection uses, and uses it
// from then on if it works. Until then, the old one serves. The result says how that
// ended. The error says that the secret could not be tried, because it is the old one
// for example, or that the result was not recorded. Entering the same secret twice has
// no further effect.
func (c *Connections) ReplaceSecret(ctx context.Context, by accounts.Actor, client ClientView, n NewSecret) (models.Result, error) {
	was := client.Connection
	a := attempt{by: by, companyID: was.CompanyID, choice: models.Choice{
		Environment: was.Environment, Way: was.Way, TenantID: was.TenantID, ConnectionID: was.ID,
	}}
	enters := models.OwnCredentialsWay
	if by.StaffName != "" {
		enters = models.GuidedWay
	}
	if was.Way != enters {
		return models.Result{}, fmt.Errorf("replace secret: %w", database.ErrNotFound)
	}
	if _, ok := c.clients.In(was.Environment); !ok {
		return models.Result{}, &models.ReasonError{Reason: models.ReasonUnavailable, Err: database.ErrUnavailable}
	}
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		if err := takeCredentialAttempt(tx, by, was.CompanyID, c.db.Now()); err != nil {
			return err
		}
		return accounts.StillAllowed(tx, by, was.CompanyID)
	})
	if f, out := shutOut(err); out {
		return c.keepSecret(ctx, a, f)
	}
	if err != nil {
		return models.Result{}, fmt.Errorf("try secret: %w", err)
	}
	stored, err := c.keeper.ClientOf(c.db.Read(ctx), was)
	if err != nil {
		return models.Result{}, err
	}
	done := models.Result{Outcome: models.OutcomeConnected, ConnectionID: was.ID, Choice: a.choice}
	if stored.Uses(n.Value) {
		now, err := c.Get(ctx, was.CompanyID, was.ID)
		if err == nil && now.SecretAt != nil && now.SecretAt.Equal(n.InsteadOf) {
			err = ErrSecretInUse
		}
		return done, err // without an error, the form was sent twice
	}
	granted, f, failed := c.prove(ctx, a.choice, servicetitan.OwnClient{ID: stored.ID, Secret: n.Value})
	if failed {
		return c.keepSecret(ctx, a, f)
	}
	if err := c.swapSecret(ctx, a, granted); err != nil {
		if f, out := shutOut(err); out {
			return c.keepSecret(ctx, a, f)
		}
		return models.Result{}, fmt.Errorf("replace secret: %w", err)
	}
	c.keeper.Forget(was.ID)
	return done, nil
}

// swapSecret stores a secret that works over the old one, together with the access that
// it gave. A renewal with the old secret that is under way cannot be saved after that,
// because the credential has another generation.
func (c *Connections) swapSecret(ctx context.Context, a attempt, granted grantedAccess) error {
	client, _ := c.clients.In(a.choice.Environment)
	return c.db.Write(ctx, func(tx *gorm.DB) error {
		if err := accounts.StillAllowed(tx, a.by, a.companyID); err != nil {
			return err
		}
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		connection, err := models.GetConnection(database.ForUpdate(tx), a.companyID, a.choice.ConnectionID)
		if err != nil {
			return err
		}
		stored, err := c.keeper.ClientOf(tx, connection)
		if errors.Is(err, database.ErrNotFound) || (err == nil && (stored.ID != granted.own.ID || connection.Way != a.choice.Way)) {
			return ErrClientChanged
		}
		if err != nil || stored.Uses(granted.own.Secret) { // the form was sent twice
			return err
		}
		old := stored.Slot()
		switch {
		case connection.Reason == models.ReasonClientRefused:
			old = models.NoSecret // ServiceTitan does not accept it anymore
		case old == models.SlotOf(granted.own.Secret):
			old = models.OtherSecret
		}
		var due time.Time
		happened, err := models.Apply(tx, &connection, models.Transition{
			What: models.SecretReplaced, At: now, By: a.by,
			Edit: func(o *models.Connection) {
				o.SecretAt, o.OldSecret, o.SecretReminderAt = &now, old, nil
				o.TenantName, o.BusinessUnits = cmp.Or(granted.account.Name, o.TenantName), granted.account.BusinessUnits
				due = c.give(o, granted.Tokens, client.Environment().Scopes, now)
			},
			With: func(tx *gorm.DB, o models.Connection) error {
				if err := c.keeper.Store(tx, o, granted.Tokens, granted.own, due); err != nil {
					return err
				}
				return c.checker.Schedule(tx, o, now)
			},
		})
		if err == nil && !happened {
			return ErrClientChanged
		}
		if err != nil || old == models.NoSecret || connection.Way != models.GuidedWay {
			return err
		}
		return models.AddTask(tx, models.TaskDeleteSecret, connection, now)
	})
}

// keepSecret records why a new secret did not replace the old one.
func (c *Connections) keepSecret(ctx context.Context, a attempt, f failure) (models.Result, error) {
	id := a.choice.ConnectionID
	c.log.InfoContext(ctx, "secret not replaced", "outcome", f.outcome, "connection", id, "support_code", a.by.SupportCode, "cause", f.cause)
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		return models.RecordSeries(tx, models.Event{
			CompanyID: a.companyID, ConnectionID: &id, Kind: models.EventSecretFailed, ActorName: a.by.Name, StaffName: a.by.StaffName,
			Outcome: f.outcome, SupportCode: a.by.SupportCode, At: c.db.Now(),
		})
	})
	if err != nil {
		return models.Result{}, fmt.Errorf("record that the secret stays: %w", err)
	}
	return models.Result{Outcome: f.outcome, ConnectionID: id, Choice: a.choice, FoundTenantID: f.foundTenantID, RetryAt: f.retryAt}, nil
}

// OldSecretDeleted records that, according to a person, the old secret was deleted in
// ServiceTitan. Saying so twice has no further effect.
func (c *Connections) OldSecretDeleted(ctx context.Context, by accounts.Actor, companyID, id uuid.UUID) error {
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		if err := accounts.StillAllowed(tx, by, companyID); err != nil {
			return err
		}
		connection, err := models.GetConnection(database.ForUpdate(tx), companyID, id)
		if err != nil || connection.OldSecret == models.NoSecret {
			return err
		}
		if err := models.ForgetOldSecret(tx, id); err != nil {
			return err
		}
		return models.Record(tx, models.Event{
			CompanyID: companyID, ConnectionID: &id, Kind: models.EventSecretDeleted, ActorName: by.Name, StaffName: by.StaffName,
			SupportCode: by.SupportCode, At: c.db.Now(),
		})
	})
	if err != nil {
		return fmt.Errorf("record that the old secret is deleted: %w", err)
	}
	return nil
}
