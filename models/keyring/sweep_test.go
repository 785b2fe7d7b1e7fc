package keyring_test

import (
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// Sessions in which nobody has signed in are deleted once they are idle.
func TestSweepDeletesSessionsOfStrangers(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		amy := d.Person("Amy", accounts.Owner)
		sessions := accounts.NewSessions(d.DB)
		d.Must(sessions.CommitCtx(sessions.Track(t.Context()), "stranger", []byte("x"), time.Time{}))
		ctx := sessions.Track(t.Context())
		sessions.ForUser(ctx, accounts.Beginning{User: accounts.User{ID: amy}})
		d.Must(sessions.CommitCtx(ctx, "amy", []byte("x"), time.Time{}))
		for _, want := range []int{2, 1} {
			d.Must(keyring.Sweep(t.Context(), d.DB, 400*24*time.Hour))
			if n := d.Count("SELECT count(*) FROM sessions"); n != want {
				t.Errorf("%d sessions are left, want %d", n, want)
			}
			d.Clock.Add(accounts.StrangersSessionsKept)
		}
	})
}

// What is done with is deleted after its time: mails, closed setups except a
// connection's last, and tasks.
func TestSweepDeletesWhatIsDone(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		id := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0]
		c, now := d.Connection(id), d.DB.Now()
		d.Write(func(tx *gorm.DB) error {
			waiting := models.Mail{ID: database.NewID(), Channel: models.MailChannel, CompanyID: c.CompanyID, ConnectionID: id, Kind: models.MailUpgradeNeeded, Recipient: "a@x.example", NextTryAt: &now, CreatedAt: now}
			sent, dead := waiting, waiting
			sent.ID, sent.SentAt, sent.NextTryAt = database.NewID(), &now, nil
			dead.ID, dead.NextTryAt = database.NewID(), nil
			errs := []error{tx.Create(&waiting).Error, tx.Create(&sent).Error, tx.Create(&dead).Error}
			for range 3 {
				s := models.Setup{ID: database.NewID(), ConnectionID: id, CompanyID: c.CompanyID, Environment: c.Environment, TenantID: c.TenantID, Step: models.StepChecked, Since: now, RequestedAt: now, ClosedAt: &now}
				errs = append(errs, tx.Create(&s).Error)
			}
			done := models.StaffTask{ID: database.NewID(), Kind: models.TaskDeleteSecret, CompanyID: c.CompanyID, ConnectionID: id, CreatedAt: now, DoneAt: &now}
			open := models.StaffTask{ID: database.NewID(), Kind: models.TaskRemoveTenant, CompanyID: c.CompanyID, ConnectionID: id, CreatedAt: now}
			return errors.Join(append(errs, tx.Create(&done).Error, tx.Create(&open).Error)...)
		})
		left := func() [3]int {
			d.Must(keyring.Sweep(t.Context(), d.DB, 400*24*time.Hour))
			return [3]int{d.Count("SELECT count(*) FROM mails"), d.Count("SELECT count(*) FROM setups"), d.Count("SELECT count(*) FROM staff_tasks")}
		}
		if got := left(); got != [3]int{3, 3, 2} {
			t.Errorf("at once, %v are left", got)
		}
		d.Clock.Add(keyring.MailsKept + time.Hour)
		if got := left(); got != [3]int{1, 3, 2} {
			t.Errorf("later, %v are left", got)
		}
		d.Clock.Add(400 * 24 * time.Hour)
		if got := left(); got != [3]int{1, 1, 1} {
			t.Errorf("much later, %v are left", got)
		}
	})
}
