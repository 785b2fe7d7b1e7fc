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
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// setupRequests limits how much of our staff's time a company can ask for.
var setupRequests = accounts.Limit{Name: "setups", Tries: 20, Per: time.Hour}

// RequestSetup asks our staff to set up a connection and returns its ID. Asking
// again while the setup is open changes nothing. An existing connection keeps
// working during the setup.
func (c *Connections) RequestSetup(ctx context.Context, v accounts.Visitor, choice models.Choice) (id uuid.UUID, err error) {
	if choice.Way != servicetitan.Guided {
		return id, fmt.Errorf("check choice: %w", database.ErrNotFound)
	}
	who := attempt{by: v.Actor(), companyID: v.CompanyID, companyName: v.CompanyName, choice: choice}
	return c.request(ctx, who, func(*gorm.DB, uuid.UUID, time.Time) error { return nil })
}

// request requests a setup for whoever makes the attempt. It calls also in the same
// transaction.
func (c *Connections) request(ctx context.Context, who attempt, also func(tx *gorm.DB, connectionID uuid.UUID, now time.Time) error) (id uuid.UUID, err error) {
	if err := c.checkChoice(ctx, who.companyID, who.choice); err != nil {
		return id, err
	}
	request := func(tx *gorm.DB) error {
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		if id, err = c.requestSetup(tx, who, now); err != nil {
			return err
		}
		return also(tx, id, now)
	}
	err = c.db.Write(ctx, request)
	if errors.Is(err, gorm.ErrDuplicatedKey) { // a double click: the other request made the connection
		err = c.db.Write(ctx, request)
	}
	if err != nil {
		return id, fmt.Errorf("request setup: %w", err)
	}
	return id, nil
}

func (c *Connections) requestSetup(tx *gorm.DB, who attempt, now time.Time) (id uuid.UUID, err error) {
	choice := who.choice
	if err := setupRequests.Take(tx, who.companyID.String(), now); err != nil {
		return id, err
	}
	if err := c.stillMay(tx, who); err != nil {
		return id, err
	}
	var connection models.Connection
	err = database.ForUpdate(tx).Where("company_id = ? AND environment = ? AND tenant_id = ?", who.companyID, choice.Environment, choice.TenantID).
		Take(&connection).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		connection = models.Connection{
			ID: database.NewID(), CompanyID: who.companyID, Environment: choice.Environment, TenantID: choice.TenantID, CreatedAt: now,
		}
	} else if err != nil {
		return id, err
	}
	id = connection.ID
	if connection.SettingUp {
		return id, nil
	}
	happened, err := models.Apply(tx, &connection, models.Transition{
		What: models.Requested, At: now, By: who.by, SessionID: sessionOf(who.guest),
		Edit: func(o *models.Connection) {
			if o.State == models.Pending { // an existing connection keeps its way until then
				o.Way, o.ConnectedByName = choice.Way, who.by.Name
			}
		},
		With: func(tx *gorm.DB, o models.Connection) error { return openSetup(tx, who.by, o, now) },
	})
	if err == nil && !happened {
		err = errors.New("connection cannot be set up in state " + string(connection.State))
	}
	return id, err
}

// openSetup opens a guided setup of the connection.
func openSetup(tx *gorm.DB, by accounts.Actor, connection models.Connection, now time.Time) error {
	var last models.Setup
	err := tx.Where("connection_id = ?", connection.ID).Order("id DESC").Take(&last).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return err
	}
	s := models.Setup{
		ID: database.NewID(), ConnectionID: connection.ID, CompanyID: connection.CompanyID, Environment: connection.Environment,
		TenantID: connection.TenantID, RequestedByName: by.Name, RequestedAt: now,
	}
	s.Wait(models.StepAddTenant, models.Us, "", now)
	if last.Step == models.StepChecked { // our app still has the tenant ID
		s.TenantAddedAt = last.TenantAddedAt
		s.Proof = last.Proof // it counts until another company appears
		s.Wait(models.StepAllowAccess, models.TheCompany, "", now)
	}
	return tx.Create(&s).Error
}

// AccessAllowed records that, according to a member, the tenant's admin has allowed
// the app in ServiceTitan. It changes nothing if the setup does not wait for that.
func (c *Connections) AccessAllowed(ctx context.Context, v accounts.Visitor, connectionID uuid.UUID) error {
	return c.ChangeSetup(ctx, v.Actor(), v.CompanyID, connectionID, models.EventSetupAllowed, func(s *models.Setup, now time.Time) bool { return s.Allowed(v.Name, now) })
}

// ChangeSetup changes the company's open setup and records the event. If change
// returns false, because a button was pressed twice for example, nothing changes.
// ChangeSetup returns ErrNoSetup if no setup is open.
func (c *Connections) ChangeSetup(ctx context.Context, by accounts.Actor, companyID, connectionID uuid.UUID, kind models.EventKind, change func(*models.Setup, time.Time) bool) error {
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		_, err := changeSetup(tx, by, companyID, connectionID, uuid.Nil, kind, c.db.Now(), change)
		return err
	})
	if err != nil {
		return fmt.Errorf("change setup: %w", err)
	}
	return nil
}

// changeSetup reports whether the setup changed. session is the connect session through
// which that happens. If it is uuid.Nil, it is the one that waits for the setup, if any.
func changeSetup(tx *gorm.DB, by accounts.Actor, companyID, connectionID, session uuid.UUID, kind models.EventKind, now time.Time, change func(*models.Setup, time.Time) bool) (bool, error) {
	// Lock the connection first, in the same order as closing a setup does.
	connection, err := models.GetConnection(database.ForUpdate(tx), companyID, connectionID)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return false, err
	}
	s, err := models.FindSetup(database.ForUpdate(tx).Where("company_id = ?", companyID), connectionID)
	if err != nil {
		return false, err
	}
	if !change(&s, now) {
		return false, nil
	}
	if err := tx.Select("*").Updates(&s).Error; err != nil {
		return false, err
	}
	if session == uuid.Nil {
		if session, err = waitingFor(tx, connectionID); err != nil {
			return false, err
		}
	}
	return true, recordSetup(tx, by, connection, s, session, kind, now)
}

// WithdrawSetup closes a setup that the company no longer wants. A connection that
// is still pending is disconnected.
func (c *Connections) WithdrawSetup(ctx context.Context, v accounts.Visitor, connectionID uuid.UUID) error {
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		connection, err := models.GetConnection(database.ForUpdate(tx), v.CompanyID, connectionID)
		if err != nil {
			return err
		}
		now := c.db.Now()
		s, err := models.CloseSetup(tx, &connection, false, now)
		if err != nil || s == nil {
			return err
		}
		if err := endAsks(tx, v.CompanyID, tenantOf(connection), AskDisconnected, now); err != nil {
			return err
		}
		session, err := endWaiting(tx, connection.ID, SessionCanceled, now)
		if err != nil {
			return err
		}
		if connection.State != models.Pending {
			if err := tx.Model(&connection).Select("SettingUp", "UpdatedAt").Updates(models.Connection{UpdatedAt: now}).Error; err != nil {
				return err
			}
			return recordSetup(tx, v.Actor(), connection, *s, session, models.EventSetupWithdrawn, now)
		}
		if s.TenantAddedAt != nil {
			if err := models.AddTask(tx, models.TaskRemoveTenant, connection, now); err != nil {
				return err
			}
		}
		_, err = models.Apply(tx, &connection, models.Transition{What: models.LetGo, At: now, By: v.Actor(), SessionID: session})
		return err
	})
	if err != nil {
		return fmt.Errorf("withdraw setup: %w", err)
	}
	return nil
}

// recordSetup records the event of a setup that went on or ended, and tells back ends.
func recordSetup(tx *gorm.DB, by accounts.Actor, connection models.Connection, s models.Setup, session uuid.UUID, kind models.EventKind, now time.Time) error {
	err := models.Record(tx, models.Event{
		CompanyID: s.CompanyID, ConnectionID: &s.ConnectionID, Kind: kind, ActorName: by.Name, StaffName: by.StaffName,
		Outcome: s.Problem, SupportCode: by.SupportCode, At: now,
	})
	if err != nil {
		return err
	}
	return models.NoteSetup(tx, connection, session, now)
}
