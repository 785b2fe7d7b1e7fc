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
	// longestName is the length of the longest name of a person, a company, or a
	// key, in characters.
	longestName = 100
	// marksInARow is how many accents a letter may have. Pointed Hebrew has up to
	// three. More than four only cover the lines above and below.
	marksInARow = 4
)

// NameProblem is the reason why a name is not accepted.
type NameProblem string

const (
	// NameFine says that there is no problem.
	NameFine NameProblem = ""
	// NameMissing says that the name is empty.
	NameMissing NameProblem = "missing"
	// NameTooLong says that the name has more than 100 characters.
	NameTooLong NameProblem = "too_long"
	// NameInvisible says that the name contains characters that cannot be seen, or
	// that change how the text around them is shown.
	NameInvisible NameProblem = "invisible"
	// NameAddress says that the name contains a web or email address.
	NameAddress NameProblem = "address"
)

// badNameError says why ParseName refused a name.
type badNameError struct{ Problem NameProblem }

func (e badNameError) Error() string {
	switch e.Problem {
	case NameTooLong:
		return "the name has more than 100 characters"
	case NameInvisible:
		return "the name contains invisible characters"
	case NameAddress:
		return "the name contains a web or email address"
	case NameMissing, NameFine:
	}
	return "the name is empty"
}

// ParseName checks the name of a person, a company, or a key. It returns the name
// as it is stored: composed (Unicode NFC), with single spaces. People who see a
// name trust the page around it, so a name must not reorder that text, hide in it,
// or link away from it.
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

// plainSpace replaces every kind of space with the ordinary one.
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

// isVisible reports whether a character is visible on its own.
func isVisible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !hidden(r)
}

// hidden reports whether a character shows nothing or controls the text around it:
// control characters, format characters such as U+202E and the joiners, private and
// unassigned characters, line and paragraph separators, the Hangul fillers, and the
// empty Braille pattern.
func hidden(r rune) bool {
	return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point) || r == '\u2800'
}

var (
	// addressForm matches text that programs turn into a link: a scheme, www., an
	// email address, or a domain or an IP address that a path, a query, or a port
	// follows. It does not match names such as Cool.Air or St. Louis A.C. Repair.
	addressForm = regexp.MustCompile(`(?i)` +
		`:/|\b(?:https?|ftp|mailto|tel|javascript|data):\S|` +
		`(?:^|[^\p{L}\p{N}])www\d*\.[\p{L}\p{N}]|` +
		`[^\s@]@[^\s@]+\.[\p{L}\p{N}]|` +
		`[\p{L}\p{N}]\.(?:\p{L}{2,}|xn--[a-z0-9-]+)(?::\d+)?(?:/|[?#]\S)|` +
		`[\p{L}\p{N}]\.\p{L}{2,}:\d|` +
		`\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+|/)`)
	// addressLike replaces characters that look like a dot or a slash.
	addressLike = strings.NewReplacer("。", ".", "․", ".", "⁄", "/", "∕", "/", "⧸", "/", "\\", "/")
)

// holdsAddress reports whether a name contains a web or email address, even in
// full-width letters.
func holdsAddress(name string) bool {
	return addressForm.MatchString(addressLike.Replace(norm.NFKC.String(name)))
}

// VisibleText removes the characters that a name may not contain. Files and logs
// use it, because they cannot isolate a name as pages do. Names from ServiceTitan,
// and names that are older than ParseName, may contain such characters.
func VisibleText(text string) string {
	return strings.Map(func(r rune) rune {
		if hidden(r) {
			return -1
		}
		return r
	}, text)
}
