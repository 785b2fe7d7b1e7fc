package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// result is what follows from a check.
type result struct {
	// check is the row as it is afterwards.
	check models.Check
	// reason is why the check failed, or what is missing; ReasonNone if it worked.
	reason models.Reason
	// change is what happens to the connection; empty if nothing does.
	change models.Change
	// areaRefused says that the API refuses an area that the scopes of the token cover.
	areaRefused bool
	// refused says that the check was refused, and ends that a second refusal in a row
	// ends the connection.
	refused, ends bool
}

// resultOf returns what follows from a finding. One failure changes nothing but the time of
// the next check, which comes soon.
func (c *Checker) resultOf(d dueCheck, found finding, required []string, now time.Time) result {
	r := result{check: d.Check}
	r.check.TriedAt, r.check.LeaseOwner, r.check.LeaseUntil = &now, "", nil
	var permanent bool
	if r.reason, permanent = c.judge(d.connection, found.err); found.partly {
		r.reason = models.ReasonScopeMissing
	}
	var due time.Time
	if found.err == nil {
		due = r.answered(c, d, found.partly, required, now)
	} else {
		r.check.Failures++
		if r.check.FailingSince == nil {
			r.check.FailingSince = &now
		}
		due = r.failed(d, found.err, permanent, now)
	}
	r.check.Reason, r.check.DueAt = r.reason, &due
	return r
}

// answered sets what follows if the API answers.
func (r *result) answered(c *Checker, d dueCheck, partly bool, required []string, now time.Time) (due time.Time) {
	r.check.AnsweredAt, r.check.Failures, r.check.FailingSince = &now, 0, nil
	due = c.nextCheck(d.connection, now)
	if r.areaRefused = partly && (d.Reason == models.ReasonScopeMissing || d.connection.UpgradeNeeded); partly && !r.areaRefused {
		due = nextTry(1, 0, now)
	}
	if d.connection.UnansweredSince != nil || d.connection.UpgradeNeeded != r.upgradeNeeded(d.connection, required) {
		r.change = models.Answered
	}
	return due
}

// upgradeNeeded says whether part of the access of a connection is missing.
func (r *result) upgradeNeeded(c models.Connection, required []string) bool {
	return r.areaRefused || len(models.MissingAreas(c.ScopeList(), required)) > 0
}

// failed sets what follows if the check failed.
func (r *result) failed(d dueCheck, err error, permanent bool, now time.Time) (due time.Time) {
	if permanent {
		r.refused, r.ends = true, refusal(d.Reason)
		return nextTry(1, 0, now)
	}
	if c := d.connection; r.check.Failures > 1 && (c.UnansweredSince == nil || c.FailingSince == nil && c.Reason != r.reason) {
		r.change = models.Unanswered
	}
	var asked time.Duration
	if e, ok := errors.AsType[*servicetitan.Error](err); ok {
		asked = e.RetryAfter
	}
	return nextTry(r.check.Failures, asked, now)
}

// refusal says whether the last check was refused for a reason that only a person changes.
func refusal(last models.Reason) bool {
	return last == models.ReasonNotAllowed || last == models.ReasonUnauthorized || last == models.ReasonTenantUnknown
}

// record writes the result of a check, and ends the connection if it was refused twice in a
// row. Nothing is written if the lease is no longer ours: the connection was disconnected,
// reconnected, or refused since, or another instance has made the check.
func (c *Checker) record(ctx context.Context, client *servicetitan.Client, d dueCheck, found finding) (outcome string, err error) {
	within, cancel := c.db.LimitWork(context.WithoutCancel(ctx))
	defer cancel()
	var r result
	var ours bool
	err = c.db.Write(within, func(tx *gorm.DB) error {
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		required := client.Environment().Scopes
		r = c.resultOf(d, found, required, now)
		ours, err = c.write(tx, d, r, found, required, now)
		return err
	})
	outcome = string(r.reason)
	if r.reason == models.ReasonNone {
		outcome = "ok"
	}
	if err != nil {
		return outcome, fmt.Errorf("record check: %w", err)
	}
	if ours && r.ends {
		// If the process ends before this, the next check does it.
		err = c.keeper.Refuse(within, d.connection, found.generation, r.reason, found.err)
		if _, told := errors.AsType[*models.ReasonError](err); told {
			err = nil
		}
	}
	return outcome, err
}

// saveCheck writes the result of a check whose lease is still ours.
const saveCheck = `UPDATE checks SET due_at = $1, tried_at = $2, answered_at = $3, failures = $4, failing_since = $5, reason = $6,
	lease_owner = '', lease_until = NULL WHERE connection_id = $7 AND lease_owner = $8`

// write writes a result, and says whether the lease was still ours.
func (c *Checker) write(tx *gorm.DB, d dueCheck, r result, found finding, required []string, now time.Time) (ours bool, err error) {
	current := d.connection
	learned := found.err == nil && !found.partly && (found.account.BusinessUnits != current.BusinessUnits || found.account.Name != "" && found.account.Name != current.TenantName)
	if r.change != "" || learned {
		if current, err = models.GetConnection(database.ForUpdate(tx), d.CompanyID, d.ConnectionID); err != nil {
			return false, err
		}
	}
	k := r.check
	rows, err := database.Exec(tx, saveCheck, k.DueAt, k.TriedAt, k.AnsweredAt, k.Failures, k.FailingSince, k.Reason, d.ConnectionID, d.LeaseOwner)
	if err != nil || rows == 0 {
		return false, err
	}
	failed := min(k.Failures, 1)
	if err := models.CountCheck(tx, d.ConnectionID, 1-failed, failed, now); err != nil {
		return true, err
	}
	if r.refused && !r.ends {
		err := models.RecordSeries(tx, models.Event{CompanyID: d.CompanyID, ConnectionID: &d.ConnectionID, Kind: models.EventCheckFailed, Reason: r.reason, At: now})
		if err != nil {
			return true, err
		}
	}
	if learned {
		if err := learn(tx, &current, found.account, now); err != nil {
			return true, err
		}
	}
	if r.change == "" {
		return true, nil
	}
	_, err = models.Apply(tx, &current, models.Transition{What: r.change, At: now, Reason: r.reason, Edit: func(o *models.Connection) {
		if r.change == models.Answered {
			// The check may have renewed access, with other scopes than before.
			o.UpgradeNeeded = r.upgradeNeeded(*o, required)
		}
	}})
	return true, err
}

// learn saves what the API says about the tenant.
func learn(tx *gorm.DB, c *models.Connection, account servicetitan.Account, now time.Time) error {
	c.BusinessUnits = account.BusinessUnits
	if account.Name != "" && account.Name != c.TenantName {
		c.TenantName, c.UpdatedAt = account.Name, now
	}
	if err := tx.Select("BusinessUnits", "TenantName", "UpdatedAt").Updates(c).Error; err != nil {
		return fmt.Errorf("save what the API says about the tenant: %w", err)
	}
	return nil
}
