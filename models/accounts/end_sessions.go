package accounts

import (
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// endSessions ends all sessions of a user, on all devices. A session that another
// request is just beginning ends too, because its epoch is an old one.
func endSessions(tx *gorm.DB, userID uuid.UUID) error {
	_, err := endSessionsExcept(tx, userID, "")
	return err
}

// endOtherSessions ends all sessions of a user except that of this request, if it
// is theirs. It returns the user's new epoch. The caller has to store the epoch in
// the session of this request, which otherwise ends too.
func endOtherSessions(tx *gorm.DB, userID uuid.UUID) (epoch int, err error) {
	kept := ""
	if t := tracked(tx.Statement.Context); t != nil {
		kept = t.token
	}
	return endSessionsExcept(tx, userID, kept)
}

func endSessionsExcept(tx *gorm.DB, userID uuid.UUID, token string) (epoch int, err error) {
	err = tx.Raw("UPDATE users SET session_epoch = session_epoch + 1 WHERE id = ? RETURNING session_epoch", userID).Scan(&epoch).Error
	if err == nil {
		err = tx.Where("user_id = ? AND token <> ?", userID, token).Delete(&session{}).Error
	}
	if err == nil && token != "" {
		err = tx.Model(&session{}).Where("user_id = ?", userID).Update("epoch", epoch).Error
	}
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	return epoch, nil
}
