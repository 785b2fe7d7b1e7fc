package support

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/failure"
)

const (
	// longestQuery is the most characters in a search text.
	longestQuery = 100
	// companiesFound is the most companies that are listed beside the connections.
	companiesFound = 6
	// endOfPrefix is the last character in the order in which both databases sort
	// text. A prefix with it sorts behind every text that begins with the prefix.
	endOfPrefix = "\U0010FFFF"
)

// The forms of search texts that are not names or email addresses.
var (
	idForm     = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{0,4}(-[0-9a-f]{0,4}){0,2}(-[0-9a-f]{0,12})?$`)
	tenantForm = regexp.MustCompile(`^[0-9][0-9 \-]*$`)
)

// searchable reports whether a text can be searched for: a database can store it, and it
// is not too long.
func searchable(text string) bool {
	return database.Storable(text) && utf8.RuneCountInString(text) <= longestQuery
}

// search finds connections by the filter's query, from the cursor on. The form of
// the text says what to search by. The results have no link to the page before.
func search(db *gorm.DB, f ConnectionFilter, at Cursor, now time.Time, limit int) (ConnectionPage, error) {
	text := strings.TrimSpace(f.Query)
	if !searchable(text) {
		return ConnectionPage{}, nil
	}
	at.Back = false
	var page ConnectionPage
	var err error
	switch {
	case isCode(text):
		page, err = cut(db, byCode(failure.CodesOf(text), f, at, now, limit), at, limit)
	case idForm.MatchString(strings.ToLower(text)):
		page, err = cut(db, byID(strings.ToLower(text), f, at, now, limit), at, limit)
	case tenantForm.MatchString(text):
		page, err = byTenantOrName(db, text, f, at, now, limit)
	case strings.Contains(text, "@"):
		page, err = cut(db, byEmail(db, text, f, at, now, limit), at, limit)
		if err == nil && at == (Cursor{}) {
			page.Companies, err = companiesByEmail(db, text)
		}
	default:
		page, err = byName(db, text, f, at, now, limit)
		if err == nil && at == (Cursor{}) && len(page.Connections)+len(page.Companies) == 0 && page.After == (Cursor{}) {
			page.Suggestion, err = suggest(db, text)
		}
	}
	page.NothingConnected = at == (Cursor{}) && f.nothingConnected(page)
	page.Before = Cursor{}
	return page, err
}

// nothingConnected reports whether none of the companies that a search found has a
// connection. That is known only if nothing but companies was searched for and the
// filter selects all connections.
func (f ConnectionFilter) nothingConnected(page ConnectionPage) bool {
	text := strings.TrimSpace(f.Query)
	return len(page.Connections) == 0 && page.After == (Cursor{}) && len(page.Companies) > 0 && !tenantForm.MatchString(text) &&
		f == (ConnectionFilter{Query: f.Query, Order: f.Order})
}

// isCode says whether a text is a support code, and not a company's name.
func isCode(text string) bool {
	_, sure := LooksLikeCode(text)
	return sure
}

// byCode finds connections with one of the support codes on their timeline, or of which
// a request with that code failed.
func byCode(codes []string, f ConnectionFilter, at Cursor, now time.Time, limit int) query {
	var q query
	q.add(`SELECT o.id, 0 AS rank, '' AS key FROM connections o
		WHERE o.id IN (SELECT connection_id FROM events WHERE support_code IN ? AND support_code <> ''
			UNION ALL SELECT connection_id FROM failures WHERE support_code IN ?)`, codes, codes)
	q.narrow(f, now)
	q.add(fmt.Sprintf(" AND o.id > ? ORDER BY o.id LIMIT %d", limit+1), at.ID)
	return q
}

// byID finds connections by the beginning of their ID, or all connections of a
// company by the company's whole ID.
func byID(text string, f ConnectionFilter, at Cursor, now time.Time, limit int) query {
	digits := strings.ReplaceAll(text, "-", "")
	from := uuid.MustParse(digits + strings.Repeat("0", 32-len(digits)))
	to := uuid.MustParse(digits + strings.Repeat("f", 32-len(digits)))
	var own, whose query
	own.add("SELECT o.id, 0 AS rank, '' AS key FROM connections o WHERE o.id BETWEEN ? AND ?", from, to)
	own.narrow(f, now)
	own.add(fmt.Sprintf(" AND o.id > ? ORDER BY o.id LIMIT %d", limit+1), at.ID)
	whose.add("SELECT o.id, 0 AS rank, '' AS key FROM connections o WHERE o.company_id = ?", from)
	whose.narrow(f, now)
	whose.add(fmt.Sprintf(" AND o.id > ? ORDER BY o.id LIMIT %d", limit+1), at.ID)
	return union([]query{own, whose}, "id", limit+1)
}

// byTenant finds connections by the beginning of their tenant ID. It reads one range
// for each length that the ID can have.
func byTenant(digits string, f ConnectionFilter, at Cursor, now time.Time, limit int) query {
	low, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || low == 0 || len(digits) > models.TenantDigits {
		return query{}
	}
	after, _ := strconv.ParseInt(at.Key, 10, 64)
	var pieces []query
	high := low
	for range models.TenantDigits - len(digits) + 1 {
		if high >= after {
			var q query
			q.add("SELECT o.id, o.tenant_id AS rank, '' AS key FROM connections o WHERE o.tenant_id BETWEEN ? AND ?", max(low, after), high)
			q.narrow(f, now)
			if at.ID != uuid.Nil {
				q.add(" AND (o.tenant_id, o.id) > (?, ?)", after, at.ID)
			}
			q.add(fmt.Sprintf(" ORDER BY o.tenant_id, o.id LIMIT %d", limit+1))
			pieces = append(pieces, q)
		}
		low, high = low*10, high*10+9
	}
	return union(pieces, "rank, id", limit+1)
}

// byTenantOrName finds connections by the beginning of their tenant ID. It also finds
// companies with a number in their name, such as 24 Hour Drain.
func byTenantOrName(db *gorm.DB, text string, f ConnectionFilter, at Cursor, now time.Time, limit int) (ConnectionPage, error) {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(text)
	page, err := cut(db, byTenant(digits, f, at, now, limit), at, limit)
	if err != nil {
		return page, err
	}
	if page.After != (Cursor{}) {
		// A tenant ID is larger than the ranks that ParseCursor accepts.
		page.After.Key, page.After.Rank = strconv.Itoa(page.After.Rank), 0
	}
	if at == (Cursor{}) {
		page.Companies, err = companiesByName(db, text)
	}
	return page, err
}

// byEmail finds a company's connections by the beginning of a member's email address.
func byEmail(db *gorm.DB, text string, f ConnectionFilter, at Cursor, now time.Time, limit int) query {
	prefix, email := strings.ToLower(text), emailColumn(db)
	var q query
	q.add("SELECT o.id, 0 AS rank, "+email+` AS key FROM users u
		JOIN memberships m ON m.user_id = u.id JOIN connections o ON o.company_id = m.company_id
		WHERE `+email+" >= ? AND "+email+" < ?", prefix, prefix+endOfPrefix)
	q.narrow(f, now)
	if at != (Cursor{}) {
		q.add(" AND ("+email+", o.id) > (?, ?)", at.Key, at.ID)
	}
	q.add(fmt.Sprintf(" ORDER BY %s, o.id LIMIT %d", email, limit+1))
	return q
}

// companiesByEmail returns the first companies that have a member whose email address
// begins with a text.
func companiesByEmail(db *gorm.DB, text string) ([]FoundCompany, error) {
	prefix, email := strings.ToLower(text), emailColumn(db)
	var companies []FoundCompany
	err := db.Raw("SELECT c.id, c.name FROM users u JOIN memberships m ON m.user_id = u.id JOIN companies c ON c.id = m.company_id WHERE "+
		email+" >= ? AND "+email+" < ? ORDER BY "+email+" LIMIT ?", prefix, prefix+endOfPrefix, companiesFound).Scan(&companies).Error
	if err != nil {
		return nil, fmt.Errorf("find companies by email: %w", err)
	}
	return companies, nil
}

// emailColumn returns the expression for which users have an index on the email
// address that finds prefixes.
func emailColumn(db *gorm.DB) string {
	if database.IsPostgres(db) {
		return `u.email COLLATE "C"`
	}
	return "u.email"
}
