package connect

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
)

// InOverview is a connection in the overview of its company.
type InOverview struct {
	models.Connection `gorm:"embedded"`
	// ToAllow says that a guided setup waits for the company to allow the app in
	// ServiceTitan.
	ToAllow bool
	// Step and WaitsFor are of the open setup; empty if there is none.
	Step     models.SetupStep
	WaitsFor models.Side
	// Check is what the scheduled checks have found.
	Check models.Check `gorm:"embedded;embeddedPrefix:check_"`
}

// Overview returns the company's connections: first those that somebody has to do
// something for, then those in trouble, and last those that have ended.
func (c *Connections) Overview(ctx context.Context, companyID uuid.UUID) ([]InOverview, error) {
	var list []InOverview
	err := c.db.Read(ctx).Raw(`SELECT c.*, coalesce(s.step = ?, false) AS to_allow, coalesce(s.step, '') AS step, coalesce(s.waits_for, '') AS waits_for,
			k.due_at AS check_due_at, k.tried_at AS check_tried_at, k.answered_at AS check_answered_at, coalesce(k.failures, 0) AS check_failures
		FROM connections c LEFT JOIN setups s ON s.connection_id = c.id AND s.company_id = c.company_id AND s.closed_at IS NULL
		LEFT JOIN checks k ON k.connection_id = c.id
		WHERE c.company_id = ? ORDER BY c.id LIMIT ?`, models.StepAllowAccess, companyID, models.ConnectionsPerCompany).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	slices.SortStableFunc(list, func(a, b InOverview) int { return cmp.Compare(a.rank(), b.rank()) })
	return list, nil
}

// rank is the place of a connection in the list; the same for those that are listed
// oldest first.
func (l InOverview) rank() int {
	switch {
	case l.State == models.ReconnectNeeded:
		return 0
	case l.WaitsFor == models.TheCompany:
		return 1
	case l.UpgradeNeeded && l.Refreshable():
		return 2
	case l.State == models.Degraded:
		return 3
	case l.State == models.Disconnected:
		return 5
	}
	return 4
}
