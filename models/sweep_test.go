package models

import (
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"
)

// What is done with is deleted after its time: mails, closed set-ups except a
// connection's last, and tasks.
func TestSweepDeletesWhatIsDone(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		id := d.seed(1, d.clock.Now(), d.clock.Now())[0]
		c, now := d.connection(id), d.db.Now()
		d.write(func(tx *gorm.DB) error {
			waiting := Mail{ID: newID(), Channel: MailChannel, CompanyID: c.CompanyID, ConnectionID: id, Kind: MailUpgradeNeeded, Recipient: "a@x.example", NextTryAt: &now, CreatedAt: now}
			sent, dead := waiting, waiting
			sent.ID, sent.SentAt, sent.NextTryAt = newID(), &now, nil
			dead.ID, dead.NextTryAt = newID(), nil
			errs := []error{tx.Create(&waiting).Error, tx.Create(&sent).Error, tx.Create(&dead).Error}
			for range 3 {
				s := Setup{ID: newID(), ConnectionID: id, CompanyID: c.CompanyID, Environment: c.Environment, TenantID: c.TenantID, Step: StepChecked, Since: now, RequestedAt: now, ClosedAt: &now}
				errs = append(errs, tx.Create(&s).Error)
			}
			done := staffTask{ID: newID(), Kind: TaskDeleteSecret, CompanyID: c.CompanyID, ConnectionID: id, CreatedAt: now, DoneAt: &now}
			open := staffTask{ID: newID(), Kind: TaskRemoveTenant, CompanyID: c.CompanyID, ConnectionID: id, CreatedAt: now}
			return errors.Join(append(errs, tx.Create(&done).Error, tx.Create(&open).Error)...)
		})
		left := func() [3]int {
			d.must(Sweep(t.Context(), d.db, 400*24*time.Hour))
			return [3]int{d.count("SELECT count(*) FROM mails"), d.count("SELECT count(*) FROM setups"), d.count("SELECT count(*) FROM staff_tasks")}
		}
		if got := left(); got != [3]int{3, 3, 2} {
			t.Errorf("at once, %v are left", got)
		}
		d.clock.Add(mailsKept + time.Hour)
		if got := left(); got != [3]int{1, 3, 2} {
			t.Errorf("later, %v are left", got)
		}
		d.clock.Add(400 * 24 * time.Hour)
		if got := left(); got != [3]int{1, 1, 1} {
			t.Errorf("much later, %v are left", got)
		}
	})
}
