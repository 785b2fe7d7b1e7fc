package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/failure"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// authorizationKept is how long the result of an authorization can still be shown to
// someone who comes back to it.
const authorizationKept = 24 * time.Hour

// mailsKept is how long a mail is kept after it was created, once it was sent or given
// up. While the mail about an incident is there, its reader is also told of the end.
const mailsKept = 180 * 24 * time.Hour

// sweptAtOnce bounds the rows that one write deletes from tables that grow with the
// connections, so that other writes do not wait long.
const sweptAtOnce = 5000

// Sweep deletes expired sessions, links, invitations, asks, connect sessions, throttles,
// authorizations, counters, mails, and deliveries of webhooks. It also deletes events, audit records, closed setups, and finished tasks that are older
// than eventsKept. Each connection keeps its last setup, which says what is done.
func Sweep(ctx context.Context, db *database.DB, eventsKept time.Duration) error {
	now := db.Now()
	err := db.Write(ctx, func(tx *gorm.DB) error {
		return errors.Join(
			tx.Exec("DELETE FROM sessions WHERE expires_at <= ?", now).Error,
			tx.Exec("DELETE FROM sessions WHERE user_id IS NULL AND seen_at <= ?", now.Add(-accounts.StrangersSessionsKept)).Error,
			tx.Exec("DELETE FROM throttles WHERE reset_at <= ?", now).Error,
			tx.Exec("DELETE FROM renewal_hours WHERE hour < ?", now.Add(-keeper.HoursKept*time.Hour).Format(database.HourForm)).Error,
			tx.Exec("DELETE FROM authorizations WHERE expires_at <= ?", now.Add(-authorizationKept)).Error,
		)
	})
	for _, old := range []struct {
		table, key, column string
		before             any
		also               string // what else must hold
	}{
		{table: "links", key: "id", column: "expires_at", before: now},
		{table: "invitations", key: "id", column: "expires_at", before: now.Add(-accounts.InvitationsKept)},
		{table: "asks", key: "id", column: "expires_at", before: now.Add(-connect.AsksKept)},
		{table: "connect_sessions", key: "id", column: "expires_at", before: now.Add(-connect.SessionsKept)},
		{table: "account_mails", key: "id", column: "created_at", before: now.Add(-accounts.AccountMailsKept)},
		{table: "account_mails", key: "id", column: "created_at", before: now.Add(-accounts.RequestedMailsKept), also: " AND kind IN ('sign_up', 'reset') AND next_try_at IS NULL"},
		{table: "idempotency_keys", key: "id", column: "created_at", before: now.Add(-accounts.AnswersKept)},
		{table: "events", key: "id", column: "at", before: now.Add(-eventsKept)},
		{table: "failures", key: "id", column: "at", before: now.Add(-failure.Kept)},
		{table: "token_reads", key: "connection_id, hour, key_id, address", column: "hour", before: now.Add(-accounts.TokenReadsKept).Format(database.HourForm)},
		{table: "call_hours", key: "connection_id, hour", column: "hour", before: now.Add(-calls.HoursKept).Format(database.HourForm)},
		{table: "call_budgets", key: "environment, tenant_id", column: "used_at", before: now.Add(-calls.BudgetsKept)},
		{table: "outages", key: "id", column: "ended_at", before: now.Add(-outage.Kept)},
		{table: "sign_ins", key: "hour, scope, subject, action, outcome, address", column: "hour", before: now.Add(-accounts.SignInsKept).Format(database.HourForm)},
		{table: "audit_records", key: "id", column: "at", before: now.Add(-eventsKept)},
		{table: "renewal_days", key: "connection_id, day", column: "day", before: now.AddDate(0, 0, -connect.HealthDays).Format(time.DateOnly)},
		{table: "mails", key: "id", column: "created_at", before: now.Add(-mailsKept), also: " AND next_try_at IS NULL"},
		{table: "webhook_deliveries", key: "seq", column: "created_at", before: now.Add(-webhook.Kept)}, // with their attempts
		{
			table: "webhook_messages", key: "id", column: "created_at", before: now.Add(-webhook.Kept),
			also: " AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.message_id = webhook_messages.id)",
		},
		{table: "queue_marks", key: "source, item_id", column: "changed_at", before: now.Add(-eventsKept)},
		{table: "staff_tasks", key: "id", column: "done_at", before: now.Add(-eventsKept)},
		{
			table: "setups", key: "id", column: "closed_at", before: now.Add(-eventsKept),
			also: " AND EXISTS (SELECT 1 FROM setups later WHERE later.connection_id = setups.connection_id AND later.id > setups.id)",
		},
	} {
		for deleted := int64(sweptAtOnce); err == nil && deleted == sweptAtOnce; {
			err = db.Write(ctx, func(tx *gorm.DB) error {
				result := tx.Exec("DELETE FROM "+old.table+" WHERE ("+old.key+") IN (SELECT "+old.key+" FROM "+old.table+" WHERE "+old.column+" < ?"+old.also+" LIMIT ?)",
					old.before, sweptAtOnce)
				deleted = result.RowsAffected
				return result.Error
			})
		}
	}
	if err == nil {
		err = failure.Trim(ctx, db)
	}
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}
