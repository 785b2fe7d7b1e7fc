package accounts_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// A key as it is written in the documentation. The checksum is the CRC-32 (IEEE) of all
// before it, in base32 without padding.
const writtenKey = "fbk_abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst" + "gzv5woy"

func TestKeysAreWellFormed(t *testing.T) {
	old := "fbk_" + strings.Repeat("abcd2345", 6) + "wxyz"
	for _, test := range []struct {
		why, key string
		want     bool
	}{
		{"with a checksum", writtenKey, true},
		{"from before the checksum", old, true},
		{"empty", "", false},
		{"only a prefix", "fbk_", false},
		{"another prefix", "fbx_" + writtenKey[4:], false},
		{"no prefix", writtenKey[4:], false},
		{"upper case", strings.ToUpper(writtenKey), false},
		{"a character too few", writtenKey[:len(writtenKey)-1], false},
		{"a character too many", writtenKey + "a", false},
		{"a space", writtenKey[:62] + " ", false},
		{"a letter that base32 lacks", "fbk_1" + writtenKey[5:], false},
		{"old, with a letter that base32 lacks", old[:55] + "0", false},
		{"another checksum", writtenKey[:62] + "a", false},
		{"two characters changed places", "fbk_ba" + writtenKey[6:], false},
	} {
		if got := accounts.WellFormed(secret.New(test.key)); got != test.want {
			t.Errorf("%s: got %v", test.why, got)
		}
	}
}

// Every mistyped key is refused without asking the database.
func TestMistypedKeyCostsNoQuery(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		keys := accounts.NewAPIKeys(db)
		_, sent, err := keys.Create(t.Context(), accounts.CommandLine("root"), accounts.NewKey{Name: "sync", Scopes: accounts.Scopes()})
		if err != nil {
			t.Fatal(err)
		}
		queries := 0
		defer db.Watch(func(string, []any) { queries++ })()
		if _, err := keys.Check(t.Context(), sent, "203.0.113.7"); err != nil || queries != 1 {
			t.Fatalf("%d queries for the key: %v", queries, err)
		}
		key := sent.Reveal()
		for i := range key {
			for _, typed := range "abcdefghijklmnopqrstuvwxyz234567 A-_" {
				if typed == rune(key[i]) {
					continue
				}
				wrong := key[:i] + string(typed) + key[i+1:]
				if _, err := keys.Check(t.Context(), secret.New(wrong), "203.0.113.7"); !errors.Is(err, database.ErrNotFound) {
					t.Errorf("character %d as %q: got %v", i, typed, err)
				}
			}
		}
		if queries != 1 {
			t.Errorf("%d queries for mistyped keys", queries-1)
		}
	})
}

// No text makes the check panic, and whoever can tell a key from another text has its
// checksum right.
func FuzzWellFormed(f *testing.F) {
	for _, seed := range []string{"", "fbk_", writtenKey, writtenKey[:56], strings.Repeat("é", 40), "fbk_" + strings.Repeat("a", 59)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !accounts.WellFormed(secret.New(text)) {
			return
		}
		random, prefixed := strings.CutPrefix(text, "fbk_")
		if !prefixed || len(random) != 52 && len(random) != 59 || strings.Trim(random, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Errorf("%q is no key", text)
		}
		if len(random) == 59 && accounts.WellFormed(secret.New(text[:len(text)-1]+"a")) && !strings.HasSuffix(text, "a") {
			t.Errorf("%q has two checksums", text[:56])
		}
	})
}
