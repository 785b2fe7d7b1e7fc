package keeper

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// cacheSize bounds how many opened tokens are in memory.
	cacheSize = 4096
	// cacheAge bounds for how long.
	cacheAge = 5 * time.Minute
)

// tokenCache holds opened tokens for a short while. An entry counts only for
// the generation that the database still has; whoever uses one asks first, so
// a disconnect or reconnect on any instance ends it at once.
type tokenCache struct {
	mu      sync.Mutex
	entries map[uuid.UUID]cachedToken
}

type cachedToken struct {
	Access
	companyID uuid.UUID
	since     time.Time
}

func (c *tokenCache) get(companyID, connectionID uuid.UUID, now time.Time) (Access, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[connectionID]
	if !ok || e.companyID != companyID {
		return Access{}, false
	}
	if now.Sub(e.since) >= cacheAge || e.ExpiresAt.Sub(now) <= freshFor {
		delete(c.entries, connectionID)
		return Access{}, false
	}
	return e.Access, true
}

func (c *tokenCache) put(companyID, connectionID uuid.UUID, a Access, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil {
		c.entries = map[uuid.UUID]cachedToken{}
	}
	for id := range c.entries { // any will do
		if len(c.entries) < cacheSize {
			break
		}
		delete(c.entries, id)
	}
	c.entries[connectionID] = cachedToken{Access: a, companyID: companyID, since: now}
}

func (c *tokenCache) drop(connectionID uuid.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, connectionID)
}
