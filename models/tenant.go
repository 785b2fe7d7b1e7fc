package models

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// TenantDigits is the most digits that a tenant ID has. ServiceTitan's API accepts
// any int64, but its documents and clients show 4 to 10 digits, typically 9 or 10.
const TenantDigits = 10

// ValidTenantID reports whether a number can be a tenant ID.
func ValidTenantID(id int64) bool { return id > 0 && id <= 9_999_999_999 }

// TenantReading is a tenant ID as it was read from what a person typed or pasted.
type TenantReading struct {
	ID int64
	// Plain says that the text was the number and nothing else. Otherwise the person
	// is told how it was read.
	Plain bool
}

// TenantIDError says that a text is not one tenant ID.
type TenantIDError struct {
	// Found has the numbers in the text that could be tenant IDs.
	Found []int64
	// TooLong is how many digits a number has that has too many. It is 0 if none has.
	TooLong int
}

func (e TenantIDError) Error() string {
	return fmt.Sprintf("not one tenant ID: %d numbers could be one, %d digits are too many", len(e.Found), e.TooLong)
}

const (
	// tenantText is the most text in which a tenant ID is looked for, in bytes.
	tenantText = 2000
	// foundMost is how many numbers a TenantIDError names at most.
	foundMost = 3
	// A number is long if nothing but a tenant ID is likely to have so many digits. A
	// shorter one counts if it is called a tenant ID, or is alone.
	longDigits, leastDigits = 6, 4
)

// ReadTenantID reads the number that ServiceTitan shows as "My Tenant ID": alone, as
// "Tenant ID: 842 193 311", or from an address that has it. Of several numbers, it takes
// the one that is called a tenant ID, or else the only long one. It returns a
// TenantIDError if there is not exactly one.
func ReadTenantID(s string) (TenantReading, error) {
	if len(s) > tenantText {
		return TenantReading{}, TenantIDError{}
	}
	text := strings.TrimSpace(strings.Map(plainRune, s))
	if id, err := strconv.ParseInt(tenantGaps.Replace(text), 10, 64); err == nil && ValidTenantID(id) {
		return TenantReading{ID: id, Plain: isGrouped(text)}, nil
	}
	if decoded, err := url.PathUnescape(text); err == nil {
		text = decoded
	}
	numbers := numbersIn(text)
	for _, counts := range []func(number) bool{
		func(n number) bool { return n.called },
		func(n number) bool { return n.digits >= longDigits },
	} {
		found, tooLong := TenantIDError{}, 0
		for _, n := range numbers {
			switch {
			case !counts(n):
			case n.digits > TenantDigits:
				tooLong = n.digits
			case ValidTenantID(n.value) && !slices.Contains(found.Found, n.value):
				found.Found = append(found.Found, n.value)
			}
		}
		switch {
		case len(found.Found) == 1:
			return TenantReading{ID: found.Found[0]}, nil
		case len(found.Found) > 1:
			found.Found = found.Found[:min(len(found.Found), foundMost)]
			return TenantReading{}, found
		case tooLong > 0:
			return TenantReading{}, TenantIDError{TooLong: tooLong}
		}
	}
	var short TenantIDError
	for _, n := range numbers {
		if n.digits >= leastDigits && len(short.Found) < foundMost && ValidTenantID(n.value) && !slices.Contains(short.Found, n.value) {
			short.Found = append(short.Found, n.value)
		}
	}
	return TenantReading{}, short
}

// tenantGaps takes out what people put within a number, and before it.
var tenantGaps = strings.NewReplacer(" ", "", "-", "", ",", "", "#", "")

// grouped matches a number alone, with or without groups of three digits.
var grouped = regexp.MustCompile(`^(?:\d+|\d{1,3}(?: \d{3})+|\d{1,3}(?:-\d{3})+|\d{1,3}(?:,\d{3})+)$`)

func isGrouped(text string) bool { return grouped.MatchString(text) }

// plainRune writes spaces and dashes as people type them, and takes out what cannot be
// seen.
func plainRune(r rune) rune {
	switch {
	case unicode.IsSpace(r) || unicode.Is(unicode.Zs, r):
		return ' '
	case unicode.Is(unicode.Pd, r) || r == '−':
		return '-'
	case unicode.In(r, unicode.Cf, unicode.Cc):
		return -1
	}
	return r
}

// number is a number in a text.
type number struct {
	value  int64 // 0 if it has too many digits
	digits int
	called bool // the text calls it a tenant ID
}

// calledTenant matches the text before a number that is called a tenant ID. In
// addresses of ServiceTitan's API, "tenant" is the segment before the ID.
var calledTenant = regexp.MustCompile(`(?i)tenant(?:[ _-]?id|[ _-]?number)?["'*\])]* ?(?:[:#=/-]|is)? ?["'#*\[(]*$`)

// numbersIn returns the numbers in a text, with or without groups of three digits. A
// part of a word, of a date, or of a phone number is not a number.
func numbersIn(text string) []number {
	var all []number
	for i := 0; i < len(text); {
		if !isDigit(text, i) {
			i++
			continue
		}
		start, end := i, i
		for isDigit(text, end) {
			end++
		}
		if end-start <= 3 {
			for gap := end; gap < len(text) && strings.IndexByte(" ,-", text[gap]) >= 0 && isGroup(text, gap+1); gap = end {
				end = gap + 4
			}
		}
		i = end
		called := calledTenant.MatchString(text[max(0, start-40):start])
		if !called && joined(text, start-1, start-2) || joined(text, end, end+1) {
			continue
		}
		digits := tenantGaps.Replace(text[start:end])
		n := number{digits: len(digits), called: called}
		n.value, _ = strconv.ParseInt(digits, 10, 64)
		all = append(all, n)
	}
	return all
}

func isDigit(text string, i int) bool {
	return i >= 0 && i < len(text) && text[i] >= '0' && text[i] <= '9'
}

// isWord reports whether a byte belongs to a word. So do the bytes of letters that are
// not ASCII.
func isWord(text string, i int) bool {
	return i >= 0 && i < len(text) && (text[i] == '_' || text[i] >= 0x80 || isDigit(text, i) || unicode.IsLetter(rune(text[i])))
}

// isGroup reports whether a group of exactly three digits begins at i.
func isGroup(text string, i int) bool {
	return isDigit(text, i) && isDigit(text, i+1) && isDigit(text, i+2) && !isDigit(text, i+3)
}

// joined reports whether what is next to a number makes it a part of something longer:
// a letter, or a dash or a point with a word behind it.
func joined(text string, next, behind int) bool {
	if next < 0 || next >= len(text) {
		return false
	}
	return isWord(text, next) || (text[next] == '-' || text[next] == '.') && isWord(text, behind)
}
