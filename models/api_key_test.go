package models

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestAPIKeyIsThrottled(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		keys := NewAPIKeys(db)
		_, secret, err := keys.Create(t.Context(), CommandLine("root"), nil, "sync")
		if err != nil {
			t.Fatal(err)
		}
		_, other, err := keys.Create(t.Context(), CommandLine("root"), nil, "other")
		if err != nil {
			t.Fatal(err)
		}
		for i := range keyBurst {
			if _, err := keys.Check(t.Context(), secret, "203.0.113.7"); err != nil {
				t.Fatalf("use %d: %v", i, err)
			}
		}
		if _, err := keys.Check(t.Context(), secret, "203.0.113.7"); err == nil {
			t.Error("there is no limit")
		} else if _, ok := errors.AsType[*ThrottledError](err); !ok {
			t.Error(err)
		}
		if _, err := keys.Check(t.Context(), other, "203.0.113.7"); err != nil {
			t.Errorf("another key is limited too: %v", err)
		}
		clock.Add(time.Second)
		if _, err := keys.Check(t.Context(), secret, "203.0.113.7"); err != nil {
			t.Errorf("after a second: %v", err)
		}
		if err := keys.Revoke(t.Context(), CommandLine("root"), uuid.New()); !errors.Is(err, ErrNotFound) {
			t.Errorf("an unknown key is revoked: %v", err)
		}
	})
}
