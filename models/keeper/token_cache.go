package keeper

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// cacheSize is the maximum number of decrypted access tokens in memory.
	cacheSize = 4096
	// cacheAge is how long each may stay there.
	cacheAge = 5 * time.Minute
)

// tokenCache holds decrypted access tokens for a short time. An entry counts only while
// the database has its generation. Each use asks the database first, so a disconnect or
// reconnect on any instance ends the entry at once.
type tokenCache struct {
	mu      sync.Mutex
	entries map[uuid.UUID]cachedToken
}

type cachedToken struct {
	Access
	companyID uuid.UUID
	since     time.Time
}

// has says whether there is a token of the connection. The caller does not know the
// company yet, so the token itself must come from get.
func (c *tokenCache) has(connectionID uuid.UUID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.entries[connectionID]
	return ok
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
