package accounts

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// proofsPerAccount limits the mails by which a signed-in person proves their
// address.
var proofsPerAccount = Limit{"proofs-account", 3, time.Hour}

// SendProof queues a mail to a signed-in person whose address is not proven. Its
// link proves the address. It returns a ThrottledError after a few mails.
func (a *Accounts) SendProof(ctx context.Context, v Visitor) error {
	key := v.UserID.String()
	err := a.limited(ctx, []string{proofsPerAccount.key(key)}, func(tx *gorm.DB, now time.Time) error {
		var user User
		if err := tx.Where("id = ? AND disabled_at IS NULL", v.UserID).Take(&user).Error; err != nil {
			return database.Found(err, "find account")
		}
		if user.ProvenAt != nil {
			return nil
		}
		if err := proofsPerAccount.Take(tx, key, now); err != nil {
			return err
		}
		return AccountMail{UserID: &user.ID, Recipient: user.Email, Kind: MailProveEmail}.queue(tx, now)
	})
	if err != nil {
		return fmt.Errorf("send proof: %w", err)
	}
	return nil
}

// ProveAddress uses up the link that was mailed to a signed-in person, and notes
// that the address is theirs. The link proves nothing for anybody else: a stranger
// who signed up with the address cannot have its owner prove it for them. ErrNotFound
// says that the link does not work, or is another person's.
func (a *Accounts) ProveAddress(ctx context.Context, value secret.Value, v Visitor) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		now := a.db.Now()
		var user User
		if err := database.ForUpdate(tx).Where("id = ? AND disabled_at IS NULL", v.UserID).Take(&user).Error; err != nil {
			return database.Found(err, "find account")
		}
		link, err := UseLink(tx, LinkVerify, value, now)
		if err != nil {
			return err
		}
		if link.UserID == nil || *link.UserID != user.ID || link.Email != user.Email {
			return database.ErrNotFound
		}
		if user.ProvenAt != nil {
			return nil
		}
		return tx.Model(&User{}).Where("id = ?", user.ID).Update("proven_at", now).Error
	})
	if err != nil {
		return fmt.Errorf("prove address: %w", err)
	}
	return nil
}
