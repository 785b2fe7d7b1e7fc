package connect

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// People look at the page of a connection more often than at any other, so its queries
// are written and scanned by hand. There are two: one for a row with everything that a
// connection has at most one of, and one for its history.

// Page is what a company's page shows of a connection.
type Page struct {
	Connection models.Connection
	// Setup is the open setup; nil if there is none.
	Setup *models.Setup
	// Ask is the open ask for the connection's tenant; nil if there is none, or if
	// the visitor is not an owner.
	Ask *Ask
	// Owners are the names of up to five owners, whose help the visitor needs. There
	// are none if the visitor is an owner.
	Owners []string
	// Calls counts the calls that were made through Fieldbridge in the last
	// calls.HoursShown.
	Calls int64
	// Check is what the scheduled checks have found.
	Check models.Check
	// counted has the days with renewals or checks: "2026-11-22 20 4 24 0,2026-11-23 7 0 3 0".
	counted string
}

// connectionRow has the columns of a connection.
var connectionRow = database.RowOf[models.Connection]()

// setupColumns are the columns of a setup that differ from its connection's, in the
// order of foundSetup.into.
const setupColumns = `s.id, s.step, s.waits_for, s.since, s.problem, s.requested_by_name, s.requested_at, s.tenant_added_at,
	s.allowed_by_name, s.allowed_at, s.proven_name, s.proven_role, s.proven_channel, s.proven_contact, s.proven_reached_at,
	s.proven_by_name, s.proven_at, s.proven_despite`

// foundSetup is the open setup of a connection, if it has one.
type foundSetup struct {
	id                       sql.Null[uuid.UUID]
	step                     sql.Null[models.SetupStep]
	waitsFor                 sql.Null[models.Side]
	since, requestedAt       sql.Null[time.Time]
	problem                  sql.Null[models.Outcome]
	requestedBy, allowedBy   sql.Null[string]
	tenantAddedAt, allowedAt *time.Time
	proofName, proofRole     sql.Null[string]
	channel                  sql.Null[models.ProofChannel]
	contact, provenBy        sql.Null[string]
	reachedAt, provenAt      *time.Time
	despite                  sql.Null[bool]
}

func (f *foundSetup) into(list []any) []any {
	return append(list,
		&f.id, &f.step, &f.waitsFor, &f.since, &f.problem, &f.requestedBy, &f.requestedAt, &f.tenantAddedAt,
		&f.allowedBy, &f.allowedAt, &f.proofName, &f.proofRole, &f.channel, &f.contact, &f.reachedAt,
		&f.provenBy, &f.provenAt, &f.despite,
	)
}

func (f *foundSetup) of(c models.Connection) *models.Setup {
	if !f.id.Valid {
		return nil
	}
	return &models.Setup{
		ID: f.id.V, ConnectionID: c.ID, CompanyID: c.CompanyID, Environment: c.Environment, TenantID: c.TenantID,
		Step: f.step.V, WaitsFor: f.waitsFor.V, Since: f.since.V, Problem: f.problem.V,
		RequestedByName: f.requestedBy.V, RequestedAt: f.requestedAt.V, TenantAddedAt: f.tenantAddedAt,
		AllowedByName: f.allowedBy.V, AllowedAt: f.allowedAt,
		Proof: models.Proof{
			Name: f.proofName.V, Role: f.proofRole.V, Channel: f.channel.V, Contact: f.contact.V, ReachedAt: f.reachedAt,
			ByName: f.provenBy.V, At: f.provenAt, Despite: f.despite.V,
		},
	}
}

// askColumns are the columns of an open ask that differ from its connection's, in the
// order of foundAsk.into.
const askColumns = `a.id, a.asker_id, a.way, a.connection_id, a.binding_hash, a.admin_name, a.opened_at, a.away_since, a.last_outcome,
	a.created_at, a.expires_at`

// foundAsk is the open ask for a connection's tenant, if there is one.
type foundAsk struct {
	id, askerID          sql.Null[uuid.UUID]
	way                  sql.Null[models.Way]
	connectionID         *uuid.UUID
	bindingHash          []byte
	adminName            sql.Null[string]
	openedAt, awaySince  *time.Time
	lastOutcome          sql.Null[models.Outcome]
	createdAt, expiresAt sql.Null[time.Time]
}

func (f *foundAsk) into(list []any) []any {
	return append(list,
		&f.id, &f.askerID, &f.way, &f.connectionID, &f.bindingHash, &f.adminName, &f.openedAt, &f.awaySince, &f.lastOutcome,
		&f.createdAt, &f.expiresAt,
	)
}

func (f *foundAsk) about(c models.Connection) *Ask {
	if !f.id.Valid {
		return nil
	}
	return &Ask{
		ID: f.id.V, CompanyID: c.CompanyID, AskerID: f.askerID.V, Environment: c.Environment, TenantID: c.TenantID, Way: f.way.V,
		ConnectionID: f.connectionID, BindingHash: f.bindingHash, AdminName: f.adminName.V, OpenedAt: f.openedAt, AwaySince: f.awaySince,
		LastOutcome: f.lastOutcome.V, CreatedAt: f.createdAt.V, ExpiresAt: f.expiresAt.V,
	}
}

// checkColumns are the columns of a check that a page shows, in the order of intoCheck.
const checkColumns = `k.due_at, k.tried_at, k.answered_at, coalesce(k.failures, 0), k.failing_since, coalesce(k.reason, '')`

func intoCheck(list []any, k *models.Check) []any {
	return append(list, &k.DueAt, &k.TriedAt, &k.AnsweredAt, &k.Failures, &k.FailingSince, &k.Reason)
}

// pageQuery reads a connection and what belongs to it. $3 says whether the visitor is
// an owner. SQLite numbers the values in the order in which they first appear. The
// names of owners have a line each, since no name has a line break.
var pageQuery = `SELECT ` + connectionRow.ColumnsOf("c") + `, ` + setupColumns + `, ` + askColumns + `, ` + checkColumns + `,
	coalesce((SELECT string_agg(d.day || ' ' || d.ok || ' ' || d.failed || ' ' || d.checks_ok || ' ' || d.checks_failed, ',') FROM renewal_days d
		WHERE d.connection_id = c.id AND d.day >= $1), ''),
	CAST(coalesce((SELECT sum(h.n) FROM call_hours h WHERE h.connection_id = c.id AND h.hour > $2), 0) AS BIGINT),
	CASE WHEN $3 THEN '' ELSE coalesce((SELECT string_agg(o.name, '
' ORDER BY o.name) FROM (
		SELECT u.name FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.company_id = c.company_id AND m.role = 'owner' AND u.disabled_at IS NULL ORDER BY u.name LIMIT 5) o), '') END
	FROM connections c
	LEFT JOIN checks k ON k.connection_id = c.id
	LEFT JOIN setups s ON s.connection_id = c.id AND s.company_id = c.company_id AND s.closed_at IS NULL AND c.setting_up
	LEFT JOIN asks a ON $3 AND a.company_id = c.company_id AND a.environment = c.environment AND a.tenant_id = c.tenant_id
		AND a.ended_at IS NULL AND a.expires_at > $4
	WHERE c.id = $5 AND c.company_id = $6
	ORDER BY a.id DESC LIMIT 1`

// mostPageColumns is room for all columns of pageQuery.
const mostPageColumns = 96

// Page returns what a page shows of one of the visitor's company's connections, or
// ErrNotFound.
func (c *Connections) Page(ctx context.Context, v accounts.Visitor, id uuid.UUID) (Page, error) {
	var row struct {
		page   Page
		setup  foundSetup
		ask    foundAsk
		owners string
	}
	now := c.db.Now()
	into := connectionRow.AppendInto(make([]any, 0, mostPageColumns), &row.page.Connection)
	into = intoCheck(row.ask.into(row.setup.into(into)), &row.page.Check)
	into = append(into, &row.page.counted, &row.page.Calls, &row.owners)
	values := []any{firstHealthDay(now).Format(time.DateOnly), calls.FirstShown(now), v.Owns(), now, id, v.CompanyID}
	if err := c.db.ReadRow(ctx, pageQuery, values, into...); err != nil {
		return Page{}, fmt.Errorf("read connection: %w", err)
	}
	row.page.Check.ConnectionID, row.page.Check.CompanyID, row.page.Check.Environment = id, v.CompanyID, row.page.Connection.Environment
	row.page.Setup, row.page.Ask = row.setup.of(row.page.Connection), row.ask.about(row.page.Connection)
	if row.owners != "" {
		row.page.Owners = strings.Split(row.owners, "\n")
	}
	return row.page, nil
}

// eventColumns are the columns of an event that a company's page needs, in the order
// of intoEvent.
const eventColumns = `id, kind, actor_name, reason, outcome, detail, repeats, first_at, millis, support_code, at`

func intoEvent(e *models.Event) []any {
	return []any{&e.ID, &e.Kind, &e.ActorName, &e.Reason, &e.Outcome, &e.Detail, &e.Repeats, &e.FirstAt, &e.Millis, &e.SupportCode, &e.At}
}

// historyQueries read the newest events of a part of the timeline that a company may see,
// and the changes from which its downtimes are known. The changes may go back further.
var historyQueries = newHistoryQueries()

func newHistoryQueries() map[models.TimelinePart]string {
	const ofConnection, newest = "WHERE connection_id = $1 AND company_id = $2 AND ", " ORDER BY id DESC LIMIT "
	queries := make(map[models.TimelinePart]string)
	for _, part := range models.TimelineParts() {
		queries[part] = `SELECT shown.*, true FROM (SELECT ` + eventColumns + ` FROM events
				` + ofConnection + models.KindIsOneOf(models.CompanyEvents()) + ` AND ` + part.Selects() + newest + strconv.Itoa(eventsShown) + `) shown
			UNION ALL
			SELECT changes.*, false FROM (SELECT ` + eventColumns + ` FROM events
				` + ofConnection + models.KindIsOneOf(changesOfDowntime) + newest + strconv.Itoa(changesRead) + `) changes`
	}
	return queries
}

// eventsShown is the most events that a timeline shows.
const eventsShown = 50

// History is what happened to a connection.
type History struct {
	// Events are the newest events of the part that the company may see, newest first.
	Events []models.Event
	// Days are the last HealthDays days, oldest first. See Health.
	Days []RenewalDay
}

// History returns what a page shows of the past of a connection, with a part of its
// timeline.
func (c *Connections) History(ctx context.Context, p Page, part models.TimelinePart) (History, error) {
	id := p.Connection.ID
	e, shown := models.Event{CompanyID: p.Connection.CompanyID, ConnectionID: &id}, false
	into := append(intoEvent(&e), &shown)
	var h History
	var changes []models.Event
	err := c.db.ReadRows(ctx, historyQueries[part], []any{id, p.Connection.CompanyID}, func(rows *sql.Rows) error {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if shown {
			h.Events = append(h.Events, e)
		} else {
			changes = append(changes, e)
		}
		return nil
	})
	if err != nil {
		return History{}, fmt.Errorf("read history: %w", err)
	}
	newestFirst(h.Events)
	newestFirst(changes)
	first := firstHealthDay(c.db.Now())
	h.Days = newHealthDays(p.Connection, first)
	for day := range strings.SplitSeq(p.counted, ",") {
		if date, counts, ok := strings.Cut(day, " "); ok {
			if err := countDay(h.Days, date, counts); err != nil {
				return History{}, err
			}
		}
	}
	markDowntimes(h.Days, first, downtimesOf(p.Connection, changes))
	return h, nil
}

// newestFirst sorts events by their IDs, which are in the order of time. They come in
// that order, but no database promises it.
func newestFirst(events []models.Event) {
	slices.SortFunc(events, func(a, b models.Event) int { return bytes.Compare(b.ID[:], a.ID[:]) })
}
