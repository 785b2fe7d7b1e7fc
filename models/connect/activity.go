package connect

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// ActivityAbout selects a part of a company's activity.
type ActivityAbout string

// The parts of the activity.
const (
	// AboutAll selects everything.
	AboutAll ActivityAbout = ""
	// AboutConnections selects what people did to connections.
	AboutConnections ActivityAbout = "connections"
	// AboutCompany selects what people did to the team and the settings.
	AboutCompany ActivityAbout = "company"
)

// ActivityPart returns the part with a name, or AboutAll.
func ActivityPart(name string) ActivityAbout {
	if about := ActivityAbout(name); about == AboutConnections || about == AboutCompany {
		return about
	}
	return AboutAll
}

// Activity is one thing that a person did in a company: an audit record, or an event
// of a connection.
type Activity struct {
	ID        uuid.UUID
	At        time.Time
	ActorName string
	// Action is empty for an event.
	Action accounts.AuditAction
	// TargetName is the person whom the action is about, if there is one. Detail
	// adds what the action does not say.
	TargetName, Detail string
	SupportCode        string
	// Event is nil for an audit record.
	Event *models.Event
	// Connection has the identity of the event's connection. It has no ID if the
	// event belongs to none.
	Connection models.Connection
}

const (
	// ActivityShown is the most lines on a page of the activity.
	ActivityShown = 50
	// activityRead is how many lines an export reads at a time.
	activityRead = 500
)

// activityExports limits how often a company's activity is exported.
var activityExports = accounts.Limit{Name: "activity-exports", Tries: 20, Per: time.Hour}

// Activity returns what people did in a company before the line with the ID before,
// newest first. uuid.Max is before nothing. Older says that there is more.
func (c *Connections) Activity(ctx context.Context, companyID uuid.UUID, about ActivityAbout, before uuid.UUID) (lines []Activity, older bool, err error) {
	if lines, err = activity(c.db.Read(ctx), companyID, about, before, ActivityShown+1); err != nil {
		return nil, false, err
	}
	if len(lines) > ActivityShown {
		return lines[:ActivityShown], true, nil
	}
	return lines, false, nil
}

// EachActivity calls write with all that people did in a company, newest first, in
// pieces. It calls write at least once. It returns a ThrottledError for too many
// exports.
func (c *Connections) EachActivity(ctx context.Context, v accounts.Visitor, about ActivityAbout, write func([]Activity) error) error {
	err := c.db.Write(ctx, func(tx *gorm.DB) error { return activityExports.Take(tx, v.CompanyID.String(), c.db.Now()) })
	if err != nil {
		return fmt.Errorf("export activity: %w", err)
	}
	for before := uuid.Max; ; {
		within, cancel := c.db.LimitPart(ctx)
		lines, err := activity(c.db.Read(within), v.CompanyID, about, before, activityRead)
		cancel()
		if err != nil {
			return err
		}
		if err := write(lines); err != nil {
			return err
		}
		if len(lines) < activityRead {
			return nil
		}
		before = lines[len(lines)-1].ID
	}
}

// activity merges the newest audit records and events before a line. IDs are in the
// order of time.
func activity(db *gorm.DB, companyID uuid.UUID, about ActivityAbout, before uuid.UUID, limit int) ([]Activity, error) {
	var lines []Activity
	if about != AboutConnections {
		var records []accounts.AuditRecord
		err := db.Raw(`SELECT r.*, coalesce(u.name, '') AS target_name FROM audit_records r LEFT JOIN users u ON u.id = r.target_id
			WHERE r.company_id = ? AND r.id < ? ORDER BY r.id DESC LIMIT ?`, companyID, before, limit).Scan(&records).Error
		if err != nil {
			return nil, fmt.Errorf("read activity of company: %w", err)
		}
		for _, r := range records {
			lines = append(lines, Activity{ID: r.ID, At: r.At, ActorName: r.ActorName, Action: r.Action, TargetName: r.TargetName, Detail: r.Detail, SupportCode: r.SupportCode})
		}
	}
	if about != AboutCompany {
		var rows []struct {
			models.Event
			Nickname, TenantName string
			TenantID             int64
		}
		// A lock is recorded for the company and for each of its connections.
		err := db.Raw(`SELECT e.*, coalesce(o.nickname, '') AS nickname, coalesce(o.tenant_name, '') AS tenant_name, coalesce(o.tenant_id, 0) AS tenant_id
			FROM events e LEFT JOIN connections o ON o.id = e.connection_id
			WHERE e.company_id = ? AND e.actor_name <> '' AND e.kind IN ? AND e.id < ?
				AND (e.connection_id IS NULL OR e.kind NOT IN ?) ORDER BY e.id DESC LIMIT ?`,
			companyID, models.CompanyEvents(), before, []models.EventKind{models.EventLocked, models.EventUnlocked}, limit).Scan(&rows).Error
		if err != nil {
			return nil, fmt.Errorf("read activity of connections: %w", err)
		}
		for _, r := range rows {
			line := Activity{ID: r.ID, At: r.At, ActorName: r.ActorName, SupportCode: r.SupportCode, Event: &r.Event}
			if r.ConnectionID != nil {
				line.Connection = models.Connection{ID: *r.ConnectionID, Nickname: r.Nickname, TenantName: r.TenantName, TenantID: r.TenantID}
			}
			lines = append(lines, line)
		}
	}
	slices.SortFunc(lines, func(a, b Activity) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	return lines[:min(len(lines), limit)], nil
}
