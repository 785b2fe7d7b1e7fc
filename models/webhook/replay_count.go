package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Replayable returns how many messages ReplaySince would queue again, if it were called
// now. It returns ErrNotFound.
func (w *Webhooks) Replayable(ctx context.Context, whose *uuid.UUID, endpointID uuid.UUID, since time.Time) (n int, err error) {
	if _, err := w.Endpoint(ctx, whose, endpointID); err != nil {
		return 0, err
	}
	err = w.db.Read(ctx).Raw(`SELECT count(DISTINCT d.message_id) FROM webhook_deliveries d WHERE d.endpoint_id = ? AND d.created_at >= ? AND d.type <> 'ping'
		AND NOT EXISTS (SELECT 1 FROM webhook_deliveries o WHERE o.message_id = d.message_id AND o.endpoint_id = d.endpoint_id AND o.state = 'pending')`,
		endpointID, since).Scan(&n).Error
	if err != nil {
		return 0, fmt.Errorf("count what to replay: %w", err)
	}
	return n, nil
}
