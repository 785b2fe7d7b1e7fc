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
	// wordsUsed bounds how many words of what was typed count.
	wordsUsed = 6
	// candidatesRead bounds how many companies one page of a search looks at. A
	// page may be short by it, and go on all the same.
	candidatesRead = 500
	// countedFar bounds how far the companies of a word are counted, to begin with
	// the rarest.
	countedFar = 200
)

// prefix is the beginning of a word of a company's name.
type prefix string

func (p prefix) end() string { return string(p) + endOfPrefix }

// byName finds connections by their company's name: each word that was typed
// begins one of its words, in any order. One word leads; an index has its
// companies in order, and the other words are looked up for each.
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

// named wants a company w by its leading word, and each once.
func (q *query) named(lead prefix, others []prefix) {
	q.add(" w.word >= ? AND w.word < ?", string(lead), lead.end())
	q.add(" AND NOT EXISTS (SELECT 1 FROM company_words y WHERE y.company_id = w.company_id AND y.word >= ? AND y.word < w.word)", string(lead))
	for _, other := range others {
		q.add(" AND EXISTS (SELECT 1 FROM company_words x WHERE x.company_id = w.company_id AND x.word >= ? AND x.word < ?)", string(other), other.end())
	}
}

// prefixes are the words that were typed, the one with the fewest companies
// first.
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

// lastCandidate is where a page stops to look; nil if it comes to the end.
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

// companiesByName are some companies of the name.
func companiesByName(db *gorm.DB, text string) ([]FoundCompany, error) {
	lead, others, err := prefixes(db, text)
	if err != nil || lead == "" {
		return nil, err
	}
	return companiesLike(db, lead, others)
}

func companiesLike(db *gorm.DB, lead prefix, others []prefix) ([]FoundCompany, error) {
	// As far as a page of connections looks, and no farther.
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
	var list []FoundCompany
	if err := db.Raw(q.sql, q.args...).Scan(&list).Error; err != nil {
		return nil, fmt.Errorf("find companies by name: %w", err)
	}
	return list, nil
}
