package webhook

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/outbound"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// Webhooks manages endpoints and sends messages to them. whose is nil in its methods
// for the operator, or else the company. What belongs to another does not exist.
type Webhooks struct {
	db   *database.DB
	keys *seal.Keys
	// client sends to endpoints of the operator, and public to those of companies,
	// which cannot be in the operator's networks.
	client, public *outbound.Client
	log            *slog.Logger
	watch          func(delivered bool, took time.Duration)
}

// New returns the webhooks of a database. Run sends the messages.
func New(db *database.DB, keys *seal.Keys, client *outbound.Client, log *slog.Logger) *Webhooks {
	public := outbound.New(client.Rules().WithoutNetworks())
	return &Webhooks{db: db, keys: keys, client: client, public: public, log: log, watch: func(bool, time.Duration) {}}
}

// clientOf returns the client for endpoints of a company, or of the operator.
func (w *Webhooks) clientOf(whose *uuid.UUID) *outbound.Client {
	if whose == nil {
		return w.client
	}
	return w.public
}

// Watch calls each for every attempt to deliver. Call it before Run.
func (w *Webhooks) Watch(each func(delivered bool, took time.Duration)) { w.watch = each }

// removedAtOnce is how many deliveries one write removes.
const removedAtOnce = 1000

// NewEndpoint is what a person chooses for an endpoint.
type NewEndpoint struct {
	URL         string
	Description string
	// Types are the types that it gets. It gets all if there are none.
	Types []Type
}

// checked returns the choice as columns. It returns an outbound.AddressError,
// ErrDescription, or ErrType.
func (w *Webhooks) checked(whose *uuid.UUID, n NewEndpoint) (Endpoint, error) {
	u, err := w.clientOf(whose).Rules().Check(n.URL)
	if err != nil {
		return Endpoint{}, err
	}
	if len(n.Description) > longestDescription || !database.Storable(n.Description) {
		return Endpoint{}, ErrDescription
	}
	chosen, err := joinTypes(n.Types)
	return Endpoint{URL: u.String(), Description: n.Description, Types: chosen}, err
}

// AddEndpoint adds an endpoint and returns its secret, which is shown only then. It
// returns ErrTooManyEndpoints, or what is wrong with the choice.
func (w *Webhooks) AddEndpoint(ctx context.Context, by accounts.Actor, whose *uuid.UUID, n NewEndpoint) (Endpoint, secret.Value, error) {
	e, err := w.checked(whose, n)
	if err != nil {
		return Endpoint{}, secret.Value{}, fmt.Errorf("add endpoint: %w", err)
	}
	e.ID, e.CompanyID, e.CreatedAt = database.NewID(), whose, w.db.Now()
	made := newSecret()
	if e.SecretSealed, err = w.keys.Seal(made.Reveal(), e.place("secret_sealed")); err != nil {
		return Endpoint{}, secret.Value{}, fmt.Errorf("add endpoint: %w", err)
	}
	err = w.change(ctx, by, whose, accounts.AuditEndpointAdded, e.ID, func(tx *gorm.DB, _ time.Time) error {
		var n int64
		if err := ofOwner(tx, whose).Model(&Endpoint{}).Count(&n).Error; err != nil {
			return err
		}
		if n >= EndpointsAtMost {
			return ErrTooManyEndpoints
		}
		return tx.Create(&e).Error
	})
	if err != nil {
		return Endpoint{}, secret.Value{}, fmt.Errorf("add endpoint: %w", err)
	}
	return e, made, nil
}

// newSecret returns a new secret, as the specification writes it.
func newSecret() secret.Value {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	return secret.New(secretPrefix + base64.StdEncoding.EncodeToString(random[:]))
}

// change makes a change in a transaction, after it has checked that the actor may
// still make it, and records it.
func (w *Webhooks) change(ctx context.Context, by accounts.Actor, whose *uuid.UUID, action accounts.AuditAction, target uuid.UUID, do func(tx *gorm.DB, now time.Time) error) error {
	return w.db.Write(ctx, func(tx *gorm.DB) error {
		if err := accounts.StillDeveloper(tx, by, whose); err != nil {
			return err
		}
		now := w.db.Now()
		if err := do(tx, now); err != nil {
			return err
		}
		return by.AuditOf(tx, whose, action, target, "", now)
	})
}

// Endpoints returns all endpoints, oldest first.
func (w *Webhooks) Endpoints(ctx context.Context, whose *uuid.UUID) ([]Endpoint, error) {
	var list []Endpoint
	if err := ofOwner(w.db.Read(ctx), whose).Order("id").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("list endpoints: %w", err)
	}
	return list, nil
}

// Endpoint returns an endpoint, or ErrNotFound.
func (w *Webhooks) Endpoint(ctx context.Context, whose *uuid.UUID, id uuid.UUID) (Endpoint, error) {
	return findEndpoint(w.db.Read(ctx), whose, id)
}

func findEndpoint(db *gorm.DB, whose *uuid.UUID, id uuid.UUID) (Endpoint, error) {
	var e Endpoint
	return e, database.Found(ofOwner(db, whose).Where("id = ?", id).Take(&e).Error, "find endpoint")
}

// ChangeEndpoint changes what a person chose for an endpoint.
func (w *Webhooks) ChangeEndpoint(ctx context.Context, by accounts.Actor, whose *uuid.UUID, id uuid.UUID, n NewEndpoint) error {
	e, err := w.checked(whose, n)
	if err == nil {
		err = w.change(ctx, by, whose, accounts.AuditEndpointChanged, id, func(tx *gorm.DB, _ time.Time) error {
			return w.update(tx, whose, id, map[string]any{"url": e.URL, "description": e.Description, "types": e.Types})
		})
	}
	if err != nil {
		return fmt.Errorf("change endpoint: %w", err)
	}
	return nil
}

// update writes columns of an endpoint. It returns ErrNotFound.
func (w *Webhooks) update(tx *gorm.DB, whose *uuid.UUID, id uuid.UUID, columns map[string]any) error {
	result := ofOwner(tx, whose).Model(&Endpoint{}).Where("id = ?", id).Updates(columns)
	if result.Error == nil && result.RowsAffected == 0 {
		return database.ErrNotFound
	}
	return result.Error
}

// RemoveEndpoint removes an endpoint with all of its deliveries. It disables the endpoint
// first, so that nothing new is queued for it. A process that dies meanwhile leaves it
// disabled.
func (w *Webhooks) RemoveEndpoint(ctx context.Context, by accounts.Actor, whose *uuid.UUID, id uuid.UUID) error {
	err := w.change(ctx, by, whose, accounts.AuditEndpointRemoved, id, func(tx *gorm.DB, now time.Time) error {
		return w.update(tx, whose, id, map[string]any{"disabled_at": now})
	})
	for more := true; err == nil && more; {
		more, err = w.removeSome(ctx, whose, id)
	}
	if err != nil {
		return fmt.Errorf("remove endpoint: %w", err)
	}
	return nil
}

// removeSome removes deliveries of an endpoint, and the endpoint with the last of them. It
// reports whether there is more to do. Each write is short, so that others do not wait.
func (w *Webhooks) removeSome(ctx context.Context, whose *uuid.UUID, id uuid.UUID) (more bool, err error) {
	err = w.db.Write(ctx, func(tx *gorm.DB) error {
		if _, err := findEndpoint(database.ForUpdate(tx), whose, id); err != nil {
			return err
		}
		removed, err := database.Exec(tx, "DELETE FROM webhook_deliveries WHERE seq IN (SELECT seq FROM webhook_deliveries WHERE endpoint_id = $1 ORDER BY seq LIMIT $2)", id, removedAtOnce)
		if more = removed == removedAtOnce; err != nil || more {
			return err
		}
		return tx.Exec("DELETE FROM webhook_endpoints WHERE id = ?", id).Error
	})
	switch {
	case errors.Is(err, database.ErrNotFound): // somebody else has removed the rest
		return false, nil
	case errors.Is(err, gorm.ErrForeignKeyViolated): // a change has queued something since it was disabled
		return true, nil
	}
	return more, err
}
