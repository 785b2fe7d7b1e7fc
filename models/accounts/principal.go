package accounts

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// This file has the queries of signed-in requests. Each request runs one of them, so
// they are prepared once, and the rows are scanned without GORM. A person has one row
// for each company that they belong to, and one row without a company if there is none.

const (
	principalColumns = `u.name, u.email, u.staff_role, u.session_epoch, u.disabled_at IS NOT NULL, u.proven_at IS NOT NULL, f.confirmed_at IS NOT NULL,
		m.company_id, m.role, c.name, c.name_key, c.time_zone, c.locked_at IS NOT NULL, c.deletion_at, c.deleted_at IS NOT NULL`
	principalJoins = ` LEFT JOIN second_factors f ON f.user_id = u.id
		LEFT JOIN memberships m ON m.user_id = u.id
		LEFT JOIN companies c ON c.id = m.company_id`

	principalQuery = `SELECT ` + principalColumns + ` FROM users u` + principalJoins + ` WHERE u.id = $1`
	sessionQuery   = `SELECT s.data, s.expires_at, s.seen_at, s.staff, s.user_id, s.browser, s.system, s.epoch, u.id, ` + principalColumns + `
		FROM sessions s LEFT JOIN users u ON u.id = s.user_id` + principalJoins + ` WHERE s.token = $1`
)

// principal is somebody with an account, as they are now.
type principal struct {
	id                          uuid.UUID
	name, email                 string
	staffRole                   StaffRole
	epoch                       int
	disabled, proven, hasFactor bool
	// companies are all companies that the person belongs to, even deleted ones.
	companies []principalCompany
}

// principalCompany is a company that a person belongs to.
type principalCompany struct {
	id                      uuid.UUID
	role                    Role
	name, nameKey, timeZone string
	locked, deleted         bool
	deletionAt              *time.Time
}

// principalRow is a row of the columns principalColumns.
type principalRow struct {
	name, email, staffRole      sql.Null[string]
	epoch                       sql.Null[int]
	disabled, proven, hasFactor bool
	companyID                   sql.Null[uuid.UUID]
	role                        sql.Null[string]
	company, nameKey, timeZone  sql.Null[string]
	locked, deleted             bool
	deletionAt                  sql.Null[time.Time]
}

// into returns where to scan the columns principalColumns.
func (r *principalRow) into() []any {
	return []any{
		&r.name, &r.email, &r.staffRole, &r.epoch, &r.disabled, &r.proven, &r.hasFactor,
		&r.companyID, &r.role, &r.company, &r.nameKey, &r.timeZone, &r.locked, &r.deletionAt, &r.deleted,
	}
}

// add takes in the row, which belongs to the person with an ID.
func (p *principal) add(id uuid.UUID, r *principalRow) {
	if p.id == uuid.Nil {
		*p = principal{
			id: id, name: r.name.V, email: r.email.V, staffRole: StaffRole(r.staffRole.V), epoch: r.epoch.V,
			disabled: r.disabled, proven: r.proven, hasFactor: r.hasFactor,
		}
	}
	if !r.companyID.Valid || !r.company.Valid {
		return
	}
	c := principalCompany{
		id: r.companyID.V, role: Role(r.role.V), name: r.company.V, nameKey: r.nameKey.V, timeZone: r.timeZone.V,
		locked: r.locked, deleted: r.deleted,
	}
	if r.deletionAt.Valid {
		at := r.deletionAt.V.UTC()
		c.deletionAt = &at
	}
	p.companies = append(p.companies, c)
}

// readPrincipal reads a person. It returns ErrSignedOut if there is no such account.
func readPrincipal(ctx context.Context, db *database.DB, id uuid.UUID) (principal, error) {
	var p principal
	var row principalRow
	into := row.into()
	err := db.ReadRows(ctx, principalQuery, []any{id}, func(rows *sql.Rows) error {
		row = principalRow{}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		p.add(id, &row)
		return nil
	})
	if err != nil {
		return principal{}, fmt.Errorf("load person: %w", err)
	}
	if p.id == uuid.Nil {
		return principal{}, ErrSignedOut
	}
	return p, nil
}

// readSession reads a session, together with the person who is signed in. That person
// is zero if nobody is. The session is zero if there is none.
func readSession(ctx context.Context, db *database.DB, token string) (session, principal, error) {
	var s session
	var p principal
	var row struct {
		principalRow
		user sql.Null[uuid.UUID]
	}
	into := append([]any{&s.Data, &s.ExpiresAt, &s.SeenAt, &s.Staff, &s.UserID, &s.Browser, &s.System, &s.Epoch, &row.user}, row.into()...)
	err := db.ReadRows(ctx, sessionQuery, []any{token}, func(rows *sql.Rows) error {
		row.principalRow = principalRow{}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if s.Token = token; row.user.Valid {
			p.add(row.user.V, &row.principalRow)
		}
		return nil
	})
	if err != nil {
		return session{}, principal{}, fmt.Errorf("load session: %w", err)
	}
	return s, p, nil
}

// visitor returns the person as a visitor of a company, as Accounts.Visitor does.
func (p *principal) visitor(companyID uuid.UUID, epoch int) (Visitor, error) {
	if p.disabled || p.epoch != epoch {
		return Visitor{}, ErrSignedOut
	}
	v := Visitor{UserID: p.id, Name: p.name, Email: p.email, Proven: p.proven, CompanyID: companyID, HasFactor: p.hasFactor, Epoch: epoch}
	if len(p.companies) > 1 {
		v.Companies = p.choices()
	}
	at := slices.IndexFunc(p.companies, func(c principalCompany) bool { return c.id == companyID })
	if at < 0 || p.companies[at].deleted {
		return v, ErrNoMembership
	}
	c := &p.companies[at]
	v.CompanyName, v.Role, v.TimeZone, v.DeletionAt = c.name, c.role, c.timeZone, c.deletionAt
	if c.locked {
		return v, ErrLocked
	}
	return v, nil
}

// choices returns the companies that the person can switch to, ordered by name.
func (p *principal) choices() []CompanyChoice {
	there := slices.DeleteFunc(slices.Clone(p.companies), func(c principalCompany) bool { return c.deleted })
	slices.SortFunc(there, func(a, b principalCompany) int {
		return cmp.Or(cmp.Compare(a.nameKey, b.nameKey), bytes.Compare(a.id[:], b.id[:]))
	})
	list := make([]CompanyChoice, min(len(there), companiesPerPerson))
	for i := range list {
		list[i] = CompanyChoice{ID: there[i].id, Name: there[i].name}
	}
	return list
}

// staff returns the person as a staff member, as Accounts.Staff does.
func (p *principal) staff(epoch int) (Staff, error) {
	switch {
	case p.disabled || p.epoch != epoch:
		return Staff{}, ErrSignedOut
	case p.staffRole == "":
		return Staff{}, database.ErrNotFound
	}
	return Staff{UserID: p.id, Name: p.name, Email: p.email, Role: p.staffRole, SetUp: true, Epoch: epoch}, nil
}
