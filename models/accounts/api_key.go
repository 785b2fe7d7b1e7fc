package accounts

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

const (
	// keyPrefix starts every API key, so that scanners recognize a leaked one.
	keyPrefix = "fbk_"
	// keyPerSecond and keyBurst limit how often each instance accepts a key.
	keyPerSecond = 200
	keyBurst     = 400
)

// APIKey allows a back end to read the connections of one company, or of all
// companies if CompanyID is nil.
type APIKey struct {
	ID        uuid.UUID `gorm:"primaryKey"`
	CompanyID *uuid.UUID
	Name      string
	KeyHash   []byte
	// Reads counts the tokens that were read with the key.
	Reads      int64
	LastUsedAt *time.Time
	CreatedAt  time.Time
	RevokedAt  *time.Time
	// Refused counts the requests that were refused although the key exists: it was
	// revoked, its company was locked, or it was used too often. The latest one
	// came at RefusedAt from RefusedAddress.
	Refused        int64
	RefusedAt      *time.Time
	RefusedAddress string
}

// TableName returns the table's name, which gorm would spell differently.
func (APIKey) TableName() string { return "api_keys" }

// APIKeys creates, checks, and revokes API keys. It counts their use in memory
// until Flush.
type APIKeys struct {
	db     *database.DB
	mu     sync.Mutex
	limits map[uuid.UUID]*rate.Limiter
	uses   map[uuid.UUID]keyUse
	reads  tokenReads
}

// keyUse is the use of a key since the last flush.
type keyUse struct {
	reads int64
	last  time.Time // zero if it was only refused

	refused        int64
	refusedAt      time.Time
	refusedAddress string
}

// and adds other, which is the earlier use, to u.
func (u keyUse) and(other keyUse) keyUse {
	u.reads += other.reads
	if u.last.Before(other.last) {
		u.last = other.last
	}
	u.refused += other.refused
	if u.refusedAt.Before(other.refusedAt) {
		u.refusedAt, u.refusedAddress = other.refusedAt, other.refusedAddress
	}
	return u
}

// NewAPIKeys returns the API keys in a database.
func NewAPIKeys(db *database.DB) *APIKeys {
	return &APIKeys{db: db, limits: map[uuid.UUID]*rate.Limiter{}, uses: map[uuid.UUID]keyUse{}, reads: newTokenReads()}
}

// Create makes a key for a company, or for all companies if companyID is nil. Only
// its hash is stored, so the returned secret cannot be read again. Create returns
// ErrNotFound if the company does not exist, and an error that gives the reason if
// ParseName refuses the name.
func (a *APIKeys) Create(ctx context.Context, by Actor, companyID *uuid.UUID, name string) (APIKey, secret.Value, error) {
	name, problem := ParseName(name)
	if problem != NameFine {
		return APIKey{}, secret.Value{}, fmt.Errorf("create API key: %w", badNameError{problem})
	}
	made := secret.New(keyPrefix + strings.ToLower(rand.Text()+rand.Text()))
	key := APIKey{ID: database.NewID(), CompanyID: companyID, Name: name, KeyHash: database.HashOf(made), CreatedAt: a.db.Now()}
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		if companyID != nil {
			if err := tx.Select("id").Where("id = ? AND deleted_at IS NULL", *companyID).Take(&Company{}).Error; err != nil {
				return database.Found(err, "find company")
			}
		}
		if err := tx.Create(&key).Error; err != nil {
			return err
		}
		whose := "all companies"
		if companyID != nil {
			whose = "company " + companyID.String()
		}
		return by.audit(tx, AuditKeyCreated, key.ID, whose, key.CreatedAt)
	})
	if err != nil {
		return APIKey{}, secret.Value{}, fmt.Errorf("create API key: %w", err)
	}
	return key, made, nil
}

// Revoke ends a key at once, on every instance. It returns ErrNotFound if the key
// does not exist or was already revoked.
func (a *APIKeys) Revoke(ctx context.Context, by Actor, id uuid.UUID) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		result := tx.Model(&APIKey{}).Where("id = ? AND revoked_at IS NULL", id).Update("revoked_at", a.db.Now())
		if result.Error == nil && result.RowsAffected == 0 {
			return database.ErrNotFound
		}
		return errors.Join(result.Error, by.audit(tx, AuditKeyRevoked, id, "", a.db.Now()))
	})
	if err != nil {
		return fmt.Errorf("revoke API key: %w", err)
	}
	return nil
}

// List returns all keys, oldest first, including revoked ones.
func (a *APIKeys) List(ctx context.Context) ([]APIKey, error) {
	var keys []APIKey
	if err := a.db.Read(ctx).Order("id").Find(&keys).Error; err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return keys, nil
}

// Check returns the key that a request from an address has sent. It returns
// ErrNotFound for an unknown or revoked key, a ThrottledError for one that is used
// too often, and ErrLocked for one whose company is locked. It counts every refusal
// of a key that exists.
func (a *APIKeys) Check(ctx context.Context, sent secret.Value, address string) (APIKey, error) {
	if sent.IsZero() {
		return APIKey{}, database.ErrNotFound
	}
	var key APIKey
	var lockedAt *time.Time
	err := a.db.ReadRow(ctx, `SELECT k.id, k.company_id, k.name, k.revoked_at, c.locked_at FROM api_keys k LEFT JOIN companies c ON c.id = k.company_id
		WHERE k.key_hash = $1`, []any{database.HashOf(sent)}, &key.ID, &key.CompanyID, &key.Name, &key.RevokedAt, &lockedAt)
	if err != nil {
		return APIKey{}, database.Found(err, "check API key")
	}
	return a.admit(key, lockedAt != nil, address)
}

// Admit is Check for a key that was just read, is not revoked, and whose company is
// not locked.
func (a *APIKeys) Admit(id uuid.UUID, address string) error {
	_, err := a.admit(APIKey{ID: id}, false, address)
	return err
}

// admit refuses a key that was just read, or counts its use.
func (a *APIKeys) admit(key APIKey, locked bool, address string) (APIKey, error) {
	now := a.db.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	use := a.uses[key.ID]
	defer func() { a.uses[key.ID] = use }()
	refuse := func(err error) (APIKey, error) {
		use.refused, use.refusedAt, use.refusedAddress = use.refused+1, now, address
		return APIKey{}, err
	}
	if key.RevokedAt != nil {
		return refuse(database.ErrNotFound)
	}
	limit := a.limits[key.ID]
	if limit == nil {
		limit = rate.NewLimiter(keyPerSecond, keyBurst)
		a.limits[key.ID] = limit
	}
	if !limit.AllowN(now, 1) {
		return refuse(&ThrottledError{Until: now.Add(time.Second)})
	}
	use.last = now
	if locked {
		return refuse(ErrLocked)
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
		set["last_used_at"] = u.last
	}
	if u.refused > 0 {
		set["refused"], set["refused_at"], set["refused_address"] = gorm.Expr("refused + ?", u.refused), u.refusedAt, u.refusedAddress
	}
	return tx.Model(&APIKey{}).Where("id = ?", id).Updates(set).Error
}
