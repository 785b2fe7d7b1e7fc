package accounts

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

const (
	// longestName is the longest name of a person, a company, or a key, in
	// characters.
	longestName = 100
	// marksInARow is how many accents one letter may carry. Pointed Hebrew has
	// three; more than four only cover the lines above and below.
	marksInARow = 4
)

// NameProblem is what is wrong with a name.
type NameProblem string

const (
	// NameFine is no problem.
	NameFine NameProblem = ""
	// NameMissing says that there is nothing to see.
	NameMissing NameProblem = "missing"
	// NameTooLong says that it has more than 100 characters.
	NameTooLong NameProblem = "too_long"
	// NameInvisible says that it holds characters that cannot be seen, or that
	// change how the text around them is shown.
	NameInvisible NameProblem = "invisible"
	// NameAddress says that it holds a web or email address.
	NameAddress NameProblem = "address"
)

// badNameError says that ParseName refuses a name, and why.
type badNameError struct{ Problem NameProblem }

func (e badNameError) Error() string {
	switch e.Problem {
	case NameTooLong:
		return "the name has more than 100 characters"
	case NameInvisible:
		return "the name holds invisible characters"
	case NameAddress:
		return "the name holds a web or email address"
	case NameMissing, NameFine:
	}
	return "the name is empty"
}

// ParseName reads the name of a person, a company, or a key. It returns the name
// as it is kept: in composed form (NFC), with single spaces. Names appear in
// front of people who trust the page around them, so a name must not reorder
// that text, hide in it, or lead out of it.
func ParseName(text string) (string, NameProblem) {
	if !database.Storable(text) {
		return "", NameInvisible
	}
	name := strings.Trim(strings.Map(plainSpace, norm.NFC.String(text)), " ")
	for strings.Contains(name, "  ") {
		name = strings.ReplaceAll(name, "  ", " ")
	}
	switch {
	case name == "":
		return "", NameMissing
	case utf8.RuneCountInString(name) > longestName:
		return "", NameTooLong
	case !AllVisible(name):
		return "", NameInvisible
	case holdsAddress(name):
		return "", NameAddress
	}
	return name, NameFine
}

// plainSpace turns every kind of space within a line into the usual one.
func plainSpace(r rune) rune {
	if unicode.Is(unicode.Zs, r) {
		return ' '
	}
	return r
}

// AllVisible reports whether a reader can see every character of a line.
func AllVisible(line string) bool {
	seen, marks := false, 0
	var before rune
	for _, r := range line {
		switch {
		case hidden(r), unicode.Is(unicode.Variation_Selector, r) && !isVisible(before):
			return false
		case unicode.IsMark(r):
			if marks++; marks > marksInARow || before == 0 || before == ' ' {
				return false
			}
		default:
			marks, seen = 0, seen || isVisible(r)
		}
		before = r
	}
	return seen
}

// isVisible reports whether a character leaves a mark by itself.
func isVisible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !hidden(r)
}

// hidden reports whether a character shows nothing or controls the text around
// it: controls, formats such as U+202E and the joiners, private and unassigned
// characters, line and paragraph separators, the fillers of Hangul, and the
// empty Braille pattern.
func hidden(r rune) bool {
	return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point) || r == '\u2800'
}

var (
	// addressForm matches what programs turn into a link: a scheme, www., an email
	// address, or a domain or an IP address with something behind it. A name such
	// as Cool.Air or St. Louis A.C. Repair is none of these.
	addressForm = regexp.MustCompile(`(?i)` +
		`:/|\b(?:https?|ftp|mailto|tel|javascript|data):\S|` +
		`(?:^|[^\p{L}\p{N}])www\d*\.[\p{L}\p{N}]|` +
		`[^\s@]@[^\s@]+\.[\p{L}\p{N}]|` +
		`[\p{L}\p{N}]\.(?:\p{L}{2,}|xn--[a-z0-9-]+)(?::\d+)?(?:/|[?#]\S)|` +
		`[\p{L}\p{N}]\.\p{L}{2,}:\d|` +
		`\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+|/)`)
	// addressLike has the characters that look like a dot or a slash.
	addressLike = strings.NewReplacer("。", ".", "․", ".", "⁄", "/", "∕", "/", "⧸", "/", "\\", "/")
)

// holdsAddress reports whether a name holds a web or email address, also one in
// letters of another width.
func holdsAddress(name string) bool {
	return addressForm.MatchString(addressLike.Replace(norm.NFKC.String(name)))
}

// VisibleText returns text without the characters that a name may not have. It
// is for names from before that rule, and from elsewhere, in places where the
// page cannot isolate them: files and logs.
func VisibleText(text string) string {
	return strings.Map(func(r rune) rune {
		if hidden(r) {
			return -1
		}
		return r
	}, text)
}
