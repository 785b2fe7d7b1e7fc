package keyring_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

func TestWrongKeyset(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		right, wrong := modeltest.TestKeys(t), modeltest.TestKeys(t)
		for range 2 {
			if err := keyring.Check(t.Context(), db, right); err != nil {
				t.Fatal(err)
			}
		}
		err := keyring.Check(t.Context(), db, wrong)
		if !errors.Is(err, seal.ErrWrongKeyset) || !strings.Contains(err.Error(), fmt.Sprint(right.Primary())) {
			t.Errorf("got %v, want ErrWrongKeyset with the missing key's ID", err)
		}
		if err := keyring.Check(t.Context(), db, right); err != nil {
			t.Errorf("the wrong keyset changed something: %v", err)
		}
	})
}

// Instances that start together on a new database with one keyset all start.
func TestFirstStartOfMany(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		keys, err := seal.Create(filepath.Join(t.TempDir(), "keyset.json"))
		if err != nil {
			t.Fatal(err)
		}
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { errs[i] = keyring.Check(t.Context(), db, keys) })
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
	})
}

func TestKeyCanaryMatchTheSchema(t *testing.T) { modeltest.MatchSchema(t, &keyring.KeyCanary{}) }
