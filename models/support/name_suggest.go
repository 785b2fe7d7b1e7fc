package support

import (
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

const (
	// wordsCompared is the most words of names that a mistyped word is compared with.
	wordsCompared = 500
	// shortestSuggested is the fewest characters of a word that counts as mistyped.
	// Shorter words are similar to too many others.
	shortestSuggested = 3
)

// Suggestion is a search that finds something, to offer when another found nothing.
type Suggestion struct {
	// Query is the text to search for. Name is the text to show: the company's name
	// if the search finds just one.
	Query, Name string
}

// suggest suggests another search for a text that found nothing. It compares each
// word that begins no word of a name with the first wordsCompared words that begin
// with the same two letters. An index serves both reads.
func suggest(db *gorm.DB, text string) (Suggestion, error) {
	words := strings.Fields(accounts.NameKey(text))
	words = words[:min(len(words), wordsUsed)]
	changed := false
	for i, word := range words {
		near, err := nearWord(db, word)
		if err != nil || near == "" {
			return Suggestion{}, err
		}
		changed = changed || near != word
		words[i] = near
	}
	if !changed {
		return Suggestion{}, nil
	}
	s := Suggestion{Query: strings.Join(words, " ")}
	companies, err := companiesByName(db, s.Query)
	if err != nil || len(companies) == 0 {
		return Suggestion{}, err
	}
	if s.Name = s.Query; len(companies) == 1 {
		s.Name = companies[0].Name
	}
	return s, nil
}

// nearWord returns the word itself if a word of a name begins with it, or else the
// most similar word. It is empty if no word is similar enough.
func nearWord(db *gorm.DB, word string) (string, error) {
	candidates, err := differentWords(db, word, 1)
	if err != nil || len(candidates) > 0 {
		return word, err
	}
	letters := []rune(word)
	if len(letters) < shortestSuggested {
		return "", nil
	}
	if candidates, err = differentWords(db, string(letters[:2]), wordsCompared); err != nil {
		return "", err
	}
	nearest, least := "", 2+min(1, len(letters)/6) // one letter, or two of a long word
	for _, candidate := range candidates {
		if d := distance(letters, []rune(candidate)); d < least {
			nearest, least = candidate, d
		}
	}
	return nearest, nil
}

// differentWords returns the first words of names that begin with begin, without
// duplicates. It looks up each word in the index once, no matter how many companies
// have it.
func differentWords(db *gorm.DB, begin string, limit int) ([]string, error) {
	p := prefix(begin)
	var words []string
	err := db.Raw(`WITH RECURSIVE begun (word, n) AS (
			SELECT * FROM (SELECT word, 1 FROM company_words WHERE word >= ? AND word < ? ORDER BY word LIMIT 1) AS first
			UNION ALL
			SELECT (SELECT c.word FROM company_words c WHERE c.word > begun.word AND c.word < ? ORDER BY c.word LIMIT 1), n + 1
			FROM begun WHERE begun.word IS NOT NULL AND n < ?)
		SELECT word FROM begun WHERE word IS NOT NULL ORDER BY n`, begin, p.end(), p.end(), limit).Scan(&words).Error
	if err != nil {
		return nil, fmt.Errorf("read words of names: %w", err)
	}
	return words, nil
}

// distance returns how many letters have to be added, removed, changed, or swapped
// with the next one to turn one word into the other (optimal string alignment
// distance).
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
