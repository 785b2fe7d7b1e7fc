package accounts

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// PasswordOf is the person a password is for: what others know about them, and
// therefore guess first. Company may be empty. The names of several companies have a
// line each.
type PasswordOf struct{ Company, Name, Email string }

const (
	// guessedRun is the length of the shortest piece of a row, repetition, or word
	// that counts as guessable.
	guessedRun = 3
	// repeatedUnit is the length of the longest unit whose repetition counts as
	// guessable.
	repeatedUnit = 8
	// judgedRunes is how many characters are checked, from the beginning. Checking
	// a long password would take nearly as long as hashing it, and a check does not
	// wait for a turn.
	judgedRunes = 128
	// leastUnguessed is the least score of the characters that are not guessable. A
	// letter scores 2 and any other character 1, because people often append digits
	// and signs.
	leastUnguessed = 12
)

// guessedWords are words of the product, and the words that people most often use
// in passwords.
var guessedWords = []string{
	"fieldbridge", "field", "bridge", "servicetitan", "service", "titan",
	"password", "passwort", "welcome", "letmein", "changeme", "iloveyou", "admin", "login", "secret", "master", "test",
}

// guessedRows are the alphabet, the digits, and rows of keys. They are matched in
// both directions.
var guessedRows = []string{
	"abcdefghijklmnopqrstuvwxyzabc", "01234567890123",
	"qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
	"!@#$%^&*()_+", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "a1b2c3d4e5f6g7h8i9",
	"qazwsxedcrfvtgbyhnujmikolp",
}

// guessable reports whether a password consists almost only of what people guess:
// words of the product, names of the company and the person, parts of the email,
// repetitions, and rows of keys. It also finds them with digits and signs in place
// of letters, or around them.
func guessable(password string, of PasswordOf) bool {
	typed := plainRunes(password)
	typed = typed[:min(len(typed), judgedRunes)]
	guessed := make([]bool, len(typed))
	words := slices.Concat(guessedWords, wordsOf(of))
	for _, text := range [][]rune{typed, unleet(typed, 'i'), unleet(typed, 'l')} {
		if repeats(trimmed(text)) {
			return true
		}
		for _, word := range words {
			markWord(guessed, text, []rune(word))
		}
		for _, row := range guessedRows {
			markRuns(guessed, text, []rune(row))
		}
		markSame(guessed, text)
	}
	left := 0
	for i, r := range typed {
		switch {
		case guessed[i]:
		case unicode.IsLetter(r):
			left += 2
		default:
			left++
		}
	}
	return left < leastUnguessed
}

// plainRunes returns the characters of a text in lower case, without accents.
func plainRunes(text string) []rune {
	var plain []rune
	for _, r := range norm.NFC.String(text) {
		base := r
		for _, first := range norm.NFD.String(string(r)) {
			base = first
			break
		}
		plain = append(plain, unicode.ToLower(base))
	}
	return plain
}

// unleet replaces digits and signs with the letters that they stand for. The digit
// 1 can stand for different letters, so the caller chooses which.
func unleet(text []rune, one rune) []rune {
	letters := map[rune]rune{'0': 'o', '1': one, '!': one, '3': 'e', '4': 'a', '@': 'a', '5': 's', '$': 's', '7': 't', '8': 'b'}
	read := make([]rune, len(text))
	for i, r := range text {
		read[i] = r
		if letter, ok := letters[r]; ok {
			read[i] = letter
		}
	}
	return read
}

// wordsOf returns the words that others know about a person.
func wordsOf(of PasswordOf) []string {
	var words []string
	for _, text := range append(strings.Split(of.Company, "\n"), of.Name, of.Email) {
		parts := strings.FieldsFunc(string(plainRunes(text)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		words = append(append(words, parts...), strings.Join(parts, ""))
	}
	return slices.DeleteFunc(words, func(w string) bool { return len([]rune(w)) < guessedRun })
}

// markWord marks every occurrence of a word.
func markWord(guessed []bool, text, word []rune) {
	for i := 0; i+len(word) <= len(text); i++ {
		if slices.Equal(text[i:i+len(word)], word) {
			mark(guessed, i, i+len(word))
		}
	}
}

// markRuns marks every piece of a row, in either direction.
func markRuns(guessed []bool, text, row []rune) {
	back := slices.Clone(row)
	slices.Reverse(back)
	for _, row := range [][]rune{row, back} {
		for from := range text {
			for at := range row {
				n := 0
				for from+n < len(text) && at+n < len(row) && text[from+n] == row[at+n] {
					n++
				}
				if n >= guessedRun {
					mark(guessed, from, from+n)
				}
			}
		}
	}
}

// markSame marks runs of the same character.
func markSame(guessed []bool, text []rune) {
	for from := 0; from < len(text); {
		to := from
		for to < len(text) && text[to] == text[from] {
			to++
		}
		if to-from >= guessedRun {
			mark(guessed, from, to)
		}
		from = to
	}
}

// mark marks the characters from one index up to another.
func mark(guessed []bool, from, to int) {
	for i := from; i < to; i++ {
		guessed[i] = true
	}
}

// trimmed returns a text without the digits and signs at its end, unless almost
// nothing else is left.
func trimmed(text []rune) []rune {
	end := len(text)
	for end > 0 && !unicode.IsLetter(text[end-1]) {
		end--
	}
	if end < 2 {
		return text
	}
	return text[:end]
}

// repeats reports whether a text is one short unit, repeated.
func repeats(text []rune) bool {
	for unit := 1; unit <= min(repeatedUnit, len(text)/2); unit++ {
		if slices.Equal(text[unit:], text[:len(text)-unit]) {
			return true
		}
	}
	return false
}
