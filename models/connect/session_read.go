package connect

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// SessionFor returns a session that a key may see, or ErrNotFound. A key for all
// companies sees every session. Any other sees those that were made with a key of its
// company.
func (c *Connections) SessionFor(ctx context.Context, key accounts.APIKey, id uuid.UUID) (Session, error) {
	query := c.db.Read(ctx).Where("id = ?", id)
	if key.CompanyID != nil {
		query = query.Where("key_id IN (SELECT id FROM api_keys WHERE company_id = ?)", *key.CompanyID)
	}
	var s Session
	if err := query.Take(&s).Error; err != nil {
		return s, database.Found(err, "get session")
	}
	now, err := c.db.SharedNow(c.db.Read(ctx))
	s.Status = s.StatusAt(now)
	return s, err
}

// expiredAtOnce is how many sessions one write ends.
const expiredAtOnce = 100

// ExpireSessions gives sessions whose time is over their last status, and tells back
// ends.
func (c *Connections) ExpireSessions(ctx context.Context) error {
	for ended := expiredAtOnce; ended == expiredAtOnce; {
		err := c.db.Write(ctx, func(tx *gorm.DB) error {
			now, err := c.db.SharedNow(tx)
			if err != nil {
				return err
			}
			var over []Session
			err = tx.Where("status IN ('created', 'opened') AND expires_at <= ?", now).Order("expires_at, id").Limit(expiredAtOnce).Find(&over).Error
			if err != nil {
				return err
			}
			ended = len(over)
			for i := range over {
				if err := over[i].move(tx, SessionExpired, now, nil); err != nil && !errors.Is(err, errSessionMoved) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("expire sessions: %w", err)
		}
	}
	return nil
}
