package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

const (
	// companiesAtOnce is how many companies one run deletes.
	companiesAtOnce = 20
	// peopleAtOnce is how many people one write erases.
	peopleAtOnce = 50
)

// DeleteCompanies deletes the companies whose owners asked for it and whose time has
// come. A locked company waits: its owners cannot undo the deletion.
//
// The deletion is a series of short writes. Each one looks for what is left, so that
// the work can end at any point and continue later, and several instances can do it
// at the same time. A company that fails does not keep the others waiting.
func DeleteCompanies(ctx context.Context, db *database.DB, connections *connect.Connections) error {
	var due []uuid.UUID
	err := db.Read(ctx).Raw("SELECT id FROM companies WHERE deletion_at <= ? AND (locked_at IS NULL OR deleted_at IS NOT NULL) ORDER BY deletion_at LIMIT ?",
		db.Now(), companiesAtOnce).Scan(&due).Error
	if err != nil {
		return fmt.Errorf("find companies to delete: %w", err)
	}
	var failed error
	for _, id := range due {
		for done := false; !done && ctx.Err() == nil; {
			if done, err = deleteCompanyStep(ctx, db, connections, id); err != nil {
				failed = errors.Join(failed, fmt.Errorf("delete company %s: %w", id, err))
				break
			}
		}
	}
	return failed
}

// deleteCompanyStep does the next part of a company's deletion. It reports whether
// nothing is left to do.
func deleteCompanyStep(ctx context.Context, db *database.DB, connections *connect.Connections, id uuid.UUID) (done bool, err error) {
	d := companyDeletion{db, connections, id}
	for _, step := range []func(context.Context) (bool, error){d.begin, d.endConnection, d.erasePeople, d.eraseRows, d.finish} {
		if worked, err := step(ctx); err != nil || worked {
			return false, err
		}
	}
	return true, nil
}

// companyDeletion is the deletion of one company. Each of its steps reports whether
// there was anything to do.
type companyDeletion struct {
	db          *database.DB
	connections *connect.Connections
	id          uuid.UUID
}

// write runs a step in a transaction that holds the company's row.
func (d companyDeletion) write(ctx context.Context, step func(tx *gorm.DB, company accounts.Company, now time.Time) (bool, error)) (worked bool, err error) {
	err = d.db.Write(ctx, func(tx *gorm.DB) error {
		var company accounts.Company
		if err := database.ForUpdate(tx).Where("id = ?", d.id).Take(&company).Error; err != nil {
			return database.Found(err, "find company")
		}
		worked, err = step(tx, company, d.db.Now())
		return err
	})
	return worked, err
}

// errKept says that an owner has kept the company, or that it was locked.
var errKept = errors.New("the company is no longer to be deleted")

// begin is the point after which nobody can undo the deletion. From then on, people
// and keys have no access.
func (d companyDeletion) begin(ctx context.Context) (bool, error) {
	return d.write(ctx, func(tx *gorm.DB, company accounts.Company, now time.Time) (bool, error) {
		if company.DeletedAt != nil {
			return false, nil
		}
		if company.DeletionAt == nil || company.DeletionAt.After(now) || company.LockedAt != nil {
			return false, errKept
		}
		return true, errors.Join(
			tx.Model(&company).Update("deleted_at", now).Error,
			tx.Exec("UPDATE api_keys SET revoked_at = ? WHERE company_id = ? AND revoked_at IS NULL", now, d.id).Error,
			// A person who joins at this moment waits for the company's row, and then
			// finds no invitation.
			tx.Exec("DELETE FROM links WHERE subject_id IN (SELECT id FROM invitations WHERE company_id = ?)", d.id).Error,
			tx.Exec("DELETE FROM invitations WHERE company_id = ?", d.id).Error,
			tx.Exec("DELETE FROM links WHERE subject_id IN (SELECT id FROM asks WHERE company_id = ?)", d.id).Error,
			tx.Exec("DELETE FROM asks WHERE company_id = ?", d.id).Error,
			tx.Exec("DELETE FROM links WHERE subject_id IN (SELECT id FROM connect_sessions WHERE company_id = ?)", d.id).Error,
			tx.Exec("DELETE FROM connect_sessions WHERE company_id = ?", d.id).Error,
			tx.Exec("DELETE FROM authorizations WHERE company_id = ? AND session_id IS NOT NULL", d.id).Error,
			accounts.Actor{}.AuditIn(tx, d.id, accounts.AuditCompanyDeleted, d.id, "", now),
			models.NoteCompany(tx, webhook.CompanyDeleted, company, now),
		)
	})
}

// endConnection ends one connection, as an owner would.
func (d companyDeletion) endConnection(ctx context.Context) (bool, error) {
	var left []models.Connection
	err := d.db.Read(ctx).Where("company_id = ? AND state <> ?", d.id, models.Disconnected).Order("id").Limit(1).Find(&left).Error
	if err != nil || len(left) == 0 {
		return false, err
	}
	if left[0].State == models.Pending {
		err = d.connections.WithdrawSetup(ctx, accounts.Visitor{CompanyID: d.id}, left[0].ID)
	} else {
		err = d.connections.End(ctx, accounts.Actor{}, d.id, left[0].ID,
			func(*gorm.DB) error { return nil }, func(*gorm.DB, time.Time) error { return nil })
	}
	if err != nil {
		return false, err
	}
	// Without this check, a connection that does not end would be tried forever.
	now, err := d.connections.Get(ctx, d.id, left[0].ID)
	if err == nil && now.State != models.Disconnected {
		err = fmt.Errorf("connection %s is still %s", now.ID, now.State)
	}
	return true, err
}

// erasePeople ends some memberships, and erases the people without another company.
func (d companyDeletion) erasePeople(ctx context.Context) (bool, error) {
	return d.write(ctx, func(tx *gorm.DB, _ accounts.Company, now time.Time) (bool, error) {
		n, err := accounts.EraseMembers(tx, d.id, peopleAtOnce, now)
		return n > 0, err
	})
}

// ofConnections selects the rows of all connections of a company.
const ofConnections = "connection_id IN (SELECT id FROM connections WHERE company_id = ?)"

// namedMessages selects the webhook messages of a company that go with it: those with a
// name in them, and those to its own endpoints. What back ends are told of its end has
// no name, and is kept as long as any message.
const namedMessages = `SELECT d.seq FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message_id
	WHERE m.company_id = ? AND (d.company_id IS NOT NULL OR m.body NOT LIKE '%"company_name":"",%')`

// companyRows are the rows that go with a company, and the columns whose content
// does. A new table with something personal in it belongs here, or, if it is about
// people, in accounts.EraseMembers.
var companyRows = []struct {
	table, key string
	which      string // which rows of the company; the argument is its ID
	erase      string // the new content; without one, the rows are deleted
}{
	{table: "webhook_deliveries", key: "seq", which: "seq IN (" + namedMessages + ")"},
	{table: "webhook_messages", key: "id", which: "company_id = ? AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.message_id = webhook_messages.id)"},
	{table: "webhook_endpoints", key: "id", which: "company_id = ?"},
	{table: "idempotency_keys", key: "id", which: "key_id IN (SELECT id FROM api_keys WHERE company_id = ?)"},
	{table: "account_mails", key: "id", which: "company_id = ?"},
	{table: "mails", key: "id", which: ofConnections},
	{table: "notes", key: "id", which: "company_id = ?"},
	{table: "queue_marks", key: "source, item_id", which: "company_id = ?"},
	{table: "sign_ins", key: "hour, scope, subject, action, outcome, address", which: "scope = CAST(? AS TEXT)"},
	{table: "token_reads", key: "connection_id, hour, key_id, address", which: ofConnections},
	{table: "failures", key: "id", which: "company_id = ?"},
	{table: "call_hours", key: "connection_id, hour", which: ofConnections},
	{table: "checks", key: "connection_id", which: ofConnections},
	{
		table: "api_keys", key: "id", which: "company_id = ? AND (name <> '' OR caller_name <> '' OR return_urls <> '' OR last_used_address <> '' OR refused_address <> '')",
		erase: "name = '', caller_name = '', return_urls = '', last_used_address = '', refused_address = ''",
	},
	{
		table: "audit_records", key: "id", which: "company_id = ? AND (actor_name <> '' OR detail <> '')",
		erase: "actor_name = '', detail = ''",
	},
	{
		table: "events", key: "id", which: "company_id = ? AND (actor_name <> '' OR detail <> '')",
		erase: "actor_name = '', detail = ''",
	},
	{
		table: "setups", key: "id",
		which: ofConnections + " AND (requested_by_name <> '' OR allowed_by_name <> '' OR proven_name <> '' OR proven_role <> '' OR proven_contact <> '')",
		erase: "requested_by_name = '', allowed_by_name = '', proven_name = '', proven_role = '', proven_contact = ''",
	},
	{
		table: "connections", key: "id", which: "company_id = ? AND (tenant_name <> '' OR nickname <> '' OR connected_by_name <> '' OR connected_by_id IS NOT NULL OR business_units <> 0)",
		erase: "tenant_name = '', nickname = '', connected_by_name = '', connected_by_id = NULL, business_units = 0",
	},
}

// eraseRows deletes or erases a batch of rows of the first table that has any.
func (d companyDeletion) eraseRows(ctx context.Context) (bool, error) {
	return d.write(ctx, func(tx *gorm.DB, _ accounts.Company, _ time.Time) (bool, error) {
		for _, rows := range companyRows {
			change := "DELETE FROM " + rows.table
			if rows.erase != "" {
				change = "UPDATE " + rows.table + " SET " + rows.erase
			}
			result := tx.Exec(change+" WHERE ("+rows.key+") IN (SELECT "+rows.key+" FROM "+rows.table+" WHERE "+rows.which+" LIMIT ?)", d.id, sweptAtOnce)
			if result.Error != nil {
				return false, fmt.Errorf("erase %s: %w", rows.table, result.Error)
			}
			if result.RowsAffected > 0 {
				return true, nil
			}
		}
		return false, nil
	})
}

// finish takes the name of the company. Nothing else of it was left.
func (d companyDeletion) finish(ctx context.Context) (bool, error) {
	return d.write(ctx, func(tx *gorm.DB, company accounts.Company, _ time.Time) (bool, error) {
		if company.DeletionAt == nil {
			return false, nil
		}
		return true, errors.Join(
			accounts.EraseCompanyName(tx, d.id),
			tx.Model(&company).Updates(map[string]any{
				"deletion_at": nil, "deletion_by_id": nil, "time_zone": "UTC", "reference": "", "locked_at": nil, "locked_by_name": "", "lock_reason": "",
			}).Error,
		)
	})
}
