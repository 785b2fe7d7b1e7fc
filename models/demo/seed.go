package demo

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// seed replaces everything in the database with the companies and their stories. It
// uses one transaction, so nobody sees half a demo.
func (d *Demo) seed(ctx context.Context, way *steps) error {
	db := d.db
	// One for all: they have the same password, and it is no secret.
	hash, err := d.accounts.HashPassword(ctx, d.options.Password)
	if err != nil {
		return err
	}
	return db.WriteAlone(ctx, func(tx *gorm.DB) error {
		if _, err := begunOrEmpty(tx); err != nil {
			return err
		}
		for _, table := range demoTables {
			if err := tx.Exec("DELETE FROM " + table).Error; err != nil {
				return fmt.Errorf("delete %s: %w", table, err)
			}
		}
		now, err := db.SharedNow(tx)
		if err != nil {
			return err
		}
		if err := tx.Create(&demoMark{ID: 1, BegunAt: now}).Error; err != nil {
			return err
		}
		s := seeding{environment: d.options.Environment, scopes: d.options.Scopes, every: d.keeper.RenewalInterval(), life: d.options.TokenLife, now: now, hash: hash, hours: map[string]keeper.RenewalHour{}}
		if err := s.hire(tx, d.options.Staff); err != nil {
			return err
		}
		way.done, way.all = 0, len(d.options.Companies)
		for _, company := range d.options.Companies {
			way.all += company.standing()
		}
		for _, company := range d.options.Companies {
			if err := s.company(tx, company); err != nil {
				return fmt.Errorf("add %s: %w", company.Name, err)
			}
			way.step()
		}
		if err := s.outages(tx, d.options.Companies); err != nil {
			return fmt.Errorf("add outages: %w", err)
		}
		return s.writeHours(tx)
	})
}

// demoTables are the tables that a demo replaces. A table comes before those that it
// refers to.
var demoTables = []string{
	"token_reads", "call_hours", "call_budgets", "outages", "outage_results", "sign_ins", "audit_records", "staff_identities",
	"saved_views", "queue_marks", "webhook_attempts", "webhook_deliveries", "webhook_messages", "webhook_endpoints",
	"demo", "links", "invitations", "account_mails", "mails", "revocations", "staff_tasks", "setups", "notes", "renewal_days", "renewal_hours", "events", "authorizations", "asks", "connect_sessions",
	"credentials", "checks", "connections", "connection_totals", "idempotency_keys", "api_keys", "passkeys", "recovery_codes", "second_factors", "memberships", "company_words",
	"users", "companies", "sessions", "throttles",
}

// seeding has what the companies of one seed share.
type seeding struct {
	environment servicetitan.EnvironmentName
	scopes      []string
	// every is how often a connection is renewed, for a token that lives for life.
	every, life time.Duration
	now         time.Time
	hash        string
	staff       []accounts.User
	hours       map[string]keeper.RenewalHour // by hour, of all connections
}

// hire adds the staff, who have been here longer than any company.
func (s *seeding) hire(tx *gorm.DB, staff []SampleStaff) error {
	since := s.now.AddDate(-2, 0, 0)
	for _, person := range staff {
		s.staff = append(s.staff, accounts.User{
			ID: newIDAt(since), Email: person.Email, Name: person.Name, PasswordHash: s.hash, StaffRole: person.Role, ProvenAt: &since, CreatedAt: since,
		})
	}
	return tx.Create(&s.staff).Error
}

func (s *seeding) company(tx *gorm.DB, sample SampleCompany) error {
	founded := s.now.Add(-sample.Age)
	company := accounts.Company{ID: newIDAt(founded), Name: sample.Name, TimeZone: sample.TimeZone, CreatedAt: founded}
	if err := accounts.CreateCompany(tx, &company); err != nil {
		return err
	}
	var people []accounts.User
	for _, person := range sample.People {
		user := accounts.User{ID: newIDAt(founded), Email: person.Email, Name: person.Name, PasswordHash: s.hash, ProvenAt: &founded, CreatedAt: founded}
		if err := tx.Create(&user).Error; err != nil {
			return err
		}
		if err := tx.Create(&accounts.Membership{CompanyID: company.ID, UserID: user.ID, Role: person.Role, CreatedAt: founded}).Error; err != nil {
			return err
		}
		people = append(people, user)
	}
	c := sampleCompany{SampleCompany: sample, row: company, cast: cast{owner: people[0], staff: s.staff[0]}}
	for _, connection := range sample.Connections {
		if err := s.connection(tx, c, connection); err != nil {
			return err
		}
	}
	return s.asides(tx, c)
}

// sampleCompany is a sample with what was made of it.
type sampleCompany struct {
	SampleCompany
	row accounts.Company
	cast
}

// asides are what is about a company and none of its connections.
func (s *seeding) asides(tx *gorm.DB, c sampleCompany) error {
	if c.Failed != nil {
		at := s.now.Add(-c.Failed.Age)
		err := tx.Create(&models.Event{
			ID: newIDAt(at), CompanyID: c.row.ID, Kind: models.EventConnectFailed, ActorName: c.owner.Name,
			Outcome: c.Failed.Outcome, SupportCode: models.NewSupportCode(), At: at,
		}).Error
		if err != nil {
			return err
		}
	}
	if c.APIKey != "" {
		made, used := s.now.Add(-c.Age/2), s.now.Add(-4*time.Minute)
		err := tx.Create(&accounts.APIKey{
			ID: newIDAt(made), CompanyID: &c.row.ID, Name: c.APIKey, KeyHash: database.HashOf(secret.New(rand.Text())),
			Scopes: string(accounts.ScopeConnectionsRead) + " " + string(accounts.ScopeTokensRead),
			// A back end that looks every quarter of an hour.
			Reads: int64(c.Age / 2 / (15 * time.Minute)), LastUsedAt: &used, CreatedAt: made,
		}).Error
		if err != nil {
			return err
		}
	}
	if c.Locked == "" {
		return nil
	}
	// Who may lock is the last of staff.
	admin, at := s.staff[len(s.staff)-1], s.now.Add(-c.LockedAge)
	c.row.LockedAt, c.row.LockedByName, c.row.LockReason = &at, admin.Name, c.Locked
	if err := tx.Select("LockedAt", "LockedByName", "LockReason").Updates(&c.row).Error; err != nil {
		return err
	}
	note := support.Note{ID: newIDAt(at), CompanyID: c.row.ID, StaffID: admin.ID, StaffName: admin.Name, Text: c.Locked, CreatedAt: at}
	if err := tx.Create(&note).Error; err != nil {
		return err
	}
	return support.RecordForAll(tx, models.Event{CompanyID: c.row.ID, Kind: models.EventLocked, ActorName: support.ActorName, StaffName: admin.Name, SupportCode: models.NewSupportCode(), At: at})
}

// connection writes a connection and its story down, without its access.
func (s *seeding) connection(tx *gorm.DB, c sampleCompany, sample SampleConnection) error {
	told := story{sample, s.now, s.every}
	row := s.row(c, told)
	if err := tx.Create(&row).Error; err != nil {
		return err
	}
	if row.State != models.Pending {
		check := s.check(row)
		if err := tx.Create(&check).Error; err != nil {
			return err
		}
	}
	events := told.events(c.cast)
	for i := range events {
		events[i].CompanyID, events[i].ConnectionID = c.row.ID, &row.ID
	}
	if err := tx.CreateInBatches(&events, database.InsertedAtOnce).Error; err != nil {
		return err
	}
	if err := s.counters(tx, row, told); err != nil {
		return err
	}
	return s.desk(tx, c, row, told)
}

// row is the connection as it is now.
func (s *seeding) row(c sampleCompany, told story) models.Connection {
	sample := told.SampleConnection
	row := models.Connection{
		ID: newIDAt(told.began()), CompanyID: c.row.ID, Environment: s.environment, TenantID: sample.TenantID,
		Way: sample.Way, State: sample.State, Reason: sample.Reason, SettingUp: sample.State == models.Pending,
		ConnectedByName: c.owner.Name, CreatedAt: told.began(),
		UpdatedAt: told.stateSince(), // from which the database takes it
	}
	if sample.State == models.Pending {
		return row
	}
	row.TenantName, row.BusinessUnits = sample.TenantName, sample.BusinessUnits
	row.ConnectedAt, row.Generation = told.began(), 1
	for _, t := range sample.Troubles {
		if !t.passing() {
			row.ConnectedAt = s.now.Add(t.Length - t.Age) // it was reconnected
		}
	}
	if row.ConnectedByID = &c.owner.ID; sample.Way == servicetitan.Guided {
		row.ConnectedByName, row.ConnectedByID = support.ActorName, nil
	}
	row.Scopes = strings.Join(s.scopes, " ")
	row.RenewedAt = told.lastRenewal()
	row.ExpiresAt = row.RenewedAt.Add(s.life)
	row.UpgradeNeeded = sample.UpgradeAge > 0
	if row.UsesOwnClient() {
		row.SecretAt = &row.ConnectedAt
	}
	ago := func(d time.Duration) *time.Time { at := told.ago(d); return &at }
	if tested := cmp.Or(sample.TestedAge, sample.Age-time.Minute); tested > 0 {
		row.TestedAt, row.TestPassed, row.TestMillis = ago(tested), true, sampleTestMillis
	}
	if sample.ReminderAge > 0 {
		row.SecretReminderAt = ago(sample.ReminderAge)
	}
	if sample.Used {
		row.LastUsedAt = ago(4 * time.Minute)
	}
	switch sample.State {
	case models.Degraded:
		row.FailingSince, row.Failures = ago(sample.StateAge), len(tries(told.worksUntil(), s.now))
	case models.ReconnectNeeded:
		row.FailingSince = ago(sample.StateAge)
	case models.Disconnected:
		row.DisconnectedAt = ago(sample.StateAge)
	case models.Pending, models.Connected:
	}
	return row
}

// firstChecks is the time within which the connections of a demo are checked first.
const firstChecks = 2 * time.Minute

// check is what the checks of the connection have found: that it worked as long as it was
// renewed.
func (s *seeding) check(row models.Connection) models.Check {
	check := models.Check{ConnectionID: row.ID, CompanyID: row.CompanyID, Environment: row.Environment, TriedAt: &row.RenewedAt, AnsweredAt: &row.RenewedAt}
	if row.Refreshable() {
		due := s.now.Add(retry.Spread(firstChecks))
		check.DueAt = &due
	}
	return check
}

// counters are those of the connection's days, and its part in the hours of
// all.
func (s *seeding) counters(tx *gorm.DB, row models.Connection, told story) error {
	first := s.now.AddDate(0, 0, 1-connect.HealthDays).Truncate(24 * time.Hour)
	days := map[string]connect.RenewalDay{}
	for at, h := range told.CountHours(first) {
		day := at.Format(time.DateOnly)
		sum := days[day]
		checked := sum.ChecksOK
		if h.OK > 0 {
			checked++
		}
		days[day] = connect.RenewalDay{ConnectionID: row.ID, Day: day, OK: sum.OK + int(h.OK), Failed: sum.Failed + int(h.Failed), ChecksOK: checked}
		if at.After(s.now.Add(-keeper.HoursKept * time.Hour)) {
			all := s.hours[h.Hour]
			s.hours[h.Hour] = keeper.RenewalHour{Hour: h.Hour, Environment: s.environment, OK: all.OK + h.OK, Failed: all.Failed + h.Failed}
		}
	}
	list := slices.Collect(maps.Values(days))
	if len(list) == 0 {
		return nil
	}
	return tx.CreateInBatches(&list, database.InsertedAtOnce).Error
}

func (s *seeding) writeHours(tx *gorm.DB) error {
	list := slices.Collect(maps.Values(s.hours))
	if len(list) == 0 {
		return nil
	}
	return tx.CreateInBatches(&list, database.InsertedAtOnce).Error
}
