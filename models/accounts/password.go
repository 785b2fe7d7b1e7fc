package accounts

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// Password lengths, in characters and bytes. The upper bound keeps hashing
// from being a way to keep us busy.
const (
	minPassword      = 12
	maxPasswordBytes = 1024
)

// PasswordProblem is the reason why a password is not accepted.
type PasswordProblem string

// All problems of a password. PasswordFine says that there is none.
const (
	PasswordFine     PasswordProblem = ""
	PasswordTooShort PasswordProblem = "too_short"
	PasswordTooLong  PasswordProblem = "too_long"
	PasswordTooEasy  PasswordProblem = "too_easy"
)

// commonPasswords are frequent passwords of at least minPassword characters, in
// lower case, with a space around each.
const commonPasswords = " 123456789012 1234567890123 12345678901234 123456123456 123123123123 " +
	"qwertyuiopas qwertyuiop12 qwertyuiop123 qwerty123456 qwertyqwerty qwerty12345678 asdfghjkl123 asdfasdfasdf " +
	"1q2w3e4r5t6y 1q2w3e4r5t6y7u 1qaz2wsx3edc 1qaz2wsx3edc4rfv q1w2e3r4t5y6 zaq12wsxcde3 1234qwerasdf qazwsxedcrfv " +
	"passwordpassword password1234 password12345 password123456 password2026 passw0rd1234 " +
	"abcdefghijkl abcd12345678 abc123abc123 a1b2c3d4e5f6 iloveyou1234 iloveyouiloveyou " +
	"letmein12345 letmeinletmein welcome12345 changeme1234 changemechangeme administrator admin1234567 " +
	"motherfucker unbelievable basketball12 football1234 superman1234 sunshine1234 princess1234 dragon123456 "

// CheckPassword returns what is wrong with a new password for a person, or
// PasswordFine.
func CheckPassword(password secret.Value, of PasswordOf) PasswordProblem {
	p := password.Reveal()
	switch {
	case utf8.RuneCountInString(p) < minPassword:
		return PasswordTooShort
	case len(p) > maxPasswordBytes:
		return PasswordTooLong
	case strings.Contains(commonPasswords, " "+strings.ToLower(p)+" "), distinct(p) < 5, guessable(p, of):
		return PasswordTooEasy
	}
	return PasswordFine
}

// distinct counts the different characters in a text.
func distinct(s string) int {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return len(seen)
}

// hasher computes argon2id hashes for callers whose turn it is.
type hasher struct {
	queue  *hashQueue
	params *argon2id.Params
	// decoy is a hash made with params. A password is compared with it if there is
	// no account.
	decoy string
}

// HashOption changes how accounts hash passwords.
type HashOption func(*hasher)

// QuickHashes makes hashing fast, so that tests with many people do not spend most
// of their time on it. Only tests may use it: such hashes are also fast to guess.
func QuickHashes(h *hasher) {
	h.params = &argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	h.decoy = "$argon2id$v=19$m=8,t=1,p=1$faIr3lNIi3XOaqMeD8utfQ$T/lHwxKMkCv570xAPGqEcyos3yNza5IXECjVKT1FzSE"
}

// decoy is a hash, made with hashParams, of a text that is nobody's password.
// Comparing a password with it takes as long as with a real hash, so that the time
// of the answer does not tell whether there is an account.
const decoy = "$argon2id$v=19$m=19456,t=2,p=1$zoYPMRaAf+elxxJ15Oc49A$4vzDs7JvrXULwaVtOVs72XgrQsr+sWo1L43OolEb9fw"

// hashParams returns argon2id parameters that OWASP recommends (Password Storage
// Cheat Sheet): 19 MiB of memory, two passes, one lane.
func hashParams() *argon2id.Params {
	return &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// hash hashes a password. The caller has a turn.
func (h *hasher) hash(password secret.Value) (string, error) {
	return argon2id.CreateHash(password.Reveal(), h.params)
}

// hashInTurn waits for a turn as a known asker, and then hashes a password.
func (h *hasher) hashInTurn(ctx context.Context, account string, password secret.Value) (string, error) {
	done, err := h.queue.Turn(ctx, hashAsker{key: account, known: true})
	if err != nil {
		return "", err
	}
	defer done()
	return h.hash(password)
}

// matches reports whether a password has the given hash. The caller has a turn. An
// empty hash matches no password and takes as long to compare.
func (h *hasher) matches(password secret.Value, hash string) (bool, error) {
	if hash == "" {
		_, err := argon2id.ComparePasswordAndHash(password.Reveal(), h.decoy)
		return false, err
	}
	return argon2id.ComparePasswordAndHash(password.Reveal(), hash)
}

// HashPassword returns the hash under which a password is stored. It waits for a
// turn to hash, like a sign-in.
func (a *Accounts) HashPassword(ctx context.Context, password secret.Value) (string, error) {
	return a.hasher.hashInTurn(ctx, "", password)
}
