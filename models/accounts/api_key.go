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
	// keyPrefix begins every API key, so that one is recognised where it should
	// not be.
	keyPrefix = "fbk_"
	// keyPerSecond and keyBurst limit how often a key is used, by each instance.
	keyPerSecond = 200
	keyBurst     = 400
)

// APIKey lets a back end read the connections of one company, or of all.
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
	// Refused counts the requests that were refused although the key exists:
	// revoked, locked, or used too often. The last one came at RefusedAt from
	// RefusedAddress.
	Refused        int64
	RefusedAt      *time.Time
	RefusedAddress string
}

// TableName is as the migration has it.
func (APIKey) TableName() string { return "api_keys" }

// APIKeys makes, checks and revokes API keys, and counts what is done with
// them.
type APIKeys struct {
	db     *database.DB
	mu     sync.Mutex
	limits map[uuid.UUID]*rate.Limiter
	uses   map[uuid.UUID]keyUse
	reads  tokenReads
}

// keyUse is what was done with a key since it was last written down.
type keyUse struct {
	reads int64
	last  time.Time // zero if it was only refused

	refused        int64
	refusedAt      time.Time
	refusedAddress string
}

// and is what was done in both, other before u.
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

// NewAPIKeys returns the API keys of a database.
func NewAPIKeys(db *database.DB) *APIKeys {
	return &APIKeys{db: db, limits: map[uuid.UUID]*rate.Limiter{}, uses: map[uuid.UUID]keyUse{}, reads: newTokenReads()}
}

// Create makes a key for a company, or for all if companyID is nil. The secret
// cannot be read again. A company that is not there is ErrNotFound, and a name
// that ParseName refuses is a badNameError.
func (a *APIKeys) Create(ctx context.Context, by Actor, companyID *uuid.UUID, name string) (APIKey, secret.Value, error) {
	name, problem := ParseName(name)
	if problem != NameFine {
		return APIKey{}, secret.Value{}, fmt.Errorf("create API key: %w", badNameError{problem})
	}
	made := secret.New(keyPrefix + strings.ToLower(rand.Text()+rand.Text()))
	key := APIKey{ID: database.NewID(), CompanyID: companyID, Name: name, KeyHash: database.HashOf(made), CreatedAt: a.db.Now()}
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		if companyID != nil {
			if err := tx.Select("id").Where("id = ?", *companyID).Take(&Company{}).Error; err != nil {
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

// Revoke ends a key at once, on every instance. One that is not there, or was
// revoked before, is ErrNotFound.
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

// List is every key, oldest first, the revoked ones too.
func (a *APIKeys) List(ctx context.Context) ([]APIKey, error) {
	var list []APIKey
	if err := a.db.Read(ctx).Order("id").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return list, nil
}

// Check finds the key that was sent from an address. An unknown or revoked one is
// ErrNotFound, one used too often a ThrottledError, and one of a locked company
// ErrLocked. Refusals of a key that exists are counted.
func (a *APIKeys) Check(ctx context.Context, sent secret.Value, address string) (APIKey, error) {
	var keys []struct {
		APIKey
		LockedAt *time.Time
	}
	if sent.IsZero() {
		return APIKey{}, database.ErrNotFound
	}
	err := a.db.Read(ctx).Raw(`SELECT k.id, k.company_id, k.name, k.revoked_at, c.locked_at FROM api_keys k LEFT JOIN companies c ON c.id = k.company_id
		WHERE k.key_hash = ?`, database.HashOf(sent)).Scan(&keys).Error
	if err != nil {
		return APIKey{}, fmt.Errorf("check API key: %w", err)
	}
	if len(keys) == 0 {
		return APIKey{}, database.ErrNotFound
	}
	key, now := keys[0].APIKey, a.db.Now()
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
	if keys[0].LockedAt != nil {
		return refuse(ErrLocked)
	}
	return key, nil
}

// CountRead counts a connection's token that was read with a key from an address.
// It is written down by Flush: whoever asks for a token waits for no write.
func (a *APIKeys) CountRead(id, connectionID uuid.UUID, address string) {
	now := a.db.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	use := a.uses[id]
	use.reads++
	a.uses[id] = use
	a.reads.add(id, connectionID, address, now)
}

// Flush writes down what was counted since the last time. A process that is killed
// loses what it has counted since.
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
		// Instances that write at the same moment lock the rows in one order.
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
		for id, use := range uses { // they are written the next time
			a.uses[id] = a.uses[id].and(use)
		}
		return fmt.Errorf("count API key's use: %w", err)
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
