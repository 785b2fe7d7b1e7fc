package failure

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

const (
	// foundAtOnce bounds the failures with one code. There is almost always one.
	foundAtOnce = 5
	// nearbyShown bounds the failures around another that are listed.
	nearbyShown = 10
)

// WithCodes returns the failures with one of the support codes, newest first.
func WithCodes(db *gorm.DB, codes []string) ([]Failure, error) {
	var found []Failure
	if err := db.Where("support_code IN ?", codes).Order("at DESC, id DESC").Limit(foundAtOnce).Find(&found).Error; err != nil {
		return nil, fmt.Errorf("find failures by code: %w", err)
	}
	return found, nil
}

// Nearby is what else failed for a company around the time of a failure.
type Nearby struct {
	// N counts all of them. Alike counts those of the same kind and reason.
	N, Alike int
	// Shown are some of them, newest first.
	Shown []Failure `gorm:"-"`
}

// Around returns what else failed for the failure's company in the day around it.
func Around(db *gorm.DB, f Failure) (n Nearby, err error) {
	if f.CompanyID == nil {
		return n, nil
	}
	from, to := f.At.Add(-24*time.Hour), f.At.Add(24*time.Hour)
	err = db.Raw(`SELECT count(*) AS n, count(CASE WHEN kind = ? AND reason = ? THEN 1 END) AS alike FROM failures
		WHERE company_id = ? AND at BETWEEN ? AND ? AND id <> ?`, f.Kind, f.Reason, *f.CompanyID, from, to, f.ID).Scan(&n).Error
	if err == nil && n.N > 0 {
		err = db.Where("company_id = ? AND at BETWEEN ? AND ? AND id <> ?", *f.CompanyID, from, to, f.ID).
			Order("at DESC, id DESC").Limit(nearbyShown).Find(&n.Shown).Error
	}
	if err != nil {
		return n, fmt.Errorf("find failures nearby: %w", err)
	}
	return n, nil
}

// MostKept bounds the table. Beyond it, those who have the most lose their oldest.
const MostKept = 100_000

// trimmedAtOnce bounds what one write deletes.
const trimmedAtOnce = 5000

// Trim deletes what exceeds the limit of the table. It takes from the company with the
// most failures, where strangers count as one company. So nobody's flood pushes out what
// happened to others.
func Trim(ctx context.Context, db *database.DB) error { return trim(ctx, db, MostKept) }

func trim(ctx context.Context, db *database.DB, most int) error {
	for {
		var all int
		if err := db.Read(ctx).Raw("SELECT count(*) FROM failures").Scan(&all).Error; err != nil {
			return fmt.Errorf("count failures: %w", err)
		}
		if all <= most {
			return nil
		}
		if err := trimLargest(ctx, db, all-most); err != nil {
			return fmt.Errorf("trim failures: %w", err)
		}
	}
}

func trimLargest(ctx context.Context, db *database.DB, excess int) error {
	var largest []struct {
		CompanyID *uuid.UUID
		N         int
	}
	err := db.Read(ctx).Raw("SELECT company_id, count(*) AS n FROM failures GROUP BY company_id ORDER BY n DESC LIMIT 2").Scan(&largest).Error
	if err != nil || len(largest) == 0 {
		return err
	}
	n := min(excess, trimmedAtOnce)
	if len(largest) == 2 { // then the second one is the largest
		n = min(n, largest[0].N-largest[1].N+1)
	}
	which, args := "company_id IS NULL", []any{n}
	if id := largest[0].CompanyID; id != nil {
		which, args = "company_id = ?", []any{*id, n}
	}
	return db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec("DELETE FROM failures WHERE id IN (SELECT id FROM failures WHERE "+which+" ORDER BY at LIMIT ?)", args...).Error
	})
}
