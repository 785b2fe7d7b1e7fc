package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

func TestSessionsStore(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		s := accounts.NewSessions(db)
		request := func() context.Context { return s.Track(t.Context()) }
		find := func(ctx context.Context, token string) string {
			t.Helper()
			data, _, err := s.FindCtx(ctx, token)
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		commit := func(ctx context.Context, token, data string) {
			t.Helper()
			if err := s.CommitCtx(ctx, token, []byte(data), clock.Now().Add(accounts.SessionLifetime)); err != nil {
				t.Fatal(err)
			}
		}

		commit(request(), "one", "first")
		if got := find(request(), "one"); got != "first" {
			t.Fatalf("got %q", got)
		}

		t.Run("a slow request does not revive a session", func(t *testing.T) {
			slow := request()
			find(slow, "one")
			if err := s.DeleteCtx(request(), "one"); err != nil {
				t.Fatal(err)
			}
			commit(slow, "one", "again")
			if got := find(request(), "one"); got != "" {
				t.Errorf("the session is back: %q", got)
			}
		})
		t.Run("a sign-out ends a renewed session", func(t *testing.T) {
			for name, signOutAt := range map[string]int{"before it is renewed": 0, "between": 1, "after": 2} {
				commit(request(), name, "x")
				renewing, signingOut := request(), request()
				find(renewing, name)
				find(signingOut, name)
				s.GoOn(renewing)
				for at, step := range []func(){
					func() {
						if err := s.DeleteCtx(renewing, name); err != nil { // scs renews a token like this
							t.Fatal(err)
						}
					},
					func() { commit(renewing, name+", renewed", "x") },
					func() {},
				} {
					if at == signOutAt {
						if err := s.DeleteCtx(signingOut, name); err != nil {
							t.Fatal(err)
						}
					}
					step()
				}
				if find(request(), name) != "" || find(request(), name+", renewed") != "" {
					t.Errorf("signed out %s, the session goes on", name)
				}
			}
			commit(request(), "stays", "x")
			renewing := request()
			find(renewing, "stays")
			s.GoOn(renewing)
			if err := s.DeleteCtx(renewing, "stays"); err != nil {
				t.Fatal(err)
			}
			commit(renewing, "renewed", "y")
			if find(request(), "stays") != "" || find(request(), "renewed") != "y" {
				t.Error("the renewed session does not go on")
			}
		})
		t.Run("idle", func(t *testing.T) {
			commit(request(), "idle", "x")
			clock.Add(accounts.SessionIdle - time.Second)
			if find(request(), "idle") == "" {
				t.Fatal("the session ended too early")
			}
			clock.Add(accounts.SessionIdle - time.Second)
			if find(request(), "idle") == "" {
				t.Error("a request did not reset the idle time")
			}
			clock.Add(accounts.SessionIdle)
			if find(request(), "idle") != "" {
				t.Error("the session is still there after being idle")
			}
		})
		t.Run("lifetime", func(t *testing.T) {
			commit(request(), "old", "x")
			for range int(accounts.SessionLifetime/accounts.SessionIdle)*2 - 1 {
				clock.Add(accounts.SessionIdle / 2)
				if find(request(), "old") == "" {
					t.Fatal("the session ended too early")
				}
			}
			clock.Add(accounts.SessionIdle/2 + time.Second)
			if find(request(), "old") != "" {
				t.Error("the session is still there after its lifetime")
			}
		})
		t.Run("reading writes at most every five minutes", func(t *testing.T) {
			commit(request(), "seen", "x")
			seen := func() time.Time {
				var row accounts.Session
				if err := db.Read(t.Context()).Where("token = ?", "seen").Take(&row).Error; err != nil {
					t.Fatal(err)
				}
				return row.SeenAt
			}
			began := seen()
			clock.Add(accounts.SessionNoted - time.Second)
			find(request(), "seen")
			if !seen().Equal(began) {
				t.Error("the time was stored too soon")
			}
			clock.Add(time.Second)
			find(request(), "seen")
			if seen().Equal(began) {
				t.Error("the time was not stored")
			}
		})
		t.Run("a user has a limited number", func(t *testing.T) {
			var all sync.WaitGroup
			someone, other := database.NewID(), database.NewID()
			begin := func(token string, userID uuid.UUID) {
				ctx := request()
				s.ForUser(ctx, accounts.Beginning{User: accounts.User{ID: userID}})
				if err := s.CommitCtx(ctx, token, []byte("x"), clock.Now()); err != nil {
					t.Error(err)
				}
			}
			left := func(userID uuid.UUID) (n int64) {
				t.Helper()
				if err := db.Read(t.Context()).Model(&accounts.Session{}).Where("user_id = ?", userID).Count(&n).Error; err != nil {
					t.Fatal(err)
				}
				return n
			}
			write := func(tx *gorm.DB) error {
				return tx.Create(&accounts.User{ID: someone, Email: "s@a.example", CreatedAt: clock.Now()}).Error
			}
			if err := db.Write(t.Context(), write); err != nil {
				t.Fatal(err)
			}
			begin("of another", other)
			begin("the oldest", someone)
			clock.Add(time.Minute)
			for i := range 2 * accounts.SessionsPerUser {
				all.Go(func() { begin(fmt.Sprint("at once ", i), someone) })
			}
			all.Wait()
			if n := left(someone); n != accounts.SessionsPerUser {
				t.Errorf("%d sessions, want %d", n, accounts.SessionsPerUser)
			}
			if find(request(), "the oldest") != "" || find(request(), "of another") == "" {
				t.Error("the oldest session should have ended, and no other")
			}
			clock.Add(time.Minute)
			ctx := request()
			if s.ForUser(ctx, accounts.Beginning{User: accounts.User{ID: someone}}); s.CommitCtx(ctx, "the newest", []byte("x"), clock.Now()) != nil || find(request(), "the newest") == "" || left(someone) != accounts.SessionsPerUser {
				t.Errorf("the newest session is not among the %d", left(someone))
			}
			// A renewed session still belongs to the same user.
			again := request()
			find(again, "the newest")
			if err := errors.Join(s.DeleteCtx(again, "the newest"), s.CommitCtx(again, "renewed", []byte("x"), clock.Now())); err != nil || left(someone) != accounts.SessionsPerUser {
				t.Errorf("%d sessions after a renewal, %v", left(someone), err)
			}
			if whole := modeltest.WholeReads(t, db, "SELECT token FROM sessions WHERE user_id = ? AND token <> ? ORDER BY expires_at DESC LIMIT 1000 OFFSET ?", []any{someone, "x", 19}); len(whole) > 0 {
				t.Errorf("the statement reads all of %q", whole)
			}
		})
		t.Run("sweep", func(t *testing.T) {
			clock.Add(accounts.SessionLifetime + time.Hour)
			commit(request(), "young", "x")
			if err := keyring.Sweep(t.Context(), db, 24*time.Hour); err != nil {
				t.Fatal(err)
			}
			var tokens []string
			if err := db.Read(t.Context()).Model(&accounts.Session{}).Pluck("token", &tokens).Error; err != nil || len(tokens) != 1 {
				t.Errorf("%v remain, %v", tokens, err)
			}
		})
	})
}
