package accounts

import (
	"context"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// Password lengths, in characters. The upper bound keeps hashing from being a way to
// keep us busy.
const (
	minPassword = 12
	maxPassword = 256
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

// CheckPassword returns what is wrong with a new password for a person, or
// PasswordFine.
func CheckPassword(password secret.Value, of PasswordOf) PasswordProblem {
	p := composed(password).Reveal()
	switch n := utf8.RuneCountInString(p); {
	case n < minPassword:
		return PasswordTooShort
	case n > maxPassword:
		return PasswordTooLong
	case common(p), distinct(p) < 5, guessable(p, of):
		return PasswordTooEasy
	}
	return PasswordFine
}

// composed returns a password in the form in which it is hashed. Keyboards write the
// same accented letter as one code point or as two. NFC makes them equal (RFC 8265,
// section 4.2). Nothing else about a password is changed.
func composed(password secret.Value) secret.Value {
	return secret.New(norm.NFC.String(password.Reveal()))
}

// hashable reports whether a password that somebody entered is short enough for
// comparing it with a hash. Passwords that were chosen when the limit was 1024
// bytes still work.
func hashable(password secret.Value) bool {
	return len(composed(password).Reveal()) <= 4*maxPassword
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
	return argon2id.CreateHash(composed(password).Reveal(), h.params)
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
// empty hash matches no password and takes as long to compare. A password that is
// not composed is also compared as it was typed, because older hashes are of that.
func (h *hasher) matches(password secret.Value, hash string) (bool, error) {
	known := hash != ""
	if !known {
		hash = h.decoy
	}
	forms := []secret.Value{composed(password), password}
	if forms[0].Reveal() == forms[1].Reveal() {
		forms = forms[:1]
	}
	for _, form := range forms {
		matches, err := argon2id.ComparePasswordAndHash(form.Reveal(), hash)
		if err != nil || matches && known {
			return matches && known, err
		}
	}
	return false, nil
}

// HashPassword returns the hash under which a password is stored. It waits for a
// turn to hash, like a sign-in.
func (a *Accounts) HashPassword(ctx context.Context, password secret.Value) (string, error) {
	return a.hasher.hashInTurn(ctx, "", password)
}
