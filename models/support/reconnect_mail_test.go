package support_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// Staff send the reconnect mail to the people whom the company has chosen, once a day, and
// only while it helps.
func TestReconnectMail(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		d.Person("Amy", accounts.Owner)
		d.Person("Mel", accounts.Member)
		address := func(name string) (email string) {
			d.Must(d.DB.Read(t.Context()).Raw("SELECT email FROM users WHERE name = ?", name).Scan(&email).Error)
			return email
		}
		amy, mel := address("Amy"), address("Mel")
		id, sam := d.Seed(1, d.Clock.Now(), d.Clock.Now().Add(time.Hour))[0], d.Staff("Sam", accounts.Support)
		send := func(want support.MailProblem, to ...string) {
			t.Helper()
			before := d.Count("SELECT count(*) FROM events")
			shown, err := d.Support.ReconnectMail(t.Context(), id)
			d.Must(err)
			m, err := d.Support.SendReconnectMail(t.Context(), sam, id)
			d.Must(err)
			if m.Problem != want || shown.Problem != want {
				t.Errorf("the problem is %q, and %q before, want %q", m.Problem, shown.Problem, want)
			}
			if n := d.Count("SELECT count(*) FROM events") - before; (n == 1) != (want == support.MailFine) {
				t.Errorf("%q: %d events are recorded", want, n)
			}
			var due []string
			d.Must(d.DB.Read(t.Context()).Model(&models.Mail{}).Where("kind = 'reconnect_needed' AND reason = 'grant_refused' AND next_try_at <= ?", d.DB.Now()).Pluck("recipient", &due).Error)
			if !slices.Equal(due, to) {
				t.Errorf("%q: mails to %q, want %q", want, due, to)
			}
			d.Exec("UPDATE mails SET next_try_at = NULL, sent_at = ? WHERE next_try_at <= ?", d.DB.Now(), d.DB.Now())
		}
		send(support.MailNotNeeded)
		d.Exec("UPDATE connections SET state = 'reconnect_needed', reason = 'grant_refused' WHERE id = ?", id)
		send(support.MailFine, amy)
		if n := d.Count("SELECT count(*) FROM events WHERE kind = 'reconnect_mailed' AND staff_name = 'Sam' AND actor_name = ? AND detail = '1'", support.ActorName); n != 1 {
			t.Errorf("%d events say who sent it", n)
		}
		send(support.MailTooSoon)
		d.Clock.Add(support.MailAgain - time.Second)
		send(support.MailTooSoon)
		d.Clock.Add(time.Second)

		// The company has chosen Mel alone.
		d.Exec("UPDATE memberships SET incident_mails = (role = 'member')")
		send(support.MailFine, mel)
		d.Clock.Add(support.MailAgain)

		d.Exec("UPDATE companies SET locked_at = ?", d.DB.Now())
		send(support.MailLocked)
		d.Exec("UPDATE companies SET locked_at = NULL")
		d.Exec(`INSERT INTO outages (id, environment, endpoint, began_at, seen_at, tenants, failing, peak, kinds, samples, tried_at, updated_at)
			VALUES (?, (SELECT environment FROM connections), 'tokens', ?, ?, 1, 1, 1, '{}', '[]', ?, ?)`, id, d.DB.Now(), d.DB.Now(), d.DB.Now(), d.DB.Now())
		send(support.MailOutage)
		d.Exec("UPDATE outages SET ended_at = ?", d.DB.Now())
		d.Exec("UPDATE users SET disabled_at = ? WHERE staff_role = ''", d.DB.Now())
		send(support.MailNobody)
		d.Exec("UPDATE users SET disabled_at = NULL")
		d.Exec("UPDATE mails SET next_try_at = ?, sent_at = NULL WHERE recipient = ?", d.DB.Now().Add(time.Hour), mel)
		send(support.MailWaits)
	})
}

// Two staff members who press at the same time send one mail, and nobody sends more than
// the limit.
func TestReconnectMailsAreLimited(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		d.Person("Amy", accounts.Owner)
		ids, sam, lee := d.Seed(2, d.Clock.Now(), d.Clock.Now().Add(time.Hour)), d.Staff("Sam", accounts.Support), d.Staff("Lee", accounts.Support)
		d.Exec("UPDATE connections SET state = 'reconnect_needed', reason = 'grant_refused'")
		var at sync.WaitGroup
		for _, who := range []accounts.Staff{sam, lee, sam, lee} {
			at.Go(func() {
				if _, err := d.Support.SendReconnectMail(t.Context(), who, ids[0]); err != nil {
					t.Error(err)
				}
			})
		}
		at.Wait()
		if n := d.Count("SELECT count(*) FROM mails"); n != 1 {
			t.Errorf("%d mails are queued, want 1", n)
		}
		d.Write(func(tx *gorm.DB) error {
			for range support.MailsOfStaff.Tries {
				if err := support.MailsOfStaff.Take(tx, sam.UserID.String(), d.DB.Now()); err != nil {
					return nil // the count is full
				}
			}
			return nil
		})
		if _, err := d.Support.SendReconnectMail(t.Context(), sam, ids[1]); !isThrottled(err) {
			t.Errorf("above the limit: %v", err)
		}
		if _, err := d.Support.SendReconnectMail(t.Context(), lee, ids[1]); err != nil {
			t.Error(err)
		}
	})
}

func isThrottled(err error) bool {
	_, ok := errors.AsType[*accounts.ThrottledError](err)
	return ok
}
