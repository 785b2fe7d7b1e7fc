package database

import (
	"encoding/base64"
	"strings"
)

// Storable says whether both databases accept the text. PostgreSQL accepts only UTF-8
// without NUL.
func Storable(text string) bool {
	return strings.ToValidUTF8(text, "") == text && !strings.ContainsRune(text, 0)
}

// DecodeExactly decodes unpadded base64url (RFC 4648, section 5), and accepts only the
// text that encoding produces. The library's strict decoder alone still skips line
// breaks.
func DecodeExactly(text string) ([]byte, bool) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return decoded, err == nil && base64.RawURLEncoding.EncodeToString(decoded) == text
}
