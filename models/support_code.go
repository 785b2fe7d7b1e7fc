package models

import (
	"crypto/rand"
	"crypto/sha256"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// NewSupportCode returns a code that identifies a request to people. It appears in
// the log, on error pages, and on timelines.
func NewSupportCode() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return supportCode(random)
}

// AttemptCode returns the support code of an attempt to connect. A reload of the page that
// says how the attempt ended has the same code, so that people and support speak of the
// same. Nobody who does not know the session's binding value can tell the code. A session
// without one, which can have begun no attempt, gets another code for each request.
func AttemptCode(binding, state secret.Value) string {
	if binding.Reveal() == "" {
		return NewSupportCode()
	}
	sum := sha256.Sum256(append(append(append(make([]byte, 0, 128), binding.Reveal()...), '.'), state.Reveal()...))
	return supportCode([8]byte(sum[:8]))
}

func supportCode(random [8]byte) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" // base32, as in RFC 4648
	code := [...]byte{'F', 'B', '-', 0, 0, 0, 0, '-', 0, 0, 0, 0}
	for i, r := range random {
		code[3+i+i/4] = letters[r%byte(len(letters))]
	}
	return string(code[:])
}
