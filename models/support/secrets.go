package support

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// clientWays are the ways in which a connection gets a client of the tenant's own.
var clientWays = []models.Way{models.GuidedWay, models.OwnCredentialsWay}

// SecretFilter selects client secrets. An empty field selects all.
type SecretFilter struct {
	Environment servicetitan.EnvironmentName
	Way         models.Way
}

// Secrets returns the connections with a client secret at a cursor, the one whose secret
// was entered the longest ago first.
func (s *Support) Secrets(ctx context.Context, f SecretFilter, at Cursor) (ConnectionPage, error) {
	return s.secrets(ctx, f, at, ConnectionsShown)
}

func (s *Support) secrets(ctx context.Context, f SecretFilter, at Cursor, limit int) (ConnectionPage, error) {
	than, way := ">", "ASC"
	if at.Back {
		than, way = "<", "DESC"
	}
	var pieces []query
	for _, environment := range models.EnvironmentNames() {
		for _, by := range clientWays {
			if (f.Environment != "" && f.Environment != environment) || (f.Way != "" && f.Way != by) {
				continue
			}
			var q query
			q.add("SELECT id, 0 AS rank, secret_at AS at, '' AS key FROM connections WHERE environment = ? AND way = ? AND secret_at IS NOT NULL", environment, by)
			if at != (Cursor{}) {
				q.add(" AND (secret_at, id) "+than+" (?, ?)", at.At, at.ID)
			}
			q.add(fmt.Sprintf(" ORDER BY secret_at %s, id %s LIMIT %d", way, way, limit+1))
			pieces = append(pieces, q)
		}
	}
	return cut(s.db.Read(ctx), union(pieces, "at "+way+", id "+way, limit+1), at, limit)
}

// Client returns the own client of a connection, or ErrNotFound if it has none. It
// records that staff looked at the connection.
func (s *Support) Client(ctx context.Context, staff accounts.Staff, id uuid.UUID) (connect.ClientView, accounts.Company, error) {
	connection, err := s.connection(ctx, id)
	if err != nil {
		return connect.ClientView{}, accounts.Company{}, err
	}
	client, err := s.connections.Client(ctx, connection.CompanyID, id, clientWays...)
	if err != nil {
		return connect.ClientView{}, accounts.Company{}, err
	}
	var company accounts.Company
	if err := s.db.Read(ctx).Where("id = ?", connection.CompanyID).Take(&company).Error; err != nil {
		return connect.ClientView{}, company, database.Found(err, "find company")
	}
	if err := s.lookedAt(ctx, staff, connection); err != nil {
		return connect.ClientView{}, company, err
	}
	return client, company, nil
}

// ReplaceSecret tries a new secret of a client that staff entered, and uses it if it
// works. Result and error are those of connect.Connections.ReplaceSecret.
func (s *Support) ReplaceSecret(ctx context.Context, staff accounts.Staff, client connect.ClientView, n connect.NewSecret) (models.Result, error) {
	return s.connections.ReplaceSecret(ctx, actor(staff), client, n)
}

// latestReminder is how far ahead a reminder may be.
const latestReminder = 5 * 366 * 24 * time.Hour

var (
	// ErrReminderPast says that the day of a reminder has passed.
	ErrReminderPast = errors.New("the day of the reminder has passed")
	// ErrReminderFar says that the day of a reminder is more than five years away.
	ErrReminderFar = errors.New("the day of the reminder is too far away")
)

// Remind sets the connection's reminder to replace its client secret, in place of an
// earlier one. The queue has it from that time on.
func (s *Support) Remind(ctx context.Context, staff accounts.Staff, id uuid.UUID, at time.Time) error {
	now := s.db.Now()
	switch {
	case !at.After(now):
		return ErrReminderPast
	case at.Sub(now) > latestReminder:
		return ErrReminderFar
	}
	return s.changeReminder(ctx, staff, id, &at)
}

// EndReminder ends the connection's reminder. Ending it twice has no further effect.
func (s *Support) EndReminder(ctx context.Context, staff accounts.Staff, id uuid.UUID) error {
	return s.changeReminder(ctx, staff, id, nil)
}

func (s *Support) changeReminder(ctx context.Context, staff accounts.Staff, id uuid.UUID, at *time.Time) error {
	connection, err := s.connection(ctx, id)
	if err != nil {
		return err
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := models.GetConnection(database.ForUpdate(tx), connection.CompanyID, id)
		switch {
		case err != nil:
			return err
		case now.SecretAt == nil:
			return database.ErrNotFound
		case at == nil && now.SecretReminderAt == nil:
			return nil
		}
		if err := tx.Model(&now).Where("id = ?", id).UpdateColumn("secret_reminder_at", at).Error; err != nil {
			return err
		}
		event := eventBy(staff, connection, models.EventReminderEnded, s.db.Now())
		if at != nil {
			event.Kind, event.Detail = models.EventReminderSet, at.Format("January 2, 2006")
		}
		return models.Record(tx, event)
	})
	if err != nil {
		return fmt.Errorf("change reminder: %w", err)
	}
	return nil
}
