package accounts_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// Ending a person's sessions also removes them from the database. The session of the
// request that asks for it can stay, and nobody else's sessions end.
func TestSessionsEndTogether(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		s := accounts.NewSessions(db)
		there := func(token string) bool {
			t.Helper()
			_, found, err := s.FindCtx(s.Track(t.Context()), token)
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		someone := accounts.User{ID: database.NewID(), Email: "s@a.example", CreatedAt: clock.Now()}
		other := accounts.User{ID: database.NewID(), Email: "o@a.example", CreatedAt: clock.Now()}
		if err := db.Write(t.Context(), func(tx *gorm.DB) error { return errors.Join(tx.Create(&someone).Error, tx.Create(&other).Error) }); err != nil {
			t.Fatal(err)
		}
		begin := func(user accounts.User, tokens ...string) {
			t.Helper()
			for _, token := range tokens {
				ctx := s.Track(t.Context())
				s.ForUser(ctx, accounts.Beginning{User: user})
				if err := s.CommitCtx(ctx, token, []byte("x"), time.Time{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		endOthers := func(ctx context.Context, userID uuid.UUID) (epoch int) {
			t.Helper()
			if err := db.Write(ctx, func(tx *gorm.DB) (err error) { epoch, err = accounts.EndOtherSessions(tx, userID); return err }); err != nil {
				t.Fatal(err)
			}
			return epoch
		}

		begin(someone, "phone", "laptop")
		begin(other, "another")
		slow, laptop := s.Track(t.Context()), s.Track(t.Context())
		for ctx, token := range map[context.Context]string{slow: "phone", laptop: "laptop"} {
			if _, found, err := s.FindCtx(ctx, token); err != nil || !found {
				t.Fatal(found, err)
			}
		}
		if epoch := endOthers(laptop, someone.ID); epoch != 1 {
			t.Errorf("the epoch is %d, want 1", epoch)
		}
		if err := errors.Join(s.CommitCtx(slow, "phone", []byte("y"), time.Time{}), s.CommitCtx(laptop, "laptop", []byte("y"), time.Time{})); err != nil {
			t.Fatal(err)
		}
		if there("phone") || !there("laptop") || !there("another") {
			t.Errorf("phone %v, laptop %v, another's %v: only the phone should end", there("phone"), there("laptop"), there("another"))
		}

		// A request of another person, such as one of staff, keeps none.
		begin(someone, "tablet")
		asking := s.Track(t.Context())
		if _, found, err := s.FindCtx(asking, "another"); err != nil || !found {
			t.Fatal(found, err)
		}
		endOthers(asking, someone.ID)
		if there("tablet") || there("laptop") || !there("another") {
			t.Error("all sessions of the person should end, and no other")
		}

		begin(someone, "watch")
		own := s.Track(t.Context())
		if _, found, err := s.FindCtx(own, "watch"); err != nil || !found {
			t.Fatal(found, err)
		}
		if err := db.Write(own, func(tx *gorm.DB) error { return accounts.EndSessions(tx, someone.ID) }); err != nil {
			t.Fatal(err)
		}
		if there("watch") {
			t.Error("a session goes on although all should end")
		}
	})
}
