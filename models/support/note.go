package support

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// Note is what one of our staff wrote down. It is kept for good, and only staff
// see it.
type Note struct {
	ID        uuid.UUID `gorm:"primaryKey"`
	CompanyID uuid.UUID
	// ConnectionID is nil for what is about the company.
	ConnectionID *uuid.UUID
	StaffID      uuid.UUID
	StaffName    string
	Text         string
	CreatedAt    time.Time
}

// maxNote is the longest note, in characters.
const maxNote = 2000

// notesOfStaff bounds how many notes and confirmations one of our staff writes.
var notesOfStaff = accounts.Limit{Name: "notes", Tries: 60, Per: time.Hour}

// notesShown bounds the notes on a page.
const notesShown = 100

// NoteProblem is why a text cannot be a note.
type NoteProblem string

const (
	NoteFine       NoteProblem = ""
	NoteEmpty      NoteProblem = "empty"
	NoteTooLong    NoteProblem = "too_long"
	NoteUnreadable NoteProblem = "unreadable"
	NoteHasSecret  NoteProblem = "has_secret"
)

// secretForms are what secrets look like: ServiceTitan's client secrets and app
// keys, our API keys, and tokens in the form of RFC 7519.
var secretForms = regexp.MustCompile(`(?i)\b(?:cs\d\.[\w.~+/-]{8,}=*|ak\d\.[\w.~+/-]{8,}=*|fbk_\w{8,}|eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?)`)

// ParseNote is a note as it is kept, and what is wrong with it. What looks like
// a secret is taken out, so that the rest can be shown again.
func ParseNote(typed string) (string, NoteProblem) {
	text := strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(typed))
	switch {
	case text == "":
		return "", NoteEmpty
	case secretForms.MatchString(text):
		return secretForms.ReplaceAllString(text, "[taken out]"), NoteHasSecret
	case utf8.RuneCountInString(text) > maxNote:
		return text, NoteTooLong
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return text, NoteUnreadable
	}
	return text, NoteFine
}

// AddNote keeps a note on a connection. ParseNote has found it fine. Sent twice
// in a row, it is kept once.
func (d *Support) AddNote(ctx context.Context, staff accounts.Staff, id uuid.UUID, text string) error {
	connection, err := d.connection(ctx, id)
	if err != nil {
		return err
	}
	db := d.db
	err = db.Write(ctx, func(tx *gorm.DB) error {
		// Of two at once, the second sees what the first has written.
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

// addNote keeps a note of a staff member.
func addNote(tx *gorm.DB, staff accounts.Staff, n Note) error {
	if _, problem := ParseNote(n.Text); problem != NoteFine {
		return errors.New("note is " + string(problem))
	}
	n.ID, n.StaffID, n.StaffName = database.NewID(), staff.UserID, staff.Name
	if err := tx.Create(&n).Error; err != nil {
		return fmt.Errorf("keep note: %w", err)
	}
	return nil
}

// notes are those that a condition picks, newest first.
func notes(db *gorm.DB, where string, id uuid.UUID, limit int) ([]Note, error) {
	var list []Note
	if err := db.Where(where, id).Order("id DESC").Limit(limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("list notes: %w", err)
	}
	return list, nil
}
