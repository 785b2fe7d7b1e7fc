package accounts

import (
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// holdStaff locks the rows of those users who are staff now, and returns them. It
// locks them in the order of their IDs, so that two transactions cannot deadlock.
func holdStaff(tx *gorm.DB, ids ...uuid.UUID) (map[uuid.UUID]User, error) {
	var users []User
	if err := database.ForUpdate(tx).Where("id IN ? AND staff_role <> '' AND disabled_at IS NULL", ids).Order("id").Find(&users).Error; err != nil {
		return nil, fmt.Errorf("lock staff: %w", err)
	}
	staff := map[uuid.UUID]User{}
	for _, u := range users {
		staff[u.ID] = u
	}
	return staff, nil
}

// HoldAdmin locks the row of a staff member and returns ErrForbidden if they are
// not an admin now. They may have been demoted or removed since the request began.
func HoldAdmin(tx *gorm.DB, by Staff) error {
	staff, err := holdStaff(tx, by.UserID)
	if err != nil {
		return err
	}
	if staff[by.UserID].StaffRole != Admin {
		return ErrForbidden
	}
	return nil
}
