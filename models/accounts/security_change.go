package accounts

import (
	"time"

	"gorm.io/gorm"
)

// The details of MailSecurityChanged, which say what was changed.
const (
	ChangedPassword = "password"
	PasskeyAdded    = "passkey_added"
	PasskeyRemoved  = "passkey_removed"
	SecondStepOn    = "second_step_on"
	SecondStepOff   = "second_step_off"
)

// securityChanged ends a user's other sessions after a change to how they sign in,
// and tells the user by mail. It returns the new session epoch, under which the
// session that made the change goes on.
func securityChanged(tx *gorm.DB, user User, detail string, now time.Time) (epoch int, err error) {
	epoch, err = endOtherSessions(tx, user.ID)
	if err != nil {
		return 0, err
	}
	if err := mailUser(tx, user, AccountMail{Kind: MailSecurityChanged, Detail: detail}, now); err != nil {
		return 0, err
	}
	return epoch, nil
}
