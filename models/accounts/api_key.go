package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// APIKey allows a back end to do what the key's scopes say, for the connections of one
// company, or of all companies if CompanyID is nil.
type APIKey struct {
	ID        uuid.UUID `gorm:"primaryKey"`
	CompanyID *uuid.UUID
	Name      string
	KeyHash   []byte
	// Scopes are separated by spaces. ScopeList and May read them.
	Scopes string
	// ExpiresAt is nil for a key that does not expire.
	ExpiresAt *time.Time
	// CallerName is what people see when the key's program asks them to connect. Caller
	// reads it.
	CallerName string
	// ReturnURLs are addresses, one a line. ReturnURLList and MayReturnTo read them.
	ReturnURLs string `gorm:"column:return_urls"`
	// Reads counts the tokens that were read with the key.
	Reads           int64
	LastUsedAt      *time.Time
	LastUsedAddress string
	CreatedAt       time.Time
	RevokedAt       *time.Time
	// Refused counts the requests that were refused although the key exists: it was
	// revoked or has expired, its company was locked, or it was used too often. The
	// latest one came at RefusedAt from RefusedAddress.
	Refused        int64
	RefusedAt      *time.Time
	RefusedAddress string
	// RolledAt is when the key got another secret. The one before it has the hash
	// OldKeyHash, works until OldUntil, and was last used at OldUsedAt.
	RolledAt   *time.Time
	OldKeyHash []byte
	OldUntil   *time.Time
	OldUsedAt  *time.Time
}

// TableName returns the table's name, which gorm would spell differently.
func (APIKey) TableName() string { return "api_keys" }

// Caller returns what people see when the key's program asks them to connect.
func (k APIKey) Caller() string {
	if k.CallerName != "" {
		return k.CallerName
	}
	return k.Name
}

// Works reports whether the key was neither revoked nor has expired.
func (k APIKey) Works(now time.Time) bool {
	return k.RevokedAt == nil && (k.ExpiresAt == nil || k.ExpiresAt.After(now))
}

// KeysPerCompany is how many working keys the people of a company may make.
const KeysPerCompany = 20

// keyChanges limits how often the people of a company change its keys.
var keyChanges = Limit{Name: "api-keys", Tries: 60, Per: 24 * time.Hour}

// Errors of what a key is for.
var (
	// ErrNoScope says that a key would have no scope.
	ErrNoScope = errors.New("a key needs at least one scope")
	// ErrExpired says that a key would already have expired.
	ErrExpired = errors.New("the time at which the key expires is past")
	// ErrTooManyKeys says that the company has as many keys as it may have.
	ErrTooManyKeys = errors.New("too many API keys")
)

// APIKeys creates, checks, and revokes API keys. It counts their use in memory
// until Flush.
//
// Methods that take whose act for one company, and find only its keys. They act for
// the operator, and find all keys, if whose is nil.
type APIKeys struct {
	db     *database.DB
	mu     sync.Mutex
	limits map[uuid.UUID]*rate.Limiter
	uses   map[uuid.UUID]keyUse
	reads  tokenReads
}

// NewAPIKeys returns the API keys in a database.
func NewAPIKeys(db *database.DB) *APIKeys {
	return &APIKeys{db: db, limits: map[uuid.UUID]*rate.Limiter{}, uses: map[uuid.UUID]keyUse{}, reads: newTokenReads()}
}

// NewKey says what a new API key is for.
type NewKey struct {
	// CompanyID is the company of the key. It is nil for all companies.
	CompanyID *uuid.UUID
	Name      string
	Scopes    []Scope
	// ExpiresAt is nil for a key that does not expire.
	ExpiresAt *time.Time
	// CallerName is empty for the name of the key.
	CallerName string
	ReturnURLs []string
}

// key returns the record of the key with an ID.
func (n NewKey) key(id uuid.UUID, now time.Time) (APIKey, error) {
	name, problem := ParseName(n.Name)
	if problem != NameFine {
		return APIKey{}, badNameError{problem}
	}
	k := APIKey{ID: id, CompanyID: n.CompanyID, Name: name, Scopes: joinScopes(ordered(n.Scopes)), ExpiresAt: database.InUTC(n.ExpiresAt), CreatedAt: now}
	switch {
	case k.Scopes == "":
		return APIKey{}, ErrNoScope
	case !k.Works(now):
		return APIKey{}, ErrExpired
	}
	return k, k.callAs(n.CallerName, n.ReturnURLs)
}

// callAs sets what concerns the people whom the key's program asks to connect.
func (k *APIKey) callAs(caller string, returnURLs []string) error {
	k.CallerName = ""
	if strings.TrimSpace(caller) != "" {
		name, problem := ParseName(caller)
		if problem != NameFine {
			return badNameError{problem}
		}
		k.CallerName = name
	}
	urls, err := parseReturnURLs(returnURLs)
	k.ReturnURLs = strings.Join(urls, "\n")
	return err
}

// Create makes a key for the operator. Only its hash is stored, so the returned secret
// cannot be read again. Create returns ErrNotFound if the company does not exist, and an
// error that gives the reason if it refuses what the key is for.
func (a *APIKeys) Create(ctx context.Context, by Actor, n NewKey) (APIKey, secret.Value, error) {
	return a.create(ctx, by, nil, n)
}

// CreateOwn makes a key for the visitor's own company, as Create does. It returns
// ErrTooManyKeys if the company has as many as it may have.
func (a *APIKeys) CreateOwn(ctx context.Context, v Visitor, n NewKey) (APIKey, secret.Value, error) {
	n.CompanyID = &v.CompanyID
	return a.create(ctx, v.Actor(), &v.CompanyID, n)
}

func (a *APIKeys) create(ctx context.Context, by Actor, whose *uuid.UUID, n NewKey) (APIKey, secret.Value, error) {
	now := a.db.Now()
	key, err := n.key(database.NewID(), now)
	made := newKey()
	if err == nil {
		key.KeyHash = database.HashOf(made)
		err = a.db.Write(ctx, func(tx *gorm.DB) error {
			if err := a.room(tx, whose, now); err != nil {
				return err
			}
			if err := StillDeveloper(tx, by, whose); err != nil {
				return err
			}
			if key.CompanyID != nil {
				if err := tx.Select("id").Where("id = ? AND deleted_at IS NULL", *key.CompanyID).Take(&Company{}).Error; err != nil {
					return database.Found(err, "find company")
				}
			}
			return errors.Join(tx.Create(&key).Error, by.auditKey(tx, whose, AuditKeyCreated, key, now))
		})
	}
	if err != nil {
		return APIKey{}, secret.Value{}, fmt.Errorf("create API key: %w", err)
	}
	return key, made, nil
}

// room returns an error if a company may not make another key.
func (a *APIKeys) room(tx *gorm.DB, whose *uuid.UUID, now time.Time) error {
	if whose == nil {
		return nil
	}
	if err := keyChanges.Take(tx, whose.String(), now); err != nil {
		return err
	}
	var n int64
	err := database.ForUpdate(tx.Select("id")).Where("id = ?", *whose).Take(&Company{}).Error // the count waits for other keys
	if err == nil {
		err = working(tx.Model(&APIKey{}), now).Where("company_id = ?", *whose).Count(&n).Error
	}
	if err == nil && n >= KeysPerCompany {
		err = ErrTooManyKeys
	}
	return database.Found(err, "count API keys")
}
