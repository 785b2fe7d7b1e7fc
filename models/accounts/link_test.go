package accounts_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// linkLives has every purpose of a link, and how long such a link works.
var linkLives = map[accounts.LinkPurpose]time.Duration{
	accounts.LinkVerify:     7 * 24 * time.Hour,
	accounts.LinkReset:      30 * time.Minute,
	accounts.LinkStaffSetup: 48 * time.Hour,
	accounts.LinkEmail:      7 * 24 * time.Hour,
	accounts.LinkInvitation: 7 * 24 * time.Hour,
	accounts.LinkAsk:        72 * time.Hour,

	accounts.LinkConnectSession: 30 * time.Minute,
}

// Every kind of link works once, for its purpose, and until it expires. The database
// has its hash alone.
func TestLinks(t *testing.T) {
	if all := pagetest.Constants[accounts.LinkPurpose](t); len(all) != len(linkLives) {
		t.Errorf("the purposes are %q, and %d are tested", all, len(linkLives))
	}
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		write := func(f func(tx *gorm.DB) error) error { return db.Write(t.Context(), f) }
		mint := func(purpose accounts.LinkPurpose) (value secret.Value) {
			t.Helper()
			if err := write(func(tx *gorm.DB) (err error) {
				value, err = accounts.MakeLink(tx, accounts.Link{Purpose: purpose, Email: "dana@northgate.example"}, db.Now())
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return value
		}
		use := func(purpose accounts.LinkPurpose, value secret.Value) error {
			return write(func(tx *gorm.DB) error {
				_, err := accounts.UseLink(tx, purpose, value, db.Now())
				return err
			})
		}
		gone := func(purpose accounts.LinkPurpose, what string, err error) {
			t.Helper()
			if !errors.Is(err, database.ErrNotFound) {
				t.Errorf("%s, %s: error %v", purpose, what, err)
			}
		}
		for purpose, life := range linkLives {
			value := mint(purpose)
			for other := range linkLives {
				if other != purpose {
					gone(purpose, "used as "+string(other), use(other, value))
				}
			}
			gone(purpose, "no secret", use(purpose, secret.Value{}))
			gone(purpose, "another secret", use(purpose, secret.New(value.Reveal()+"A")))

			var rows []accounts.Link
			if err := db.Read(t.Context()).Where("secret_hash = ?", database.HashOf(value)).Find(&rows).Error; err != nil || len(rows) != 1 {
				t.Fatalf("%s: %d rows, error %v", purpose, len(rows), err)
			}
			if string(rows[0].SecretHash) == value.Reveal() {
				t.Errorf("%s: the database has the secret itself", purpose)
			}

			var used atomic.Int64
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() {
					if err := use(purpose, value); err == nil {
						used.Add(1)
					} else {
						gone(purpose, "at the same time", err)
					}
				})
			}
			all.Wait()
			if used.Load() != 1 {
				t.Errorf("%s: used %d times", purpose, used.Load())
			}
			gone(purpose, "used again", use(purpose, value))

			inTime, tooLate := mint(purpose), mint(purpose)
			clock.Add(life - time.Second)
			if err := use(purpose, inTime); err != nil {
				t.Errorf("%s: a second before it expires: %v", purpose, err)
			}
			clock.Add(time.Second)
			gone(purpose, "expired", use(purpose, tooLate))

			ended := mint(purpose)
			if err := write(func(tx *gorm.DB) error { return accounts.EndLinks(tx, purpose, "email", "dana@northgate.example") }); err != nil {
				t.Fatal(err)
			}
			gone(purpose, "ended", use(purpose, ended))
		}
	})
}
