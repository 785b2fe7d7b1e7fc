package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// What people change about their own account. The activity of each company they
// belong to shows that it changed, and never a password or an address.
const (
	AuditNameChanged     AuditAction = "own_name_changed"
	AuditPasswordChanged AuditAction = "own_password_changed"
	AuditEmailChanged    AuditAction = "own_email_changed"
)

// The limits of changes to one's own account.
var (
	namesPerAccount     = Limit{"names-account", 20, 24 * time.Hour}
	passwordsPerAccount = Limit{"passwords-account", 20, 24 * time.Hour}
)

// Rename changes a person's own name. The caller has parsed the name with
// ParseName. It returns ErrSignedOut or a ThrottledError.
func (a *Accounts) Rename(ctx context.Context, v Visitor, name string) error {
	key := v.UserID.String()
	err := a.limited(ctx, []string{namesPerAccount.key(key)}, func(tx *gorm.DB, now time.Time) error {
		user, err := stillSignedIn(tx, v.UserID)
		if err != nil || user.Name == name {
			return err
		}
		if err := namesPerAccount.Take(tx, key, now); err != nil {
			return err
		}
		if err := tx.Model(&User{}).Where("id = ?", user.ID).Update("name", name).Error; err != nil {
			return err
		}
		return auditOwn(tx, user, v.SupportCode, AuditNameChanged, now)
	})
	if err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	return nil
}

// ChangePassword changes a person's own password and ends their other sessions. The
// caller has checked the new password with CheckPassword. ChangePassword returns the
// person's new session epoch, or the errors of ConfirmPassword, or ErrSignedOut.
func (a *Accounts) ChangePassword(ctx context.Context, v Visitor, current, password secret.Value) (epoch int, err error) {
	if err := a.ConfirmPassword(ctx, v.UserID, current); err != nil {
		return 0, err
	}
	key := v.UserID.String()
	hash, err := a.hasher.hashInTurn(ctx, key, password)
	if err != nil {
		return 0, fmt.Errorf("change password: %w", err)
	}
	err = a.limited(ctx, []string{passwordsPerAccount.key(key)}, func(tx *gorm.DB, now time.Time) error {
		user, err := stillSignedIn(tx, v.UserID)
		if err != nil {
			return err
		}
		if err := passwordsPerAccount.Take(tx, key, now); err != nil {
			return err
		}
		if err := tx.Model(&User{}).Where("id = ?", user.ID).Update("password_hash", hash).Error; err != nil {
			return err
		}
		if epoch, err = securityChanged(tx, user, ChangedPassword, now); err != nil {
			return err
		}
		if err := EndLinks(tx, LinkReset, "user_id", user.ID); err != nil {
			return err
		}
		return auditOwn(tx, user, v.SupportCode, AuditPasswordChanged, now)
	})
	if err != nil {
		return 0, fmt.Errorf("change password: %w", err)
	}
	return epoch, nil
}

// auditOwn records what a person did to their own account, in each company that
// they belong to.
func auditOwn(tx *gorm.DB, user User, supportCode string, action AuditAction, now time.Time) error {
	var companies []uuid.UUID
	err := tx.Model(&Membership{}).Where("user_id = ?", user.ID).Order("company_id").Pluck("company_id", &companies).Error
	if err != nil {
		return fmt.Errorf("find companies of %s: %w", user.ID, err)
	}
	records := make([]AuditRecord, len(companies))
	for i := range companies {
		records[i] = AuditRecord{
			ID: database.NewID(), Action: action, CompanyID: &companies[i], ActorID: &user.ID, ActorName: user.Name, TargetID: user.ID,
			SupportCode: supportCode, At: now,
		}
	}
	if len(records) == 0 {
		return nil
	}
	if err := tx.Omit("TargetName").Create(&records).Error; err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	return nil
}
