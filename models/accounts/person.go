package accounts

import (
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// Person is a signed-in person who manages how they sign in. It is a member of a
// company or of our staff.
type Person struct {
	UserID      uuid.UUID
	Name, Email string
	// Epoch is the epoch of the session that makes the request.
	Epoch int
}

// Person returns the visitor as a person who manages how they sign in.
func (v Visitor) Person() Person {
	return Person{UserID: v.UserID, Name: v.Name, Email: v.Email, Epoch: v.Epoch}
}

// Person returns the staff member as a person who manages how they sign in.
func (s Staff) Person() Person {
	return Person{UserID: s.UserID, Name: s.Name, Email: s.Email, Epoch: s.Epoch}
}

// holdUser locks the row of a user who may sign in, and returns it. It returns
// ErrSignedOut if the user is gone or disabled.
func holdUser(tx *gorm.DB, id uuid.UUID) (User, error) {
	var users []User
	if err := database.ForUpdate(tx).Where("id = ? AND disabled_at IS NULL", id).Limit(1).Find(&users).Error; err != nil {
		return User{}, fmt.Errorf("lock user: %w", err)
	}
	if len(users) == 0 {
		return User{}, ErrSignedOut
	}
	return users[0], nil
}

// holdPerson is holdUser for a person whose session has not ended since the request
// began.
func holdPerson(tx *gorm.DB, who Person) (User, error) {
	user, err := holdUser(tx, who.UserID)
	if err == nil && user.SessionEpoch != who.Epoch {
		err = ErrSignedOut
	}
	return user, err
}
