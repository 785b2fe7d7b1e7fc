package accounts

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

const (
	// keyPerSecond and keyBurst limit how often each instance accepts a key.
	keyPerSecond = 200
	keyBurst     = 400
)

// keyUse is the use of a key since the last flush.
type keyUse struct {
	reads   int64
	last    time.Time // zero if it was only refused
	address string    // of the last use
	oldLast time.Time // the last use of the secret before the last roll

	refused        int64
	refusedAt      time.Time
	refusedAddress string
}

// and adds other, which is the earlier use, to u.
func (u keyUse) and(other keyUse) keyUse {
	u.reads += other.reads
	if u.last.Before(other.last) {
		u.last, u.address = other.last, other.address
	}
	if u.oldLast.Before(other.oldLast) {
		u.oldLast = other.oldLast
	}
	u.refused += other.refused
	if u.refusedAt.Before(other.refusedAt) {
		u.refusedAt, u.refusedAddress = other.refusedAt, other.refusedAddress
	}
	return u
}

// keyQuery finds a key by its secret, or by the one that it had before.
const keyQuery = `SELECT k.id, k.company_id, k.name, k.key_hash, k.scopes, k.expires_at, k.caller_name, k.return_urls, k.revoked_at, k.old_until, c.locked_at
	FROM api_keys k LEFT JOIN companies c ON c.id = k.company_id WHERE k.key_hash = $1 OR k.old_key_hash = $1`

// Check returns the key that a request from an address has sent. It returns
// ErrNotFound for an unknown, revoked, or expired key, a ThrottledError for one that is
// used too often, and ErrLocked for one whose company is locked. With the last two, it
// returns the ID of the key. It counts every refusal of a key that exists.
func (a *APIKeys) Check(ctx context.Context, sent secret.Value, address string) (APIKey, error) {
	if !WellFormed(sent) {
		return APIKey{}, database.ErrNotFound
	}
	var key APIKey
	var lockedAt *time.Time
	hash := database.HashOf(sent)
	err := a.db.ReadRow(ctx, keyQuery, []any{hash}, &key.ID, &key.CompanyID, &key.Name, &key.KeyHash, &key.Scopes, &key.ExpiresAt,
		&key.CallerName, &key.ReturnURLs, &key.RevokedAt, &key.OldUntil, &lockedAt)
	if err != nil {
		return APIKey{}, database.Found(err, "check API key")
	}
	old := subtle.ConstantTimeCompare(hash, key.KeyHash) == 0
	if now := a.db.Now(); !key.Works(now) || old && (key.OldUntil == nil || !key.OldUntil.After(now)) {
		return a.admit(key, database.ErrNotFound, old, address)
	}
	if lockedAt != nil {
		return a.admit(key, ErrLocked, old, address)
	}
	return a.admit(key, nil, old, address)
}

// Admit is Check for a key that was just read and found to work.
func (a *APIKeys) Admit(id uuid.UUID, address string) error {
	_, err := a.admit(APIKey{ID: id}, nil, false, address)
	return err
}

// admit counts the use of a key that was just read. It refuses the key if there is an
// error, or if it is used too often. old says that a key was sent as it was before the
// last roll.
func (a *APIKeys) admit(key APIKey, err error, old bool, address string) (APIKey, error) {
	now := a.db.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	use := a.uses[key.ID]
	defer func() { a.uses[key.ID] = use }()
	refuse := func(err error) (APIKey, error) {
		use.refused, use.refusedAt, use.refusedAddress = use.refused+1, now, address
		return APIKey{ID: key.ID}, err
	}
	if errors.Is(err, database.ErrNotFound) {
		_, err := refuse(err)
		return APIKey{}, err
	}
	limit := a.limits[key.ID]
	if limit == nil {
		limit = rate.NewLimiter(keyPerSecond, keyBurst)
		a.limits[key.ID] = limit
	}
	if !limit.AllowN(now, 1) {
		return refuse(&ThrottledError{Until: now.Add(time.Second)})
	}
	use.last, use.address = now, address
	if old {
		use.oldLast = now
	}
	if err != nil {
		return refuse(err)
	}
	return key, nil
}

// CountRead counts that a key was used, from an address, to read a connection's
// token. Flush stores the count later, so that nobody who asks for a token waits
// for a write.
func (a *APIKeys) CountRead(id, connectionID uuid.UUID, address string) {
	now := a.db.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	use := a.uses[id]
	use.reads++
	a.uses[id] = use
	a.reads.add(id, connectionID, address, now)
}

// Flush stores what was counted since the last flush. A process that is killed
// loses its counts since then.
func (a *APIKeys) Flush(ctx context.Context) error {
	return errors.Join(a.flushUses(ctx), a.flushTokenReads(ctx))
}

func (a *APIKeys) flushUses(ctx context.Context) error {
	a.mu.Lock()
	uses := a.uses
	a.uses = map[uuid.UUID]keyUse{}
	a.mu.Unlock()
	if len(uses) == 0 {
		return nil
	}
	ctx, cancel := a.db.LimitWork(ctx)
	defer cancel()
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		// All instances lock the rows in the same order, so that they cannot
		// deadlock.
		for _, id := range slices.SortedFunc(maps.Keys(uses), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }) {
			if err := uses[id].write(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		for id, use := range uses { // the next flush writes them
			a.uses[id] = a.uses[id].and(use)
		}
		return fmt.Errorf("store use of API keys: %w", err)
	}
	return nil
}

// write adds the use to the key's row.
func (u keyUse) write(tx *gorm.DB, id uuid.UUID) error {
	set := map[string]any{"reads": gorm.Expr("reads + ?", u.reads)}
	if !u.last.IsZero() {
		set["last_used_at"], set["last_used_address"] = u.last, u.address
	}
	if !u.oldLast.IsZero() {
		set["old_used_at"] = u.oldLast
	}
	if u.refused > 0 {
		set["refused"], set["refused_at"], set["refused_address"] = gorm.Expr("refused + ?", u.refused), u.refusedAt, u.refusedAddress
	}
	return tx.Model(&APIKey{}).Where("id = ?", id).Updates(set).Error
}
