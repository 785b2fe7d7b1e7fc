package keyring_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// Which keys are in use is known from what instances say and from what is stored, and a
// key that encrypts nothing is forgotten.
func TestKeysInUse(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		d.Seed(2, d.Clock.Now(), d.Clock.Now().Add(time.Hour))
		stranger, err := seal.Create(filepath.Join(t.TempDir(), "stranger.json"))
		d.Must(err)
		missing := func(keys *seal.Keys, want ...uint32) {
			t.Helper()
			got, err := keyring.MissingKeys(t.Context(), d.DB, keys)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("missing are %v, want %v (%v)", got, want, err)
			}
		}
		missing(stranger)
		d.Must(keyring.CountKeys(t.Context(), d.DB))
		missing(d.Keys)
		missing(stranger, d.Keys.Primary())

		d.Must(keyring.NoteKey(t.Context(), d.DB, stranger))
		missing(d.Keys, stranger.Primary())
		d.Must(keyring.CountKeys(t.Context(), d.DB))
		missing(d.Keys, stranger.Primary()) // it may be about to encrypt its first value
		d.Clock.Add(keyring.UnusedKeysKept + time.Second)
		d.Must(keyring.CountKeys(t.Context(), d.DB))
		missing(d.Keys)

		d.Must(keyring.NoteKey(t.Context(), d.DB, stranger))
		d.Must(keyring.ForgetKeys(t.Context(), d.DB, []uint32{stranger.Primary()}))
		missing(d.Keys)
		d.Write(func(tx *gorm.DB) error { return tx.Exec("DELETE FROM credentials").Error })
	})
}

func TestKeysInUseMatchTheSchema(t *testing.T) { modeltest.MatchSchema(t, &keyring.KeyInUse{}) }
