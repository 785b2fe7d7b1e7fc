package accounts

import (
	"crypto/rand"
	"hash/crc32"
	"strings"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// An API key is a prefix, random characters, and a checksum of both. Scanners recognize
// a leaked key by the prefix and the checksum, and we refuse a mistyped one without a
// query. Keys from before the checksum lack it.
const (
	keyPrefix  = "fbk_"
	keyLetters = "abcdefghijklmnopqrstuvwxyz234567" // of base32 (RFC 4648, section 6)
	// keyRandom is the number of random characters, which hold 260 bits.
	keyRandom = 52
	// keySum is the length of the checksum, which is a CRC-32 in base32.
	keySum = 7

	keyWithoutSum = len(keyPrefix) + keyRandom
)

// newKey makes an API key.
func newKey() secret.Value {
	key := keyPrefix + strings.ToLower(rand.Text()+rand.Text())
	sum := keyChecksum(key)
	return secret.New(key + string(sum[:]))
}

// WellFormed reports whether a text can be an API key. If not, nobody needs to look it
// up.
func WellFormed(sent secret.Value) bool {
	key := sent.Reveal()
	if len(key) != keyWithoutSum && len(key) != keyWithoutSum+keySum || !strings.HasPrefix(key, keyPrefix) {
		return false
	}
	for _, c := range []byte(key[len(keyPrefix):]) {
		if strings.IndexByte(keyLetters, c) < 0 {
			return false
		}
	}
	key, sum := key[:keyWithoutSum], key[keyWithoutSum:]
	want := keyChecksum(key)
	return sum == "" || sum == string(want[:])
}

// keyChecksum returns the checksum of the rest of a key.
func keyChecksum(key string) (sum [keySum]byte) {
	bits := uint64(crc32.ChecksumIEEE([]byte(key))) << 3 // 32 bits in 7 characters of 5
	for i := range sum {
		sum[i] = keyLetters[bits>>(5*(keySum-1-i))&31]
	}
	return sum
}
