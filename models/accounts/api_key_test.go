package accounts_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

func TestAPIKeyIsThrottled(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		keys := accounts.NewAPIKeys(db)
		_, secret, err := keys.Create(t.Context(), accounts.CommandLine("root"), accounts.NewKey{Name: "sync", Scopes: accounts.Scopes()})
		if err != nil {
			t.Fatal(err)
		}
		_, other, err := keys.Create(t.Context(), accounts.CommandLine("root"), accounts.NewKey{Name: "other", Scopes: accounts.Scopes()})
		if err != nil {
			t.Fatal(err)
		}
		for i := range accounts.KeyBurst {
			if _, err := keys.Check(t.Context(), secret, "203.0.113.7"); err != nil {
				t.Fatalf("use %d: %v", i, err)
			}
		}
		if _, err := keys.Check(t.Context(), secret, "203.0.113.7"); err == nil {
			t.Error("no use of the key was refused")
		} else if _, ok := errors.AsType[*accounts.ThrottledError](err); !ok {
			t.Error(err)
		}
		if _, err := keys.Check(t.Context(), other, "203.0.113.7"); err != nil {
			t.Errorf("another key was refused too: %v", err)
		}
		clock.Add(time.Second)
		if _, err := keys.Check(t.Context(), secret, "203.0.113.7"); err != nil {
			t.Errorf("after a second: %v", err)
		}
		if err := keys.Revoke(t.Context(), accounts.CommandLine("root"), nil, uuid.New()); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("revoking an unknown key: got %v", err)
		}
	})
}
