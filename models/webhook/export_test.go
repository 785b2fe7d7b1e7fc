package webhook

import (
	"context"

	"github.com/google/uuid"
)

// This file exports to the tests in package webhook_test what they need besides the
// package's API.

// TriedFor is how long a delivery is tried.
const TriedFor = triedFor

// Queued is a row of webhook_messages.
type Queued = message

// SendDue sends what is due now, and returns once all of it was sent.
func (w *Webhooks) SendDue(ctx context.Context) error {
	s := &sender{Webhooks: w, working: map[uuid.UUID]bool{}}
	defer s.all.Wait()
	return s.startDue(ctx)
}
