package accounts

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// OpenPage is a page that somebody keeps open, with the session and the rights with
// which they opened it.
type OpenPage struct {
	UserID uuid.UUID
	// CompanyID is the company of the page; uuid.Nil for a page of staff.
	CompanyID uuid.UUID
	// Factor says that the session has passed the second factor.
	Factor bool
	Epoch  int
	token  string
}

// InSession returns the page with the session of the context's request.
func (p OpenPage) InSession(ctx context.Context) OpenPage {
	if t := tracked(ctx); t != nil {
		p.token = t.token
	}
	return p
}

// openPagesQuery reads what decides about open pages. A person has a row for each of
// their companies, as in sessionQuery.
const openPagesQuery = `SELECT s.token, s.expires_at, s.seen_at, s.staff, u.id, ` + principalColumns + `
	FROM sessions s JOIN users u ON u.id = s.user_id` + principalJoins + ` WHERE s.token IN `

// openSession is a session with the person that it belongs to.
type openSession struct {
	session
	principal
}

// StillOpen says of each page whether it may stay open: the session has not ended, and
// the person may still enter. It makes one query for all of them.
func (s *Sessions) StillOpen(ctx context.Context, pages []OpenPage) ([]bool, error) {
	tokens := make([]string, len(pages))
	for i, p := range pages {
		tokens[i] = p.token
	}
	among, list, err := s.db.Among("text", tokens)
	if err != nil {
		return nil, err
	}
	found := map[string]*openSession{}
	var row struct {
		principalRow
		session
		user uuid.UUID
	}
	into := append([]any{&row.Token, &row.ExpiresAt, &row.SeenAt, &row.Staff, &row.user}, row.into()...)
	err = s.db.ReadRows(ctx, openPagesQuery+among, []any{list}, func(rows *sql.Rows) error {
		row.principalRow = principalRow{}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		of := found[row.Token]
		if of == nil {
			of = &openSession{session: row.session}
			found[row.Token] = of
		}
		of.add(row.user, &row.principalRow)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read sessions of open pages: %w", err)
	}
	now, open := s.db.Now(), make([]bool, len(pages))
	for i, p := range pages {
		of := found[p.token]
		open[i] = of != nil && of.mayKeep(p, now)
	}
	return open, nil
}

// mayKeep says whether the person may keep a page open.
func (o *openSession) mayKeep(p OpenPage, now time.Time) bool {
	if o.id != p.UserID || !o.alive(now) {
		return false
	}
	if p.CompanyID == uuid.Nil {
		_, err := o.staff(p.Epoch)
		return err == nil
	}
	v, err := o.visitor(p.CompanyID, p.Epoch)
	return err == nil && (p.Factor || !v.HasFactor)
}
