package accounts

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// PasswordOf is whose password it is to be: what others know of the person, and
// so try first. Company may be empty.
type PasswordOf struct{ Company, Name, Email string }

const (
	// guessedRun is from how many characters on a piece of a row, a repetition or a
	// word is one that people guess.
	guessedRun = 3
	// repeatedUnit is the longest unit whose repetition is guessed.
	repeatedUnit = 8
	// judgedRunes is how much of a password is looked at: its beginning decides. To
	// look at a long one costs nearly as much as its hash, and nobody waits for a
	// turn to do it.
	judgedRunes = 128
	// leastUnguessed is what a password must have beside what is guessed: a letter
	// counts 2, and anything else 1, since people append numbers and signs.
	leastUnguessed = 12
)

// guessedWords are those of the product, and what people put into passwords most.
var guessedWords = []string{
	"fieldbridge", "field", "bridge", "servicetitan", "service", "titan",
	"password", "passwort", "welcome", "letmein", "changeme", "iloveyou", "admin", "login", "secret", "master", "test",
}

// guessedRows are rows of keys and of the alphabet, which are read in both
// directions.
var guessedRows = []string{
	"abcdefghijklmnopqrstuvwxyzabc", "01234567890123",
	"qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
	"!@#$%^&*()_+", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "a1b2c3d4e5f6g7h8i9",
	"qazwsxedcrfvtgbyhnujmikolp",
}

// guessable says whether a password is made of little but what people guess:
// names of the product, the company and the person, parts of the email,
// repetitions, and rows of keys, also with letters written as digits and with
// numbers and signs around them.
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

// plainRunes are a text's characters in small letters without accents.
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

// unleet reads digits and signs as the letters that they stand for. A one is
// another letter from word to word.
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

// wordsOf are the words that others know of a person.
func wordsOf(of PasswordOf) []string {
	var words []string
	for _, text := range []string{of.Company, of.Name, of.Email} {
		parts := strings.FieldsFunc(string(plainRunes(text)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		words = append(append(words, parts...), strings.Join(parts, ""))
	}
	return slices.DeleteFunc(words, func(w string) bool { return len([]rune(w)) < guessedRun })
}

func markWord(guessed []bool, text, word []rune) {
	for i := 0; i+len(word) <= len(text); i++ {
		if slices.Equal(text[i:i+len(word)], word) {
			mark(guessed, i, i+len(word))
		}
	}
}

// markRuns marks what stands in a row in the same or the other order.
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

// markSame marks a character that stands several times in a row.
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

func mark(guessed []bool, from, to int) {
	for i := from; i < to; i++ {
		guessed[i] = true
	}
}

// trimmed is a text without the digits and signs at its end, unless little else
// is there.
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

// repeats says whether a text is one short unit again and again.
func repeats(text []rune) bool {
	for unit := 1; unit <= min(repeatedUnit, len(text)/2); unit++ {
		if slices.Equal(text[unit:], text[:len(text)-unit]) {
			return true
		}
	}
	return false
}
