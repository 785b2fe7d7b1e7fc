package support

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

const (
	// FoundMost is the most results of Find.
	FoundMost = 8
	// connectionsFound and peopleFound are the most connections and people among them.
	connectionsFound = 5
	peopleFound      = 3
	// shortestEmail is the fewest characters of the beginning of an email address that
	// finds people.
	shortestEmail = 2
)

// finds limits how often a staff member can search while typing.
var finds = accounts.Limit{Name: "staff-find", Tries: 300, Per: time.Minute}

// Found is what a text finds at once, the best results only.
type Found struct {
	// Code is a support code that leads somewhere; empty if the text is none.
	Code        string
	Connections []FoundConnection
	// Companies have none of the connections.
	Companies []FoundCompany
	People    []FoundPerson
	// Instead is the text that was searched for because nothing had the mistyped one.
	Instead string
}

// FoundConnection is a connection that a search found.
type FoundConnection struct {
	ListedConnection
	// Setup is its open setup; nil if it has none.
	Setup *QueuedSetup
}

// FoundPerson is a person of a company whom a search found.
type FoundPerson struct {
	UserID, CompanyID        uuid.UUID
	Name, Email, CompanyName string
}

// Find returns the best results for what a staff member is typing: a support code,
// connections, companies, and people. It returns a ThrottledError if they ask too often.
func (s *Support) Find(ctx context.Context, staff accounts.Staff, text string) (Found, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Found{}, nil
	}
	if err := s.db.Write(ctx, func(tx *gorm.DB) error { return finds.Take(tx, staff.UserID.String(), s.db.Now()) }); err != nil {
		return Found{}, fmt.Errorf("find: %w", err)
	}
	return s.find(ctx, text)
}

func (s *Support) find(ctx context.Context, text string) (f Found, err error) {
	if !searchable(text) {
		return Found{}, nil
	}
	db := s.db.Read(ctx)
	page, err := search(db, ConnectionFilter{Query: text}, Cursor{}, s.db.Now(), connectionsFound)
	if err == nil && page.Suggestion.Query != "" {
		f.Instead = page.Suggestion.Name
		page, err = search(db, ConnectionFilter{Query: page.Suggestion.Query}, Cursor{}, s.db.Now(), connectionsFound)
	}
	if err != nil {
		return Found{}, err
	}
	if code, _ := LooksLikeCode(text); code != "" {
		known, err := s.KnowsCode(ctx, text)
		if err != nil {
			return Found{}, err
		}
		if known {
			f.Code = code
		}
	}
	if f.People, err = peopleByEmail(db, text); err != nil {
		return Found{}, err
	}
	named := map[uuid.UUID]bool{}
	for _, c := range page.Connections {
		f.Connections, named[c.CompanyID] = append(f.Connections, FoundConnection{ListedConnection: c}), true
	}
	slices.SortStableFunc(f.Connections, func(a, b FoundConnection) int { return foundPlace(a, text) - foundPlace(b, text) })
	f.Companies = slices.DeleteFunc(page.Companies, func(c FoundCompany) bool { return named[c.ID] })
	left := FoundMost - len(f.Connections) - len(f.People)
	if f.Code != "" {
		left--
	}
	f.Companies = f.Companies[:min(len(f.Companies), max(left, 0))]
	return f, addSetups(db, f.Connections)
}

// foundPlace returns where a connection stands among the results for a text: a company whose
// name begins with the text comes first, and a connection that needs somebody before one
// that works.
func foundPlace(c FoundConnection, text string) (at int) {
	if name := strings.ToLower(c.CompanyName); !strings.HasPrefix(name, strings.ToLower(text)) {
		at = 2
	}
	if c.State == models.Connected || c.State == models.Disconnected {
		at++
	}
	return at
}

// addSetups adds the open setups of connections.
func addSetups(db *gorm.DB, list []FoundConnection) error {
	var ids []uuid.UUID
	for _, c := range list {
		if c.State == models.Pending {
			ids = append(ids, c.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	setups, err := waiting(db, "s.connection_id IN ?", ids)
	if err != nil {
		return err
	}
	for i, c := range list {
		for _, setup := range setups {
			if setup.ConnectionID == c.ID {
				list[i].Setup = &setup
			}
		}
	}
	return nil
}

// peopleByEmail returns the first people whose email address begins with a text.
func peopleByEmail(db *gorm.DB, text string) ([]FoundPerson, error) {
	if utf8.RuneCountInString(text) < shortestEmail || strings.ContainsAny(text, " \t") {
		return nil, nil
	}
	prefix, email := strings.ToLower(text), emailColumn(db)
	var people []FoundPerson
	err := db.Raw("SELECT u.id AS user_id, u.name, u.email, c.id AS company_id, c.name AS company_name FROM users u JOIN memberships m ON m.user_id = u.id JOIN companies c ON c.id = m.company_id WHERE "+
		email+" >= ? AND "+email+" < ? ORDER BY "+email+", c.id LIMIT ?", prefix, prefix+endOfPrefix, peopleFound).Scan(&people).Error
	if err != nil {
		return nil, fmt.Errorf("find people by email: %w", err)
	}
	return people, nil
}
