package accounts

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// MailAskUsed tells an owner that somebody did what their link asked for. SubjectID
// is the connection.
const MailAskUsed AccountMailKind = "ask_used"

// TellAskUsed queues the mail to the owner who made the link.
func TellAskUsed(tx *gorm.DB, askerID, companyID, connectionID uuid.UUID, now time.Time) error {
	var asker User
	if err := tx.Where("id = ?", askerID).Take(&asker).Error; err != nil {
		return fmt.Errorf("find who asked: %w", err)
	}
	return mailUser(tx, asker, AccountMail{Kind: MailAskUsed, CompanyID: &companyID, SubjectID: &connectionID}, now)
}
