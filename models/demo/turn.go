package demo

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// turns limits how often one browser's address may arrange the five-minute demo. A
// presenter needs ten turns for the whole of it.
var turns = accounts.Limit{Name: "demo-turns-address", Tries: 60, Per: 10 * time.Minute}

// TakeTurn counts that somebody at an address arranges a scene. It returns a ThrottledError
// if they do so too often.
func (d *Demo) TakeTurn(ctx context.Context, address string) error {
	err := d.db.Write(ctx, func(tx *gorm.DB) error { return turns.Take(tx, address, d.db.Now()) })
	if err != nil {
		return fmt.Errorf("take a turn in the demo: %w", err)
	}
	return nil
}
