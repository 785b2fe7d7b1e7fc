package accounts

import (
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// newDeviceTold limits the mails about new devices that a person gets.
var newDeviceTold = Limit{"new-device-told", 5, 24 * time.Hour}

// noteSignIn notes that a person has signed in, in the transaction that begins the
// session. It queues a mail if the device is new. The first sign-in of an account
// needs no mail. The caller has locked the user.
func noteSignIn(tx *gorm.DB, b Beginning, now time.Time) error {
	var user User
	err := tx.Where("id = ?", b.User.ID).Take(&user).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil
	}
	if err == nil {
		err = tx.Model(&User{}).Where("id = ?", user.ID).Update("last_sign_in_at", now).Error
	}
	if err != nil {
		return fmt.Errorf("note sign-in: %w", err)
	}
	if b.Known || user.LastSignInAt == nil {
		return nil
	}
	err = newDeviceTold.Take(tx, user.ID.String(), now)
	if _, told := errors.AsType[*ThrottledError](err); told {
		return nil
	}
	if err != nil {
		return err
	}
	return mailUser(tx, user, AccountMail{Kind: MailNewDevice, Detail: b.Agent.String()}, now)
}
