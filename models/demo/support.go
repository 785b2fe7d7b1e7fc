package demo

import (
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// desk writes down what our staff have to do with a connection: its setup,
// tasks, notes and mails.
func (s *seeding) desk(tx *gorm.DB, c sampleCompany, row models.Connection, told story) error {
	if row.Way == servicetitan.Guided {
		setup := s.setup(c, row, told)
		if err := tx.Create(&setup).Error; err != nil {
			return err
		}
	}
	if row.State == models.Disconnected && row.Way != servicetitan.SignIn {
		if err := s.task(tx, models.TaskDeleteSecret, row, told.ago(told.StateAge)); err != nil {
			return err
		}
	}
	if told.ContestedBy != "" {
		if err := s.task(tx, models.TaskTenantConflict, row, told.ago(told.ContestedAge)); err != nil {
			return err
		}
	}
	if told.Note != "" {
		at := told.ago(told.NoteAge)
		err := tx.Create(&support.Note{
			ID: newIDAt(at), CompanyID: row.CompanyID, ConnectionID: &row.ID,
			StaffID: c.staff.ID, StaffName: c.staff.Name, Text: told.Note, CreatedAt: at,
		}).Error
		if err != nil {
			return err
		}
	}
	return s.mails(tx, c, row, told)
}

func (s *seeding) task(tx *gorm.DB, kind models.TaskKind, row models.Connection, at time.Time) error {
	return tx.Create(&models.StaffTask{ID: newIDAt(at), Kind: kind, CompanyID: row.CompanyID, ConnectionID: row.ID, CreatedAt: at}).Error
}

// setup is the guided setup, under way or checked.
func (s *seeding) setup(c sampleCompany, row models.Connection, told story) models.Setup {
	requested := told.ago(told.requestedAge())
	setup := models.Setup{
		ID: newIDAt(requested), ConnectionID: row.ID, CompanyID: row.CompanyID, Environment: row.Environment, TenantID: row.TenantID,
		RequestedByName: c.owner.Name, RequestedAt: requested,
	}
	setup.Wait(models.StepAddTenant, models.Us, "", requested)
	if told.Problem != "" {
		setup.TenantAdded(told.ago((told.Age*3 + told.StateAge) / 4))
		setup.Allowed(c.owner.Name, told.ago((told.Age+told.StateAge)/2))
		setup.SentBack(told.Problem, told.ago(told.StateAge))
		return setup
	}
	added, allowed := told.setupAges()
	if added > 0 {
		setup.TenantAdded(told.ago(added))
	}
	if allowed > 0 {
		setup.Allowed(c.owner.Name, told.ago(allowed))
	}
	if row.State != models.Pending {
		setup.Proof = told.proof(c.cast)
		setup.Close(true, told.began())
	}
	return setup
}

// mails are those that owners were sent: one when a person had to act, and one
// when it worked again.
func (s *seeding) mails(tx *gorm.DB, c sampleCompany, row models.Connection, told story) error {
	var list []models.Mail
	send := func(age time.Duration, kind models.MailKind, reason models.Reason) {
		queued := told.ago(age)
		sent := queued.Add(4 * time.Second)
		for i, person := range c.People {
			if person.Role == accounts.Owner || i == 0 {
				list = append(list, models.Mail{
					ID: newIDAt(queued), Channel: models.MailChannel, CompanyID: row.CompanyID, ConnectionID: row.ID, Kind: kind, Reason: reason,
					Recipient: person.Email, Tries: 1, SentAt: &sent, CreatedAt: queued,
				})
			}
		}
	}
	for _, t := range told.troubles() {
		if t.passing() {
			continue
		}
		send(t.Age, models.MailReconnectNeeded, t.Reason)
		if t.Length < t.Age {
			send(t.Age-t.Length, models.MailWorksAgain, models.ReasonNone)
		}
	}
	if told.UpgradeAge > 0 {
		send(told.UpgradeAge, models.MailUpgradeNeeded, models.ReasonNone)
	}
	if len(list) == 0 {
		return nil
	}
	return tx.Create(&list).Error
}
