package accounts_test

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// A request that is sent again gets the same answer, and only its own.
func TestKeptAnswers(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		kept := accounts.NewKeptAnswers(db, modeltest.TestKeys(t))
		key, other, body := uuid.New(), uuid.New(), []byte(`{"url":"https://connect.example.com/c/secret"}`)
		first, answer, err := kept.Claim(t.Context(), key, "a", []byte("one"))
		if err != nil || answer != nil {
			t.Fatalf("%v, %v", answer, err)
		}
		if _, _, err := kept.Claim(t.Context(), key, "a", []byte("one")); !errors.Is(err, accounts.ErrUnderWay) {
			t.Errorf("while it is under way: %v", err)
		}
		if _, _, err := kept.Claim(t.Context(), key, "a", []byte("two")); !errors.Is(err, accounts.ErrKeyReused) {
			t.Errorf("another request: %v", err)
		}
		if err := kept.Finish(t.Context(), first, accounts.Answer{Status: 201, Type: "application/json", Body: body}); err != nil {
			t.Fatal(err)
		}
		_, answer, err = kept.Claim(t.Context(), key, "a", []byte("one"))
		if err != nil || answer == nil || answer.Status != 201 || answer.Type != "application/json" || !bytes.Equal(answer.Body, body) {
			t.Errorf("again: %+v, %v", answer, err)
		}
		if _, answer, err := kept.Claim(t.Context(), other, "a", []byte("two")); err != nil || answer != nil {
			t.Errorf("with another API key: %+v, %v", answer, err)
		}
		var row accounts.KeptAnswer
		if err := db.Read(t.Context()).Where("status = 201").Take(&row).Error; err != nil || bytes.Contains(row.AnswerSealed, []byte("secret")) {
			t.Errorf("stored %q, %v", row.AnswerSealed, err)
		}
		clock.Add(accounts.AnswersKept)
		if _, answer, err := kept.Claim(t.Context(), key, "a", []byte("two")); err != nil || answer != nil {
			t.Errorf("after a day: %+v, %v", answer, err)
		}
	})
}

// A request whose process has died can be sent again. What that process does late has no
// effect.
func TestKeptAnswersAfterACrash(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		kept, key := accounts.NewKeptAnswers(db, modeltest.TestKeys(t)), uuid.New()
		dead, _, err := kept.Claim(t.Context(), key, "a", []byte("one"))
		if err != nil {
			t.Fatal(err)
		}
		clock.Add(accounts.ClaimKept)
		again, answer, err := kept.Claim(t.Context(), key, "a", []byte("one"))
		if err != nil || answer != nil {
			t.Fatalf("%+v, %v", answer, err)
		}
		for _, err := range []error{kept.Finish(t.Context(), dead, accounts.Answer{Status: 200}), kept.Release(t.Context(), dead)} {
			if err != nil {
				t.Error(err)
			}
		}
		if _, _, err := kept.Claim(t.Context(), key, "a", []byte("one")); !errors.Is(err, accounts.ErrUnderWay) {
			t.Errorf("the late process ended it: %v", err)
		}
		if err := kept.Release(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		if _, answer, err := kept.Claim(t.Context(), key, "a", []byte("two")); err != nil || answer != nil {
			t.Errorf("after it was released: %+v, %v", answer, err)
		}
	})
}

// Of requests that are sent at the same time, one is carried out.
func TestKeptAnswersAtOnce(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		kept, key := accounts.NewKeptAnswers(db, modeltest.TestKeys(t)), uuid.New()
		var claimed, waiting atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				switch _, _, err := kept.Claim(t.Context(), key, "a", []byte("one")); {
				case err == nil:
					claimed.Add(1)
				case errors.Is(err, accounts.ErrUnderWay):
					waiting.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if claimed.Load() != 1 || waiting.Load() != 7 {
			t.Errorf("%d were carried out, %d have to wait", claimed.Load(), waiting.Load())
		}
	})
}

// An API key cannot fill the database.
func TestKeptAnswersAreBounded(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		kept, key, other := accounts.NewKeptAnswers(db, modeltest.TestKeys(t)), uuid.New(), uuid.New()
		now := db.Now()
		rows := make([]accounts.KeptAnswer, accounts.AnswersPerKey)
		for i := range rows {
			id := database.NewID()
			rows[i] = accounts.KeptAnswer{ID: id, KeyID: key, KeyHash: id[:], Fingerprint: []byte("x"), Claim: "x", ClaimedAt: now, CreatedAt: now}
		}
		if err := db.Write(t.Context(), func(tx *gorm.DB) error { return tx.CreateInBatches(rows, 500).Error }); err != nil {
			t.Fatal(err)
		}
		clock.Add(time.Hour)
		modeltest.Explains(t, db, "claim", func() {
			_, _, err := kept.Claim(t.Context(), key, "a", []byte("one"))
			if e, ok := errors.AsType[*accounts.ThrottledError](err); !ok || !e.Until.Equal(now.Add(accounts.AnswersKept)) {
				t.Errorf("%v, want throttled until %s", err, now.Add(accounts.AnswersKept))
			}
		})
		if _, _, err := kept.Claim(t.Context(), other, "a", []byte("one")); err != nil {
			t.Errorf("another API key: %v", err)
		}
	})
}
