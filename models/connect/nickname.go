package connect

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// LongestNickname is the length of the longest nickname, in characters.
const LongestNickname = 60

// nicknameChanges limits how often a company's nicknames change, because each change is
// kept in the history.
var nicknameChanges = accounts.Limit{Name: "nicknames", Tries: 60, Per: time.Hour}

// ParseNickname checks a nickname and returns it as it is stored, by the rules of other
// names. An empty one is fine: it removes the nickname.
func ParseNickname(text string) (string, accounts.NameProblem) {
	name, problem := accounts.ParseName(text)
	switch {
	case problem == accounts.NameMissing:
		return "", accounts.NameFine
	case problem == accounts.NameFine && utf8.RuneCountInString(name) > LongestNickname:
		return "", accounts.NameTooLong
	}
	return name, problem
}

// SetNickname gives a connection a nickname that ParseNickname returned, for an owner. An
// empty one removes it. It returns ErrForbidden if the visitor is not an owner.
func (c *Connections) SetNickname(ctx context.Context, v accounts.Visitor, id uuid.UUID, name string) error {
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		now := c.db.Now()
		if err := nicknameChanges.Take(tx, v.CompanyID.String(), now); err != nil {
			return err
		}
		if err := accounts.StillOwner(tx, v); err != nil {
			return err
		}
		connection, err := models.GetConnection(database.ForUpdate(tx), v.CompanyID, id)
		if err != nil || connection.Nickname == name {
			return err
		}
		if err := tx.Model(&connection).Update("nickname", name).Error; err != nil {
			return fmt.Errorf("store nickname: %w", err)
		}
		return models.Record(tx, models.Event{
			CompanyID: v.CompanyID, ConnectionID: &id, Kind: models.EventNamed, ActorName: v.Actor().Name, Detail: name,
			SupportCode: v.Actor().SupportCode, At: now,
		})
	})
	if err != nil {
		return fmt.Errorf("set nickname: %w", err)
	}
	return nil
}
