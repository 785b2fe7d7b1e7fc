package database

import (
	"encoding/base64"
	"strings"
)

// Storable says whether a database takes the text: PostgreSQL holds no NUL and
// nothing but UTF-8.
func Storable(text string) bool {
	return strings.ToValidUTF8(text, "") == text && !strings.ContainsRune(text, 0)
}

// DecodeExactly decodes unpadded base64url in the one spelling that encoding
// gives. The library's decoder skips line breaks, even where it is strict, and
// otherwise ignores the last character's unused bits.
func DecodeExactly(text string) ([]byte, bool) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return decoded, err == nil && base64.RawURLEncoding.EncodeToString(decoded) == text
}
