package support_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// Staff remind several companies at once of what each has to do. Those that are skipped are
// shown before, with the reason.
func TestReminders(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		d.Person("Amy", accounts.Owner)
		sam := d.Staff("Sam", accounts.Support)
		ids := d.Seed(4, d.Clock.Now(), d.Clock.Now().Add(time.Hour))
		refused, upgrade, setup, fine := ids[0], ids[1], ids[2], ids[3]
		d.Exec("UPDATE connections SET state = 'reconnect_needed', reason = 'grant_refused' WHERE id = ?", refused)
		d.Exec("UPDATE connections SET upgrade_needed = TRUE WHERE id = ?", upgrade)
		openSetupOf(d, setup)
		skips := func(list []support.MailReminder) (skips []support.Skip) {
			for _, r := range list {
				skips = append(skips, r.Skip)
			}
			return skips
		}
		want := func(want ...support.Skip) {
			t.Helper()
			list, err := d.Support.PreviewReminders(t.Context(), ids)
			d.Must(err)
			if got := skips(list); !slices.Equal(got, want) {
				t.Errorf("skipped are %q, want %q", got, want)
			}
		}
		want("", "", "", support.NothingToDo)
		d.Exec("UPDATE companies SET locked_at = ?", d.DB.Now())
		want(support.CompanyLocked, support.CompanyLocked, support.CompanyLocked, support.NothingToDo)
		d.Exec("UPDATE companies SET locked_at = NULL")
		d.Exec(`INSERT INTO outages (id, environment, endpoint, began_at, seen_at, tenants, failing, peak, kinds, samples, tried_at, updated_at)
			VALUES (?, (SELECT environment FROM connections LIMIT 1), 'tokens', ?, ?, 1, 1, 1, '{}', '[]', ?, ?)`, fine, d.DB.Now(), d.DB.Now(), d.DB.Now(), d.DB.Now())
		want(support.OutageUnderWay, support.OutageUnderWay, support.OutageUnderWay, support.NothingToDo)
		d.Exec("UPDATE outages SET ended_at = ?", d.DB.Now())
		d.Exec("UPDATE users SET proven_at = NULL WHERE staff_role = ''")
		want(support.NobodyToMail, support.NobodyToMail, support.NobodyToMail, support.NothingToDo)
		d.Exec("UPDATE users SET proven_at = ?", d.DB.Now())

		// Two people who press at the same time send each mail once.
		lee := d.Staff("Lee", accounts.Support)
		var at sync.WaitGroup
		for _, who := range []accounts.Staff{sam, lee, sam, lee} {
			at.Go(func() {
				if _, err := d.Support.SendReminders(t.Context(), who, ids); err != nil {
					t.Error(err)
				}
			})
		}
		at.Wait()
		var kinds []models.MailKind
		d.Must(d.DB.Read(t.Context()).Raw("SELECT kind FROM mails WHERE next_try_at <= ? ORDER BY kind", d.DB.Now()).Scan(&kinds).Error)
		if !slices.Equal(kinds, []models.MailKind{models.MailReconnectNeeded, models.MailSetupAllow, models.MailUpgradeNeeded}) {
			t.Errorf("queued are %q", kinds)
		}
		want(support.MailedLately, support.MailedLately, support.MailedLately, support.NothingToDo)
		record, older, err := d.Support.ReminderRecord(t.Context(), nil)
		if err != nil || older || len(record) != 3 || record[0].People != "1" || record[0].StaffName == "" || record[0].CompanyName == "" {
			t.Errorf("recorded are %+v, %t, %v", record, older, err)
		}
		if rest, _, err := d.Support.ReminderRecord(t.Context(), &record[1].ID); err != nil || len(rest) != 1 || rest[0].ID != record[2].ID {
			t.Errorf("before are %+v, %v", rest, err)
		}
		d.Clock.Add(24 * time.Hour)
		want(support.MailedLately, support.MailedLately, support.MailedLately, support.NothingToDo) // they wait for the mail server
		d.Exec("UPDATE mails SET sent_at = ?, next_try_at = NULL WHERE connection_id = ?", d.DB.Now(), refused)
		d.Exec("UPDATE mails SET sent_at = created_at, next_try_at = NULL WHERE connection_id <> ?", refused)
		want(support.MailedLately, "", "", support.NothingToDo)

		if _, err := d.Support.SendReminders(t.Context(), sam, make([]uuid.UUID, support.RemindedAtOnce+1)); !errors.Is(err, support.ErrTooManyReminders) {
			t.Errorf("too many: %v", err)
		}
		for range support.RemindersOfStaff.Tries {
			if _, err = d.Support.SendReminders(t.Context(), sam, []uuid.UUID{fine}); err != nil {
				t.Error(err)
			}
		}
		if _, err := d.Support.SendReminders(t.Context(), sam, []uuid.UUID{fine}); !isThrottled(err) {
			t.Errorf("above the limit: %v", err)
		}
	})
}

// An address gets no more mails than on any other day, however many connections staff
// choose.
func TestRemindersLeaveRoomInInboxes(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		d.Person("Amy", accounts.Owner)
		sam := d.Staff("Sam", accounts.Support)
		ids := d.Seed(25, d.Clock.Now(), d.Clock.Now().Add(time.Hour))
		d.Exec("UPDATE connections SET state = 'reconnect_needed', reason = 'grant_refused'")
		left := func(list []support.MailReminder) (n int) {
			for _, r := range list {
				if r.Skip == support.InboxesFull {
					n++
				}
			}
			return n
		}
		preview, err := d.Support.PreviewReminders(t.Context(), ids)
		d.Must(err)
		sent, err := d.Support.SendReminders(t.Context(), sam, ids)
		d.Must(err)
		if n := d.Count("SELECT count(*) FROM mails"); n != 20 || left(sent) != 5 || left(preview) != 5 {
			t.Errorf("%d mails, %d not sent, %d in the preview", n, left(sent), left(preview))
		}
	})
}

// A setup whose tenant ID has to be corrected has a mail of its own.
func TestReminderOfASetup(t *testing.T) {
	pending := models.Connection{State: models.Pending, SettingUp: true}
	for want, setup := range map[models.MailKind]*models.Setup{
		models.MailSetupAllow:  {Step: models.StepAllowAccess, WaitsFor: models.TheCompany},
		models.MailSetupTenant: {Step: models.StepAddTenant, WaitsFor: models.TheCompany, Problem: models.OutcomeTenantUnknown},
		"":                     {Step: models.StepAddTenant, WaitsFor: models.Us},
	} {
		if kind, _, ok := models.ReminderOf(pending, setup); kind != want || ok != (want != "") {
			t.Errorf("%+v: %q, %t", setup, kind, ok)
		}
	}
}

// Trouble is grouped by cause, with the companies that have it and how it develops.
func TestIncidents(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		companies := []uuid.UUID{c.Company("Northgate", "dana@northgate.example"), c.Company("Harbor Line", "luis@harbor.example")}
		trouble := func(company uuid.UUID, tenant int64, reason models.Reason, way models.Way, since time.Duration) time.Time {
			at := c.DB.Now().Add(-since)
			id := c.Add(company, tenant, func(o *models.Connection) {
				o.State, o.Reason, o.Way = models.ReconnectNeeded, reason, way
			})
			c.Exec("UPDATE connections SET state_since = ? WHERE id = ?", at, id)
			return at
		}
		trouble(companies[0], 1, models.ReasonClientRefused, models.GuidedWay, time.Hour)
		first := trouble(companies[0], 2, models.ReasonGrantRefused, models.SignInWay, 30*time.Hour)
		trouble(companies[0], 3, models.ReasonGrantRefused, models.SignInWay, time.Hour)
		trouble(companies[1], 4, models.ReasonGrantRefused, models.SignInWay, 2*time.Hour)
		c.Add(companies[1], 5, nil)
		o, err := c.Support.Overview(t.Context(), accounts.Staff{})
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Incidents) != 2 {
			t.Fatalf("incidents %+v", o.Incidents)
		}
		largest := o.Incidents[0]
		if largest.Reason != models.ReasonGrantRefused || largest.Companies != 2 || largest.Connections != 3 || largest.Today != 2 || largest.Yesterday != 1 || !largest.Since.Equal(first) {
			t.Errorf("the largest is %+v", largest)
		}
		if page, err := c.Support.Browse(t.Context(), largest.Filter(), support.Cursor{}); err != nil || len(page.Connections) != 3 {
			t.Errorf("its filter selects %d, %v", len(page.Connections), err)
		}
	})
}
