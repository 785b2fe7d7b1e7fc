package models

import (
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// desk writes down what our staff have to do with a connection: its set-up,
// tasks, notes and mails.
func (s *seeding) desk(tx *gorm.DB, c sampleCompany, row Connection, told story) error {
	if row.Way == servicetitan.Guided {
		setup := s.setup(c, row, told)
		if err := tx.Create(&setup).Error; err != nil {
			return err
		}
	}
	if row.State == Disconnected && row.Way != servicetitan.SignIn {
		if err := s.task(tx, TaskDeleteSecret, row, told.ago(told.StateAge)); err != nil {
			return err
		}
	}
	if told.ContestedBy != "" {
		if err := s.task(tx, TaskTenantConflict, row, told.ago(told.ContestedAge)); err != nil {
			return err
		}
	}
	if told.Note != "" {
		at := told.ago(told.NoteAge)
		err := tx.Create(&Note{
			ID: newIDAt(at), CompanyID: row.CompanyID, ConnectionID: &row.ID,
			StaffID: c.staff.ID, StaffName: c.staff.Name, Text: told.Note, CreatedAt: at,
		}).Error
		if err != nil {
			return err
		}
	}
	return s.mails(tx, c, row, told)
}

func (s *seeding) task(tx *gorm.DB, kind TaskKind, row Connection, at time.Time) error {
	return tx.Create(&staffTask{ID: newIDAt(at), Kind: kind, CompanyID: row.CompanyID, ConnectionID: row.ID, CreatedAt: at}).Error
}

// setup is the guided set-up, under way or checked.
func (s *seeding) setup(c sampleCompany, row Connection, told story) Setup {
	requested := told.ago(told.requestedAge())
	setup := Setup{
		ID: newIDAt(requested), ConnectionID: row.ID, CompanyID: row.CompanyID, Environment: row.Environment, TenantID: row.TenantID,
		RequestedByName: c.owner.Name, RequestedAt: requested,
	}
	setup.wait(StepAddTenant, Us, "", requested)
	if told.Problem != "" {
		setup.tenantAdded(told.ago((told.Age*3 + told.StateAge) / 4))
		setup.allowed(c.owner.Name, told.ago((told.Age+told.StateAge)/2))
		setup.sentBack(told.Problem, told.ago(told.StateAge))
		return setup
	}
	added, allowed := told.setupAges()
	if added > 0 {
		setup.tenantAdded(told.ago(added))
	}
	if allowed > 0 {
		setup.allowed(c.owner.Name, told.ago(allowed))
	}
	if row.State != Pending {
		setup.Proof = told.proof(c.cast)
		setup.close(true, told.began())
	}
	return setup
}

// mails are those that owners were sent: one when a person had to act, and one
// when it worked again.
func (s *seeding) mails(tx *gorm.DB, c sampleCompany, row Connection, told story) error {
	var list []Mail
	send := func(age time.Duration, kind MailKind, reason Reason) {
		queued := told.ago(age)
		sent := queued.Add(4 * time.Second)
		for i, person := range c.People {
			if person.Role == accounts.Owner || i == 0 {
				list = append(list, Mail{
					ID: newIDAt(queued), Channel: MailChannel, CompanyID: row.CompanyID, ConnectionID: row.ID, Kind: kind, Reason: reason,
					Recipient: person.Email, Tries: 1, SentAt: &sent, CreatedAt: queued,
				})
			}
		}
	}
	for _, t := range told.troubles() {
		if t.passing() {
			continue
		}
		send(t.Age, MailReconnectNeeded, t.Reason)
		if t.Length < t.Age {
			send(t.Age-t.Length, MailWorksAgain, ReasonNone)
		}
	}
	if told.UpgradeAge > 0 {
		send(told.UpgradeAge, MailUpgradeNeeded, ReasonNone)
	}
	if len(list) == 0 {
		return nil
	}
	return tx.Create(&list).Error
}
