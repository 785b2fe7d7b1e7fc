package support

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

const (
	// wordsUsed is the most words of a search text that count.
	wordsUsed = 6
	// candidatesRead is the most companies that a page of a search looks at. A page
	// that reaches it may be short or empty although the list continues.
	candidatesRead = 500
	// countedFar is how far the companies of each word are counted to find the rarest
	// word.
	countedFar = 200
)

// prefix is the beginning of a word in a company's name.
type prefix string

// end returns a text that sorts behind every word that begins with the prefix.
func (p prefix) end() string { return string(p) + endOfPrefix }

// byName finds connections by their company's name. Each word of the text is the
// beginning of a word of the name, in any order. The rarest word leads: an index has
// its companies in order, and the other words are checked for each of them.
func byName(db *gorm.DB, text string, f ConnectionFilter, at Cursor, now time.Time, limit int) (ConnectionPage, error) {
	lead, others, err := prefixes(db, text)
	if err != nil || lead == "" {
		return ConnectionPage{}, err
	}
	word, companyID := string(lead), uuid.Nil
	if at != (Cursor{}) {
		name, id, _ := strings.Cut(at.Key, " ")
		if companyID, err = uuid.Parse(id); err != nil {
			return ConnectionPage{}, nil
		}
		word = name
	}
	last, err := lastCandidate(db, lead, word, companyID)
	if err != nil {
		return ConnectionPage{}, err
	}
	var q query
	q.add(`SELECT o.id, 0 AS rank, w.word || ' ' || CAST(w.company_id AS TEXT) AS key
		FROM company_words w JOIN connections o ON o.company_id = w.company_id WHERE`)
	q.named(lead, others)
	q.narrow(f, now)
	if at != (Cursor{}) {
		q.add(" AND (w.word, w.company_id, o.id) > (?, ?, ?)", word, companyID, at.ID)
	}
	if last != nil {
		q.add(" AND (w.word, w.company_id) <= (?, ?)", last.Word, last.CompanyID)
	}
	q.add(fmt.Sprintf(" ORDER BY w.word, w.company_id, o.id LIMIT %d", limit+1))
	page, err := cut(db, q, at, limit)
	if err != nil {
		return page, err
	}
	if last != nil && page.After == (Cursor{}) {
		page.After = Cursor{Key: last.Word + " " + last.CompanyID.String(), ID: uuid.Max}
	}
	if at == (Cursor{}) {
		page.Companies, err = companiesLike(db, lead, others)
	}
	return page, err
}

// named adds the conditions that a word w of a company begins with the leading prefix
// and that the company has the other prefixes too. It selects each company once.
func (q *query) named(lead prefix, others []prefix) {
	q.add(" w.word >= ? AND w.word < ?", string(lead), lead.end())
	q.add(" AND NOT EXISTS (SELECT 1 FROM company_words y WHERE y.company_id = w.company_id AND y.word >= ? AND y.word < w.word)", string(lead))
	for _, other := range others {
		q.add(" AND EXISTS (SELECT 1 FROM company_words x WHERE x.company_id = w.company_id AND x.word >= ? AND x.word < ?)", string(other), other.end())
	}
}

// prefixes returns the words of a search text. Lead is the one with the fewest
// companies; it is empty if the text has no words.
func prefixes(db *gorm.DB, text string) (lead prefix, others []prefix, err error) {
	words := strings.Fields(accounts.NameKey(text))
	if len(words) == 0 {
		return "", nil, nil
	}
	words = words[:min(len(words), wordsUsed)]
	if len(words) == 1 {
		return prefix(words[0]), nil, nil
	}
	var pieces []query
	for i, word := range words {
		p := prefix(word)
		pieces = append(pieces, query{
			sql:  fmt.Sprintf("SELECT %d AS i, count(*) AS n FROM (SELECT 1 FROM company_words WHERE word >= ? AND word < ? LIMIT %d) AS begun", i, countedFar),
			args: []any{word, p.end()},
		})
	}
	var counts []struct{ I, N int }
	all := union(pieces, "i", len(pieces))
	if err := db.Raw(all.sql, all.args...).Scan(&counts).Error; err != nil {
		return "", nil, fmt.Errorf("count companies by word: %w", err)
	}
	rarest, fewest := 0, math.MaxInt
	for _, c := range counts {
		if c.N < fewest || (c.N == fewest && len(words[c.I]) > len(words[rarest])) {
			rarest, fewest = c.I, c.N
		}
	}
	for i, word := range words {
		if i != rarest {
			others = append(others, prefix(word))
		}
	}
	return prefix(words[rarest]), others, nil
}

// lastCandidate returns the last company that a page looks at, or nil if the page
// looks at all that are left.
func lastCandidate(db *gorm.DB, lead prefix, word string, companyID uuid.UUID) (*accounts.CompanyWord, error) {
	var last accounts.CompanyWord
	err := db.Where("word >= ? AND word < ? AND (word, company_id) >= (?, ?)", string(lead), lead.end(), word, companyID).
		Order("word, company_id").Offset(candidatesRead).Take(&last).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for companies by word: %w", err)
	}
	return &last, nil
}

// companiesByName returns the first companies that a search by name finds.
func companiesByName(db *gorm.DB, text string) ([]FoundCompany, error) {
	lead, others, err := prefixes(db, text)
	if err != nil || lead == "" {
		return nil, err
	}
	return companiesLike(db, lead, others)
}

func companiesLike(db *gorm.DB, lead prefix, others []prefix) ([]FoundCompany, error) {
	// Look at no more companies than a page of connections does.
	last, err := lastCandidate(db, lead, string(lead), uuid.Nil)
	if err != nil {
		return nil, err
	}
	var q query
	q.add("SELECT c.id, c.name FROM company_words w JOIN companies c ON c.id = w.company_id WHERE")
	q.named(lead, others)
	if last != nil {
		q.add(" AND (w.word, w.company_id) <= (?, ?)", last.Word, last.CompanyID)
	}
	q.add(fmt.Sprintf(" ORDER BY w.word, w.company_id LIMIT %d", companiesFound))
	var companies []FoundCompany
	if err := db.Raw(q.sql, q.args...).Scan(&companies).Error; err != nil {
		return nil, fmt.Errorf("find companies by name: %w", err)
	}
	return companies, nil
}
