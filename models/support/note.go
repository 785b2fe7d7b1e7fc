package support

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// Note is a note by a staff member. Only staff see it. It is kept until its company
// is deleted.
type Note struct {
	ID        uuid.UUID `gorm:"primaryKey"`
	CompanyID uuid.UUID
	// ConnectionID is nil for a note about the company.
	ConnectionID *uuid.UUID
	StaffID      uuid.UUID
	StaffName    string
	Text         string
	CreatedAt    time.Time
}

// maxNote is the most characters in a note.
const maxNote = 2000

// notesOfStaff limits how many notes and proofs a staff member can write.
var notesOfStaff = accounts.Limit{Name: "notes", Tries: 60, Per: time.Hour}

// notesShown is the most notes on a page.
const notesShown = 100

// NoteProblem is the reason why a text cannot be a note.
type NoteProblem string

// The problems with a note.
const (
	NoteFine       NoteProblem = ""
	NoteEmpty      NoteProblem = "empty"
	NoteTooLong    NoteProblem = "too_long"
	NoteUnreadable NoteProblem = "unreadable"
	NoteHasSecret  NoteProblem = "has_secret"
)

// ParseNote returns the text of a note as it is stored, and the problem with it. It
// removes whatever looks like a secret, so that the form can show the rest again.
func ParseNote(typed string) (string, NoteProblem) {
	text := strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(typed))
	switch {
	case text == "":
		return "", NoteEmpty
	case secret.InText(text):
		return secret.TakenOut(text), NoteHasSecret
	case utf8.RuneCountInString(text) > maxNote:
		return text, NoteTooLong
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return text, NoteUnreadable
	}
	return text, NoteFine
}

// AddNote adds a note to a connection. The caller has checked the text with
// ParseNote. Adding the same note twice in a row has no further effect.
func (s *Support) AddNote(ctx context.Context, staff accounts.Staff, id uuid.UUID, text string) error {
	connection, err := s.connection(ctx, id)
	if err != nil {
		return err
	}
	db := s.db
	err = db.Write(ctx, func(tx *gorm.DB) error {
		// The lock makes the second of two requests see the note of the first.
		if _, err := models.GetConnection(database.ForUpdate(tx), connection.CompanyID, id); err != nil {
			return err
		}
		last, err := notes(tx, "connection_id = ?", id, 1)
		if err != nil {
			return err
		}
		if len(last) == 1 && last[0].StaffID == staff.UserID && last[0].Text == text {
			return nil
		}
		now := db.Now()
		if err := notesOfStaff.Take(tx, staff.UserID.String(), now); err != nil {
			return err
		}
		if err := addNote(tx, staff, Note{CompanyID: connection.CompanyID, ConnectionID: &id, Text: text, CreatedAt: now}); err != nil {
			return err
		}
		return models.Record(tx, eventBy(staff, connection, models.EventNoted, now))
	})
	if err != nil {
		return fmt.Errorf("add note: %w", err)
	}
	return nil
}

// addNote saves a note of a staff member.
func addNote(tx *gorm.DB, staff accounts.Staff, n Note) error {
	if _, problem := ParseNote(n.Text); problem != NoteFine {
		return errors.New("note is " + string(problem))
	}
	n.ID, n.StaffID, n.StaffName = database.NewID(), staff.UserID, staff.Name
	if err := tx.Create(&n).Error; err != nil {
		return fmt.Errorf("save note: %w", err)
	}
	return nil
}

// notes returns the notes that a condition selects, newest first.
func notes(db *gorm.DB, where string, id uuid.UUID, limit int) ([]Note, error) {
	var newest []Note
	if err := db.Where(where, id).Order("id DESC").Limit(limit).Find(&newest).Error; err != nil {
		return nil, fmt.Errorf("list notes: %w", err)
	}
	return newest, nil
}
