package accounts

import "github.com/google/uuid"

// KeyLimit is the most requests that an instance accepts from a key at once. After
// KeyLimitSeconds without a request, all of them are there again.
const (
	KeyLimit        = keyBurst
	KeyLimitSeconds = keyBurst / keyPerSecond
)

// Left returns how many requests this instance accepts from a key at once.
func (a *APIKeys) Left(id uuid.UUID) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	limit := a.limits[id]
	if limit == nil {
		return KeyLimit
	}
	return max(0, int(limit.TokensAt(a.db.Now())))
}
