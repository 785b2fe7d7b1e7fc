package support

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/failure"
)

// eventsWithCode bounds the events that are listed with one support code.
const eventsWithCode = 10

// CodeView is what a support code leads to.
type CodeView struct {
	// Code is in its usual form.
	Code     string
	Failures []FoundFailure
	// Events are on the timelines of connections, newest first.
	Events []EventWithCode
}

// Found says whether the code leads anywhere.
func (v CodeView) Found() bool { return len(v.Failures)+len(v.Events) > 0 }

// FoundFailure is a failure with the names of what it is about. A name is empty if
// nothing is known, or if it is gone.
type FoundFailure struct {
	failure.Failure
	Company    accounts.Company
	Connection models.Connection
	PersonName string
	// PersonThere says that the person is still a member of the company.
	PersonThere bool
	KeyName     string
	Nearby      failure.Nearby
}

// EventWithCode is an event with what it is about.
type EventWithCode struct {
	models.Event
	CompanyName string
	TenantID    int64
}

// LooksLikeCode returns the support code that a search text is, in its usual form. sure
// is false for a text that may be a company's name too.
func LooksLikeCode(text string) (code string, sure bool) {
	codes := failure.CodesOf(text)
	if len(codes) == 0 {
		return "", false
	}
	return codes[0], strings.ContainsAny(text, "-–‑0123456789")
}

// KnowsCode says whether a support code leads anywhere.
func (s *Support) KnowsCode(ctx context.Context, text string) (bool, error) {
	codes := failure.CodesOf(text)
	if len(codes) == 0 {
		return false, nil
	}
	var known bool
	err := s.db.Read(ctx).Raw(`SELECT EXISTS (SELECT 1 FROM failures WHERE support_code IN ?)
		OR EXISTS (SELECT 1 FROM events WHERE support_code IN ? AND support_code <> '')`, codes, codes).Scan(&known).Error
	if err != nil {
		return false, fmt.Errorf("look for code: %w", err)
	}
	return known, nil
}

// Code returns what a support code leads to, which may be nothing. It records that staff
// looked at the connections.
func (s *Support) Code(ctx context.Context, staff accounts.Staff, text string) (v CodeView, err error) {
	codes := failure.CodesOf(text)
	if len(codes) == 0 {
		return v, nil
	}
	v.Code = codes[0]
	db := s.db.Read(ctx)
	failures, err := failure.WithCodes(db, codes)
	if err != nil {
		return v, err
	}
	for _, f := range failures {
		found, err := named(db, f)
		if err != nil {
			return v, err
		}
		v.Failures = append(v.Failures, found)
	}
	err = db.Raw(`SELECT e.*, c.name AS company_name, coalesce(o.tenant_id, 0) AS tenant_id FROM events e JOIN companies c ON c.id = e.company_id
		LEFT JOIN connections o ON o.id = e.connection_id WHERE e.support_code IN ? AND e.support_code <> '' AND e.kind <> 'staff_viewed'
		ORDER BY e.id DESC LIMIT ?`, codes, eventsWithCode).Scan(&v.Events).Error
	if err != nil {
		return v, fmt.Errorf("find events by code: %w", err)
	}
	for _, f := range v.Failures {
		v.Code = f.SupportCode
	}
	for _, e := range v.Events {
		v.Code = e.SupportCode
	}
	return v, s.recordLooks(ctx, staff, v)
}

// named adds the names of what a failure is about.
func named(db *gorm.DB, f failure.Failure) (FoundFailure, error) {
	v := FoundFailure{Failure: f}
	var errs []error
	one := func(into any, query string, args ...any) {
		errs = append(errs, db.Raw(query, args...).Scan(into).Error)
	}
	if f.CompanyID != nil {
		one(&v.Company, "SELECT * FROM companies WHERE id = ?", *f.CompanyID)
	}
	if f.ConnectionID != nil {
		one(&v.Connection, "SELECT * FROM connections WHERE id = ?", *f.ConnectionID)
	}
	if f.UserID != nil {
		one(&v.PersonName, "SELECT name FROM users WHERE id = ?", *f.UserID)
	}
	if f.UserID != nil && f.CompanyID != nil {
		one(&v.PersonThere, "SELECT EXISTS (SELECT 1 FROM memberships WHERE user_id = ? AND company_id = ?)", *f.UserID, *f.CompanyID)
	}
	if f.KeyID != nil {
		one(&v.KeyName, "SELECT name FROM api_keys WHERE id = ?", *f.KeyID)
	}
	for _, err := range errs {
		if err != nil {
			return v, fmt.Errorf("name what failed: %w", err)
		}
	}
	var err error
	v.Nearby, err = failure.Around(db, f)
	return v, err
}

// recordLooks records that staff looked at the connections that a code leads to.
func (s *Support) recordLooks(ctx context.Context, staff accounts.Staff, v CodeView) error {
	seen := map[uuid.UUID]models.Connection{}
	for _, f := range v.Failures {
		if f.Connection.ID != uuid.Nil {
			seen[f.Connection.ID] = f.Connection
		}
	}
	for _, e := range v.Events {
		if e.ConnectionID != nil {
			seen[*e.ConnectionID] = models.Connection{ID: *e.ConnectionID, CompanyID: e.CompanyID}
		}
	}
	if len(seen) == 0 {
		return nil
	}
	return s.lookedAt(ctx, staff, slices.Collect(maps.Values(seen))...)
}
